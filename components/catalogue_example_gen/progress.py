"""How far the graph builder is, for a person who waits."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Final

from components.beam_progress import tell

READING: Final = "reading tables"
JOINING: Final = "joining edges"
WRITING: Final = "writing ego graphs"
SAMPLING: Final = "sampling subgraphs"

_STRIDE: Final = 500


class Advance:
    """Counts one phase's elements and tells of them now and then."""

    def __init__(self, phase: str):
        self._phase = phase
        self._count = 0

    def one(self) -> None:
        """One more element is done."""
        self._count += 1
        if self._count >= _STRIDE:
            self.flush()

    def flush(self) -> None:
        """Tells what has not been told yet."""
        if self._count:
            tell(self._phase, self._count)
        self._count = 0


def num_rows(path: Path) -> int:
    """About how many rows a table file has, for the bar's length.

    Exact for Parquet; lines for the others, which quoted line breaks and blank lines put off. 0 for
    a damaged file, about which the reader has more to say.
    """
    import pyarrow as pa
    import pyarrow.parquet

    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            return pa.parquet.read_metadata(path).num_rows
        with gzip.open(path) if name.endswith(".gz") else path.open("rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except (pa.ArrowInvalid, OSError, EOFError, zlib.error):
        return 0
    return max(0, lines - (not name.endswith((".jsonl", ".jsonl.gz"))))
