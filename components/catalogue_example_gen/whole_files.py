"""Files that appear whole or not at all, on whatever file system Beam knows."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

_BLOCK: Final = 1 << 20


def write_json(path: str, value: Any) -> None:
    """Writes a value as indented JSON; see `write_bytes`."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def write_text(path: str, text: str) -> None:
    """Writes text as UTF-8; see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: str, content: bytes) -> None:
    """Writes a file beside its place, then puts it there: a reader never sees half of it.

    Args:
      path: a path or an address of one of Beam's file systems.
      content: all of the file, as it is, whatever the path's ending says of compression.
    """
    beside = f"{path}.{uuid.uuid4().hex}.writing"
    with created(beside) as file:
        file.write(content)
    put_in_place(beside, path)


def created(path: str) -> IO[bytes]:
    """A new file, open to be written as it is."""
    return FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)


def put_in_place(beside: str, path: str) -> None:
    """Renames a file to its place, also where an earlier attempt has put one there."""
    folder, _ = FileSystems.split(path)
    if not FileSystems.exists(folder):
        # Another worker may make it at the same time.
        with contextlib.suppress(OSError):
            FileSystems.mkdirs(folder)
    if FileSystems.exists(path):
        FileSystems.delete([path])
    FileSystems.rename([beside], [path])


@contextlib.contextmanager
def on_this_machine(path: str) -> Iterator[Path]:
    """A file as one of this machine; what lies at an address is here as long as it is read.

    Fetched as a whole, as readers go back and forth in some formats.
    """
    if "://" not in path:
        yield Path(path)
        return
    with tempfile.TemporaryDirectory(prefix="artist-sim-") as folder:
        local = Path(folder, path.rpartition("/")[2])
        download(path, local)
        yield local


def download(address: str, path: Path) -> None:
    """Copies a file to this machine, where it appears whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with (
            FileSystems.open(address, compression_type=CompressionTypes.UNCOMPRESSED) as source,
            beside.open("wb") as copy,
        ):
            shutil.copyfileobj(source, copy, _BLOCK)
        beside.rename(path)
    finally:
        beside.unlink(missing_ok=True)


def upload(path: Path, address: str) -> None:
    """Copies a file of this machine to an address."""
    with path.open("rb") as source, created(address) as copy:
        shutil.copyfileobj(source, copy, _BLOCK)
