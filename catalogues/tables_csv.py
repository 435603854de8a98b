"""CSV and TSV rows: UTF-8, a header line, RFC 4180 quoting."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from catalogues.errors import InputError
from catalogues.tables import Row, decoded, missing_fault
from catalogues.text_lines import open_text

_MOST_CHARACTERS_A_CELL = 1 << 20


def read_csv_rows(
    path: Path, file: str, wanted: tuple[str, ...], required: tuple[str, ...]
) -> Iterator[Row]:
    """Streams a CSV or TSV file; see `catalogues.tables.read_rows`."""
    if csv.field_size_limit() < _MOST_CHARACTERS_A_CELL:
        csv.field_size_limit(_MOST_CHARACTERS_A_CELL)
    delimiter = "\t" if ".tsv" in path.name.lower() else ","
    with open_text(path, file, newline="") as text:
        # Strict: a quote left open would otherwise swallow the rows after it without a word.
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        header = _header(reader, file)
        if header is None:
            return
        places = _places(header, wanted, file)
        missing = missing_fault([column for column in required if column not in places])
        number = 0
        while True:
            first_line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                number += 1
                fault = f"not valid CSV: {error}"
                if reader.line_num > first_line:
                    fault += f" (lines {first_line} to {reader.line_num} of the file)"
                yield Row(file, number, dict.fromkeys(wanted), fault)
                continue
            if not cells:
                continue
            number += 1
            yield _row(file, number, cells, len(header), wanted, places, missing)


def _row(
    file: str,
    number: int,
    cells: list[str],
    width: int,
    wanted: tuple[str, ...],
    places: dict[str, int],
    missing: str | None,
) -> Row:
    values: dict[str, object] = dict.fromkeys(wanted)
    fault = missing
    if fault is None and len(cells) != width:
        fault = f"{len(cells)} fields where the header has {width}"
    for column, place in places.items():
        cell = cells[place] if place < len(cells) else ""
        values[column], valid = decoded(cell) if cell else (None, True)
        if not valid and fault is None:
            fault = "undecodable text"
    return Row(file, number, values, fault)


def _header(reader: Iterator[list[str]], file: str) -> list[str] | None:
    try:
        for cells in reader:
            if cells:
                return [cell.strip() for cell in cells]
    except csv.Error as error:
        raise InputError(
            f"'{file}' is not readable as CSV ({error} in its header); save it as CSV in UTF-8."
        ) from None
    return None


def _places(header: list[str], wanted: tuple[str, ...], file: str) -> dict[str, int]:
    for column in wanted:
        if header.count(column) > 1:
            raise InputError(f"'{file}' has two columns called '{column}'; rename one of them.")
    return {column: header.index(column) for column in wanted if column in header}
