"""Files that appear whole or not at all, on whatever file system Beam knows."""

from __future__ import annotations

import contextlib
import json
import uuid
from typing import IO, Any

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems


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
