"""Numbers as the cost suite writes them."""

from __future__ import annotations


def short(value: float) -> str:
    """Three significant digits, and all of a whole number's: 0.536, 19.2, 819, 1,090."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"
