"""Rows of a table, streamed from CSV, Parquet or JSON Lines, faults and all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from catalogues.errors import InputError
from catalogues.spec import TABLE_ENDINGS

LONE_SURROGATES: Final = re.compile("[\ud800-\udfff]+")
"""What undecodable bytes look like in text that was read with `surrogateescape`."""


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        file: the file's name, relative to the catalogue's folder.
        number: its place in the file; 1 is the first row of data.
        values: the wanted columns' values as the format gives them (CSV: text); None is an
            empty CSV cell, a JSON null, a Parquet null, or an optional column that is not there.
        fault: why the row cannot be used, or None. What could be read is in `values` all the
            same; bytes that are no UTF-8 appear there as U+FFFD.
    """

    file: str
    number: int
    values: dict[str, object]
    fault: str | None = None


def read_rows(
    path: Path, file: str, required: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[Row]:
    """Streams the rows of one file, in bounded memory.

    A bad row is no exception but a `Row` with a fault: 'missing column X' (CSV, Parquet: every
    row; JSON Lines: the rows without the key), 'N fields where the header has M', 'not valid CSV:
    ...', 'not valid JSON', 'not a JSON object', 'undecodable text' (in a wanted column).

    Args:
        path: the file. Its ending tells the format; `.csv`, `.tsv` and `.jsonl` may be `.gz` too.
        file: what the rows and messages call it.
        required: columns whose absence is a fault.
        optional: columns that are None where they are absent.

    Yields:
        Every row of data, in the order of the file. Blank lines are no rows, and a file without
        even a header has none.

    Raises:
        InputError: the file as a whole is not what its ending says.
    """
    reader = _reader(path.name)
    if reader is None:
        raise InputError(
            f"'{file}' is no table that can be read; the endings are {', '.join(TABLE_ENDINGS)}."
        )
    wanted = tuple(dict.fromkeys((*required, *optional)))
    yield from reader(path, file, wanted, tuple(required))


_Reader = Callable[[Path, str, tuple[str, ...], tuple[str, ...]], Iterator[Row]]


def _reader(name: str) -> _Reader | None:
    name = name.lower()
    if name.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz")):
        from catalogues.tables_csv import read_csv_rows

        return read_csv_rows
    if name.endswith((".jsonl", ".jsonl.gz")):
        from catalogues.tables_jsonl import read_jsonl_rows

        return read_jsonl_rows
    if name.endswith(".parquet"):
        from catalogues.tables_parquet import read_parquet_rows

        return read_parquet_rows
    return None


def missing_fault(missing: Sequence[str]) -> str | None:
    """Words the fault of a row that lacks required columns; None when it lacks none."""
    return f"missing column {', '.join(missing)}" if missing else None


def decoded(value: object) -> tuple[object, bool]:
    """Makes a value's text valid Unicode.

    Args:
        value: a cell; bytes are read as UTF-8, lists are looked into, other types pass.

    Returns:
        The value with U+FFFD in place of what is no UTF-8, and whether all of it was valid.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if isinstance(value, str):
        if value.isascii():
            return value, True
        try:
            value.encode("utf-8")
            return value, True
        except UnicodeEncodeError:
            return LONE_SURROGATES.sub("\ufffd", value), False
    if isinstance(value, list) and value and isinstance(value[0], (str, bytes)):
        parts = [decoded(item) for item in value]
        return [part for part, _ in parts], all(valid for _, valid in parts)
    return value, True
