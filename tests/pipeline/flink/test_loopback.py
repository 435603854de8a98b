"""The change to one class of Beam's, on a class that was put together by hand."""

import struct
import zipfile

import pytest

from pipeline.flink.loopback import CLASS, by_address, listen_where_told
from tests.pipeline.flink.class_files import ADDRESS, BUILDER, CALL, class_file, core_jar, utf8


def test_one_call_takes_the_address_in_place_of_its_port():
    old, new = class_file(), by_address(class_file())
    # The same code, but that the port is not asked for.
    assert new.endswith(bytes.fromhex("2b 00 00 00 b8 000c b0"))
    # The last number was 14, as a long counts twice; 15 and 16 are new.
    assert struct.unpack_from(">H", old, 8) == (15,)
    assert struct.unpack_from(">H", new, 8) == (17,)
    pool = old[10 : -len(CALL)]
    named, renamed = struct.pack(">BHH", 12, 9, 10), struct.pack(">BHH", 12, 15, 16)
    assert pool.count(named) == 1
    added = utf8("forAddress") + utf8(f"(Ljava/net/SocketAddress;)L{BUILDER};")
    assert new[10 : -len(CALL)] == pool.replace(named, renamed) + added


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (class_file(method="forPorts"), "does not call forPort"),
        (class_file(code=b"\xb0"), "not one call"),
        (class_file(code=2 * CALL), "not one call"),
        (class_file(code=CALL + bytes.fromhex("b8 000c")), "not one call"),
        (class_file().replace(utf8(ADDRESS), b"\x02" + utf8(ADDRESS)[1:]), "tag 2"),
    ],
)
def test_another_class_is_refused(changed, fault):
    with pytest.raises(ValueError, match=fault):
        by_address(changed)


def test_the_rest_of_the_jar_stays(tmp_path):
    jar = tmp_path / "beam-sdks-java-core-1.jar"
    jar.write_bytes(core_jar({"other.class": b"other"}))
    listen_where_told(tmp_path)
    with zipfile.ZipFile(jar) as file:
        found = {name: file.read(name) for name in file.namelist()}
    assert found == {CLASS: by_address(class_file()), "other.class": b"other"}
    assert list(tmp_path.iterdir()) == [jar]


def test_without_the_jar_or_the_class_nothing_is_used(tmp_path):
    with pytest.raises(ValueError, match="0 jars"):
        listen_where_told(tmp_path)
    with zipfile.ZipFile(tmp_path / "beam-sdks-java-core-2.jar", "w") as file:
        file.writestr("other.class", b"other")
    with pytest.raises(ValueError, match="no class .*ServerFactory"):
        listen_where_told(tmp_path)
