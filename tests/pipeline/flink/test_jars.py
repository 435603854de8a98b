"""The jars of Flink: fetched once, held against their checksums, nothing half."""

import hashlib
import io
import zipfile

import pytest

from catalogues.errors import InputError
from pipeline.flink.jars import POM, expected_jars, fetch_jars, find_java
from pipeline.flink.loopback import CLASS, by_address
from tests.pipeline.flink.class_files import class_file, core_jar
from tests.pipeline.flink.programs import write_java, write_maven

CORE = "beam-sdks-java-core-1.jar"
FILES = {"a.jar": b"one", "b.jar": b"two", CORE: core_jar()}


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """The one folder on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def fetch(tmp_path):
    checksums = tmp_path / "checksums"
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in FILES.items())
    checksums.write_text("\n".join(lines) + "\n")
    return lambda: fetch_jars(tmp_path / "flink", POM, checksums)


def left_over(tmp_path):
    return [path.name for path in (tmp_path / "flink").glob("*") if path.is_dir()]


def test_jars_are_fetched_once(programs, fetch, tmp_path):
    write_maven(programs, FILES)
    jars = fetch()
    found = {path.name: path.read_bytes() for path in jars.iterdir()}
    with zipfile.ZipFile(io.BytesIO(found.pop(CORE))) as core:
        assert core.read(CLASS) == by_address(class_file())
    assert found == {"a.jar": b"one", "b.jar": b"two"}
    assert left_over(tmp_path) == [jars.name]
    (programs / "mvn").unlink()
    assert fetch() == jars


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        (FILES | {"b.jar": b"changed"}, "'b.jar' has another SHA-256"),
        ({"a.jar": b"one", CORE: FILES[CORE]}, "'b.jar' is missing"),
        (FILES | {"c.jar": b"three"}, "'c.jar' is not expected"),
    ],
)
def test_other_jars_than_the_chosen_ones_are_not_used(programs, fetch, tmp_path, files, fault):
    write_maven(programs, files)
    with pytest.raises(InputError, match=fault):
        fetch()
    assert left_over(tmp_path) == []


def test_a_failed_download_is_told_with_its_reason(programs, fetch, tmp_path):
    write_maven(programs, FILES, message="Could not transfer artifact x: no route")
    with pytest.raises(InputError, match=r"fetch the jars.*\(Could not transfer .*no route\)"):
        fetch()
    assert left_over(tmp_path) == []


def test_what_is_missing_is_told(programs, fetch):
    with pytest.raises(InputError, match="no `mvn` on the PATH"):
        fetch()
    with pytest.raises(InputError, match="no `java` on the PATH"):
        find_java()


@pytest.mark.parametrize("version", ["1.8.0_402", "10.0.2"])
def test_an_old_java_is_refused(programs, version):
    write_java(programs, version)
    with pytest.raises(InputError, match=f"`java` is {version.removeprefix('1.').split('.')[0]};"):
        find_java()


def test_a_new_java_is_taken(programs):
    write_java(programs, "21")
    assert find_java() == str(programs / "java")


def test_the_jars_that_the_pom_names_are_among_the_chosen_ones():
    jars = expected_jars()
    for name in ("beam-runners-flink-1.19-2.62.0", "flink-runtime-1.19.0", "slf4j-jdk14-1.7.36"):
        assert len(jars[f"{name}.jar"]) == 64
