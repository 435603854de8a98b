"""Opening a text table, compressed or not, so that odd bytes are seen and not fatal."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from catalogues.errors import InputError


@contextmanager
def open_text(path: Path, file: str, *, newline: str) -> Iterator[IO[str]]:
    """Opens a table as UTF-8 text; a byte order mark is skipped.

    Args:
        path: the file; `.gz` is decompressed.
        file: what messages call it.
        newline: as for `open`.

    Yields:
        The text. Bytes that are no UTF-8 come as lone surrogates (`surrogateescape`).

    Raises:
        InputError: the compressed data is damaged; raised where the reading meets the damage.
    """
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with cast(IO[bytes], opened(path, "rb")) as stream:
        text = io.TextIOWrapper(
            stream, encoding="utf-8-sig", errors="surrogateescape", newline=newline
        )
        try:
            yield text
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise InputError(
                f"'{file}' is damaged or no gzip file; compress or copy it again."
            ) from None
