"""What the Dockerfile says, for tests that run no container."""

from __future__ import annotations

import dataclasses
import fnmatch
import shlex
import shutil
from pathlib import Path

from tests.conftest import REPOSITORY

SOURCES = "/opt/artist_sim"
"""Where artist_sim lies in the image."""


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One line of the Dockerfile, continued lines joined: its word, its arguments."""

    word: str
    arguments: tuple[str, ...]


def instructions() -> list[Instruction]:
    """All of them in order, comments left out."""
    text = (REPOSITORY / "Dockerfile").read_text()
    kept = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    joined = "\n".join(kept).replace("\\\n", " ").splitlines()
    found = []
    for line in joined:
        word, _, rest = line.partition(" ")
        found.append(Instruction(word, tuple(shlex.split(rest))))
    return found


def copied(variant: str) -> list[tuple[Path, str]]:
    """Each file or folder of the repository that is copied, and where to.

    Args:
      variant: cpu or gpu.
    """
    folder = "/"
    found = []
    for one in instructions():
        if one.word == "WORKDIR":
            (folder,) = one.arguments
        if one.word == "COPY" and not one.arguments[0].startswith("--"):
            *sources, target = one.arguments
            for source in sources:
                path = REPOSITORY / source.replace("${VARIANT}", variant)
                place = target if target.startswith("/") else f"{folder}/{target}"
                if place.endswith(("/", "/.")) or len(sources) > 1:
                    place = f"{place.rstrip('/.')}/{path.name}"
                found.append((path, place))
    return found


def environment() -> dict[str, str]:
    """The variables of every variant."""
    of_all = next(one for one in instructions() if one.word == "ENV")
    return dict(pair.split("=", 1) for pair in of_all.arguments)


def is_ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path of the repository out, as its last line that fits says."""
    parts = path.split("/")
    above = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    ignored = False
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        if pattern.startswith("**/"):
            fits = any(fnmatch.fnmatch(part, pattern[3:]) for part in parts)
        else:
            # A `*` does not go over a `/`, so a pattern fits a path of as many parts.
            fits = any(
                one.count("/") == pattern.count("/") and fnmatch.fnmatch(one, pattern)
                for one in above
            )
        if fits:
            ignored = not line.startswith("!")
    return ignored


def lay_out_sources(folder: Path) -> Path:
    """Makes what the image has of artist_sim, and returns its folder."""
    for source, place in copied("cpu"):
        if not place.startswith(f"{SOURCES}/"):
            continue
        target = folder / place.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_file():
            shutil.copyfile(source, target)
            continue
        for file in sorted(path for path in source.rglob("*") if path.is_file()):
            if not is_ignored(str(file.relative_to(REPOSITORY))):
                below = target / file.relative_to(source)
                below.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, below)
    return folder / SOURCES.removeprefix("/")
