"""Numbers and names as the cost suite writes them, and slopes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def short(value: float) -> str:
    """Three significant digits, and all of a whole number's: 0.536, 19.2, 819, 1,090."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def catalogue_title(name: str) -> str:
    """OLGA, or 136,731 artists: synthetic catalogues are named by how many there are."""
    return f"{int(name):,} artists" if name.isdigit() else name


def slope(measured: Sequence[Mapping[str, Any]], edges: Sequence[int], key: str) -> float:
    """Least squares of log `key` over log edges."""
    values = [math.log(m[key]) for m in measured]
    return float(np.polyfit(np.log(edges), values, 1)[0])
