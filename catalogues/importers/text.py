"""Names and lines of the public data sets, with the damage they have come to."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from catalogues.errors import InputError
from catalogues.tables import LONE_SURROGATES


def decode_line(raw: bytes) -> str:
    """Decodes one line: UTF-8, or Latin-1 where it is none.

    The data sets mix the two by line, so the decision cannot be made once a file.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def repair_double_encoding(name: str) -> str:
    """Undoes UTF-8 that was read as Windows-1252 and encoded again ('BeyoncÃ©').

    Each run of non-ASCII characters is mended by itself, so that one beyond repair does not
    keep the others from being mended. Text that never was double-encoded stays as it is.

    Args:
        name: a name; lone surrogates of undecodable bytes become U+FFFD.
    """
    repaired = re.sub(r"[^\x00-\x7f]+", lambda run: _repaired_run(run.group()), name)
    return LONE_SURROGATES.sub("\ufffd", repaired)


def _repaired_run(run: str) -> str:
    try:
        return b"".join(_windows_1252_byte(mark) for mark in run).decode("utf-8")
    except UnicodeError:
        return run


def _windows_1252_byte(mark: str) -> bytes:
    # Five bytes have no character in Windows-1252 and came through as C1 controls.
    return mark.encode("latin-1") if "\x80" <= mark <= "\x9f" else mark.encode("cp1252")


def read_public_csv(path: Path, required: tuple[str, ...] = ()) -> Iterator[dict[str, str]]:
    """Streams a CSV file of a public data set as one dictionary of text a row.

    Args:
        path: the file; UTF-8, odd bytes come as lone surrogates.
        required: columns it must have.

    Raises:
        InputError: the file or a required column is missing.
    """
    if not path.is_file():
        raise InputError(f"The source holds no '{path.name}'; add it or check the folder.")
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(file)
        missing = [column for column in required if column not in (reader.fieldnames or ())]
        if missing:
            raise InputError(
                f"'{path.name}' of the source has no column {', '.join(missing)}; "
                "is it the file that its name says?"
            )
        yield from reader


def read_json(path: Path) -> Any:
    """Reads a JSON file of a public data set.

    Raises:
        InputError: the file is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"The source holds no '{path.name}'; add it or check the folder."
        ) from None
    except ValueError:
        raise InputError(f"'{path.name}' of the source is not valid JSON; copy it again.") from None
