"""Holm's correction: p-values of several comparisons, so adjusted that all of them may be read."""

from __future__ import annotations

import numpy as np


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjusts p-values so that the chance of any false rejection is at most the level.

    adjusted_(i) = max over j <= i of min(1, (m - j + 1) * p_(j)), p_(1) <= ... <= p_(m).

    Nothing is assumed of how the comparisons depend on each other, so that slices may overlap.
    Of Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6 (1979).

    Args:
      p_values: [num_comparisons] float in [0, 1], no NaN.

    Returns:
      [num_comparisons] float64, in the same order; a comparison is significant at a level if its
      adjusted p-value is at most the level.
    """
    p_values = np.asarray(p_values, np.float64)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted
