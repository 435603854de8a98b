"""What a cell means, whichever format it comes from.

Each function takes a cell as CSV (text), JSON or Parquet gives it and raises `ValueError` with a
short reason that can stand in a report: "not a number: 'abc'", "NaN", "infinite".
"""

from __future__ import annotations

import json
import math
import numbers
import unicodedata
from decimal import Decimal
from typing import Final

SEPARATOR: Final = ";"
"""What stands between the numbers or labels of one CSV cell."""

_SHOWN_CHARACTERS: Final = 40

_TRUTH: Final = {"true": 1.0, "false": 0.0}


def to_id(value: object) -> str:
    """Reads an identifier: text without surrounding space, or a whole number as its digits.

    Raises:
        ValueError: missing, empty, no text or whole number, or with a control character.
    """
    text = _to_text(value)
    if not text:
        raise ValueError("empty id")
    return text


def to_float(value: object) -> float | None:
    """Reads a finite number; None where the cell is missing. True is 1 and false is 0.

    Raises:
        ValueError: no number, "NaN" or "infinite".
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        number = _parsed(value)
    elif isinstance(value, (numbers.Real, Decimal)) or _is_boolean(value):
        try:
            number = float(value)  # type: ignore[arg-type]
        except OverflowError:
            number = math.inf
    else:
        raise ValueError(f"not a number: {shown(value)}")
    if math.isnan(number):
        raise ValueError("NaN")
    if math.isinf(number):
        raise ValueError("infinite")
    return number


def to_popularity(value: object) -> float | None:
    """Reads a popularity, a finite number that is not negative; None where it is missing."""
    number = to_float(value)
    if number is not None and number < 0:
        raise ValueError("negative popularity")
    return number


def to_weight(value: object) -> float | None:
    """Reads an edge's or label's weight, a finite number above zero; None where it is missing."""
    number = to_float(value)
    if number is not None and number <= 0:
        raise ValueError("weight not above zero")
    return number


def to_vector(value: object) -> tuple[float, ...] | None:
    """Reads a vector: a list, a NumPy array, or CSV text as '[1, 2]' or '1;2'.

    Returns:
        The numbers, at least one; None where the cell is missing.

    Raises:
        ValueError: no flat list of finite numbers, or an empty one.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    items = _items(value)
    if items is None:
        if isinstance(value, str):
            text = value.strip()
            if text.startswith("["):
                raise ValueError(f"not a vector: {shown(value)}")
            items = list(text.split(SEPARATOR))
        else:
            items = [value]
    if not items:
        raise ValueError("empty vector")
    numbers_ = tuple(to_float(item) for item in items)
    if None in numbers_:
        raise ValueError("a number of the vector is missing")
    return tuple(number for number in numbers_ if number is not None)


def to_categories(value: object) -> tuple[str, ...] | None:
    """Reads labels: text, a list of text, or CSV text as 'a;b' or '["a", "b"]'.

    Returns:
        The labels in their order, stripped, without empty or repeated ones; None where there is
        none. Whole numbers become their digits, so that a decade may be a number.

    Raises:
        ValueError: a label that is no text or has a control character.
    """
    if value is None:
        return None
    items = _items(value)
    if items is None:
        items = list(value.split(SEPARATOR)) if isinstance(value, str) else [value]
    labels = dict.fromkeys(_to_text(item) for item in items if item is not None)
    labels.pop("", None)
    return tuple(labels) or None


def shown(value: object) -> str:
    """Writes a value as it may stand in a one-line reason: quoted, and cut when it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def _to_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        text = value.strip()
    elif _is_boolean(value):
        raise ValueError(f"not text: {shown(value)}")
    elif _is_whole(value):
        return str(int(value))  # type: ignore[call-overload]
    else:
        raise ValueError(f"not text: {shown(value)}")
    if not text.isprintable() and any(unicodedata.category(mark) in ("Cc", "Cs") for mark in text):
        raise ValueError(f"control character in {shown(text)}")
    return text


def _items(value: object) -> list[object] | None:
    """The items of a list-like value or of a JSON array in a CSV cell; None for anything else."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if hasattr(value, "tolist") and getattr(value, "ndim", 0) > 0:
        return list(value.tolist())
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            return None
        return parsed if isinstance(parsed, list) else None
    return None


def _parsed(text: str) -> float:
    if text.strip().lower() in _TRUTH:
        return _TRUTH[text.strip().lower()]
    try:
        # float() would take 1_000, which no other tool writes or reads.
        if "_" in text:
            raise ValueError
        return float(text)
    except ValueError:
        raise ValueError(f"not a number: {shown(text)}") from None


def _is_whole(value: object) -> bool:
    if not isinstance(value, (int, float, numbers.Real, Decimal)):
        return False
    return math.isfinite(value) and value == math.floor(value)


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool) or type(value).__name__ == "bool_"
