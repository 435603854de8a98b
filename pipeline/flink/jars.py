"""The jars of Flink and of Beam's job server: fetched once by Maven, and only if they are right."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from catalogues.errors import InputError
from pipeline.flink import loopback

POM: Final = Path(__file__).with_name("pom.xml")
CHECKSUMS: Final = Path(__file__).with_name("jars.sha256")
OLDEST_JAVA: Final = 11
_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_JAVA: Final = "install Java 17 (Debian: `openjdk-17-jre-headless`)"
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')


def find_java() -> str:
    """Returns the path of `java`.

    Raises:
      InputError: there is none, or it is too old.
    """
    java = shutil.which("java")
    if not java:
        raise InputError(f"Flink needs Java, and there is no `java` on the PATH; {_JAVA}.")
    said = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    version = _VERSION.search(said)
    if not version or int(version[1]) < OLDEST_JAVA:
        found = version[1] if version else "of a version that it does not tell"
        raise InputError(
            f"Flink needs Java {OLDEST_JAVA} or newer, and `java` is {found}; {_JAVA}."
        )
    return java


def expected_jars(checksums: Path = CHECKSUMS) -> dict[str, str]:
    """The name of each jar -> its SHA-256, in hexadecimal digits."""
    lines = checksums.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def fetch_jars(folder: Path, pom: Path = POM, checksums: Path = CHECKSUMS) -> Path:
    """Returns the folder of the jars, which Maven fetches where they are not there yet: 152 MB.

    Jars that are there were checked as they came; one class of Beam's was changed then
    (`loopback.py`).

    Args:
      folder: gets a folder of the jars of this pom, these checksums and this change.
      pom: names the jars.
      checksums: their SHA-256.

    Raises:
      InputError: there is no Maven, it fails, or a jar is missing, unexpected or another one.
    """
    given = pom.read_bytes() + checksums.read_bytes() + loopback.CHANGE
    named = hashlib.sha256(given).hexdigest()[:12]
    jars = folder / f"jars-{named}"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if not maven:
        raise InputError(
            "The jars of Flink are fetched by Maven, and there is no `mvn` on the PATH; install "
            "it (Debian: `maven`)."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as beside:
        fetched = Path(beside, "jars")
        command = [maven, "-q", "-B", "-f", str(pom), _PLUGIN]
        command += ["-DincludeScope=runtime", f"-DoutputDirectory={fetched}"]
        log = folder / "fetch.log"
        with log.open("wb") as file:
            status = subprocess.run(command, cwd=beside, stdout=file, stderr=file).returncode
        if status:
            raise InputError(
                f"Maven could not fetch the jars of Flink ({_first_error(log)}); mend its access "
                "to Maven Central and run this again. All that it said: "
                f"'{folder.name}/{log.name}' in the home."
            )
        _check(fetched, expected_jars(checksums))
        loopback.listen_where_told(fetched)
        try:
            fetched.rename(jars)
        except OSError:
            # Another one, who fetched at the same time, was first.
            if not jars.is_dir():
                raise
    return jars


def _check(folder: Path, expected: dict[str, str]) -> None:
    found = {path.name: path for path in folder.iterdir()}
    for name in sorted(found.keys() | expected.keys()):
        if name not in found:
            fault = f"'{name}' is missing"
        elif name not in expected:
            fault = f"'{name}' is not expected"
        elif hashlib.sha256(found[name].read_bytes()).hexdigest() != expected[name]:
            fault = f"'{name}' has another SHA-256 than it had when it was chosen"
        else:
            continue
        raise InputError(
            f"Of the jars that Maven fetched for Flink {fault}, so none is used; clear Maven's "
            "local repository of it, or fetch from Maven Central instead of a mirror."
        )


def _first_error(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line.removeprefix("[ERROR]").strip() for line in lines if "[ERROR]" in line]
    return errors[0][:200].rstrip(". ") if errors and errors[0] else "it gave no reason"
