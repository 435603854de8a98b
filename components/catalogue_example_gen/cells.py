"""What the cells of a row say, and what may be wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from catalogues import values
from catalogues.spec import Modality

# Examples hold 32-bit floats, in which a larger number is infinite and a smaller weight is zero.
_LARGEST: Final = float(np.finfo(np.float32).max)
_SMALLEST_WEIGHT: Final = float(np.finfo(np.float32).tiny)


class BadRow(ValueError):
    """Why a row cannot be used, with the key that it is about and where in the row it is."""

    def __init__(self, reason: str, key: str = "", where: str = ""):
        super().__init__(f"{where}: {reason}" if where else reason)
        self.key = key
        self.kind = _kind(reason)


def checked(convert: Callable[[object], Any], cell: object, key: str, column: str) -> Any:
    """Converts a cell; what is wrong with it becomes a BadRow that names the column."""
    try:
        value = convert(cell)
    except (ValueError, OverflowError) as error:
        raise BadRow(str(error), key, column) from error
    numbers = value if isinstance(value, tuple) else (value,)
    if any(isinstance(number, float) and abs(number) > _LARGEST for number in numbers):
        raise BadRow("infinite in 32 bits", key, column)
    if convert is values.to_weight and value is not None and value < _SMALLEST_WEIGHT:
        raise BadRow("weight not above zero in 32 bits", key, column)
    return value


def text(cell: object) -> str:
    """Returns a cell as text without surrounding space, '' where it is missing."""
    return "" if cell is None else str(cell).strip()


def modality_value(modality: Modality, cells: dict[str, Any], key: str) -> tuple[Any, ...] | None:
    """Returns a row's numbers or (word, weight) pairs, None where it has none; raises BadRow."""
    column = modality.columns[0]
    if modality.kind == "categories":
        return _weighted_words(modality, cells, key)
    if modality.is_list:
        return checked(values.to_vector, cells[column], key, column)
    numbers = [checked(values.to_float, cells[c], key, c) for c in modality.columns]
    missing = [c for c, number in zip(modality.columns, numbers, strict=True) if number is None]
    if len(missing) == len(numbers):
        return None
    if missing:
        raise BadRow(f"partly empty vector: {missing[0]} is empty", key, modality.name)
    return tuple(numbers)


def _weighted_words(
    modality: Modality, cells: dict[str, Any], key: str
) -> tuple[tuple[str, float], ...] | None:
    words = checked(values.to_categories, cells[modality.columns[0]], key, modality.columns[0])
    if words is None:
        return None
    weight = 1.0
    if modality.weight:
        weight = checked(values.to_weight, cells[modality.weight], key, modality.weight)
        if weight is None:
            raise BadRow("no weight", key, modality.weight)
    return tuple((word, weight) for word in words)


def _kind(reason: str) -> str:
    """'wrong vector length 3, most artists have 2' -> 'wrong vector length'."""
    known = re.match(r"missing column|infinite|weight not above zero", reason)
    if known:
        return known[0]
    # What a row has of its own are numbers and what follows a colon or stands in quotes.
    return re.split(r"[:'\"\d]", re.sub(r"^\d+ ", "", reason))[0].removesuffix(" in ").strip()
