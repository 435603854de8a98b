"""JSON Lines rows: one JSON object a line, UTF-8."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from catalogues.tables import Row, decoded, missing_fault
from catalogues.text_lines import open_text


def read_jsonl_rows(
    path: Path, file: str, wanted: tuple[str, ...], required: tuple[str, ...]
) -> Iterator[Row]:
    """Streams a JSON Lines file; see `catalogues.tables.read_rows`."""
    number = 0
    with open_text(path, file, newline="\n") as text:
        for line in text:
            if line.isspace():
                continue
            number += 1
            yield _row(file, number, line, wanted, required)


def _row(
    file: str, number: int, line: str, wanted: tuple[str, ...], required: tuple[str, ...]
) -> Row:
    values: dict[str, object] = dict.fromkeys(wanted)
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return Row(file, number, values, "not valid JSON")
    if not isinstance(record, dict):
        return Row(file, number, values, "not a JSON object")
    fault = missing_fault([key for key in required if key not in record])
    for key in wanted:
        values[key], valid = decoded(record.get(key))
        if not valid and fault is None:
            fault = "undecodable text"
    return Row(file, number, values, fault)
