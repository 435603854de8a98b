"""Sums that do not depend on the order in which a runner brings the numbers."""

from __future__ import annotations

from typing import Final

import numpy as np

_MESSAGE_BITS: Final = 30
VISIT_BITS: Final = 44


def rounded(values: np.ndarray, bits: int = _MESSAGE_BITS) -> np.ndarray:
    """Numbers as whole multiples of 2^-bits, float64; these multiples themselves, not the numbers.

    Whole numbers below 2^53 are added without rounding, in any order to the same bits: with 30 bits
    what sums up to 8 million or less, with 44 what sums up to 512 or less. Beyond, the last bits
    may depend on the order, and nothing else.
    """
    return np.rint(np.asarray(values, np.float64) * 2.0**bits)


def restored(sums: np.ndarray, bits: int = _MESSAGE_BITS) -> np.ndarray:
    """float32 numbers from sums of their multiples."""
    return (sums * 2.0**-bits).astype(np.float32)
