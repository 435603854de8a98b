"""The change to one class of Beam's, on a class that was put together by hand."""

import struct
import zipfile

import pytest

from pipeline.flink.loopback import CLASS, by_address, listen_where_told

BUILDER = "org/apache/beam/vendor/grpc/v1p60p1/io/grpc/netty/NettyServerBuilder"
ADDRESS = "java/net/InetSocketAddress"
# aload_1, invokevirtual 6, invokestatic 12, areturn
CALL = bytes.fromhex("2b b6 0006 b8 000c b0")


def utf8(text):
    return struct.pack(">BH", 1, len(text)) + text.encode()


def class_file(code=CALL, method="forPort"):
    """Twelve numbers of constants, one of which is eight bytes long; then code alone."""
    constants = [
        utf8(ADDRESS),
        struct.pack(">BH", 7, 1),
        utf8("getPort"),
        utf8("()I"),
        struct.pack(">BHH", 12, 3, 4),
        struct.pack(">BHH", 10, 2, 5),
        utf8(BUILDER),
        struct.pack(">BH", 7, 7),
        utf8(method),
        utf8(f"(I)L{BUILDER};"),
        struct.pack(">BHH", 12, 9, 10),
        struct.pack(">BHH", 10, 8, 11),
        struct.pack(">Bq", 5, 20),
    ]
    head = bytes.fromhex("cafebabe 0000 0034") + struct.pack(">H", len(constants) + 2)
    return head + b"".join(constants) + code


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
        (class_file().replace(utf8(ADDRESS), b"\x02" + utf8(ADDRESS)[1:]), "tag 2"),
    ],
)
def test_another_class_is_refused(changed, fault):
    with pytest.raises(ValueError, match=fault):
        by_address(changed)


def test_the_rest_of_the_jar_stays(tmp_path):
    jar = tmp_path / "core.jar"
    with zipfile.ZipFile(jar, "w") as file:
        file.writestr("META-INF/", "")
        file.writestr(CLASS, class_file())
        file.writestr("other.class", b"other")
    listen_where_told(jar)
    with zipfile.ZipFile(jar) as file:
        found = {name: file.read(name) for name in file.namelist()}
    assert found == {CLASS: by_address(class_file()), "other.class": b"other"}
    assert list(tmp_path.iterdir()) == [jar]
