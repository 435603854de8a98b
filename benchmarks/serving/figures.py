"""From single latencies to the figures of a page: percentiles, medians over rounds, ratios."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Final

PERCENTILES: Final = (50, 95, 99)

Round = Mapping[str, float]
"""Of one run: requests, per_second, busy, and p50, p95 and p99 in ms."""


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent of the values do not exceed (nearest rank).

    Args:
      ordered: ascending, at least one.
      percent: above 0, at most 100.
    """
    return ordered[math.ceil(percent / 100 * len(ordered)) - 1]


def round_of(
    latencies: Sequence[float], answered: int, seconds: float, busy: float
) -> dict[str, float]:
    """The figures of one run.

    Args:
      latencies: in seconds, at least one.
      answered: how many answers came.
      seconds: in which they came.
      busy: share of a core that the load took.
    """
    ordered = sorted(latencies)
    return {
        "requests": len(ordered),
        "per_second": round(answered / seconds, 2),
        "busy": round(busy, 3),
        **{f"p{p}": round(percentile(ordered, p) * 1000, 3) for p in PERCENTILES},
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median of some rounds, and the least and the most."""
    return {
        "median": round(statistics.median(values), 3),
        "least": round(min(values), 3),
        "most": round(max(values), 3),
    }


def summarise(rounds: Sequence[Round]) -> dict[str, dict[str, float]]:
    """By figure, its spread over the rounds."""
    names = ("per_second", *(f"p{p}" for p in PERCENTILES))
    return {name: spread([one[name] for one in rounds]) for name in names}


def ratios(ours: Sequence[Round], theirs: Sequence[Round]) -> dict[str, dict[str, float]]:
    """How much better ours is, round by round: both were measured in turn in each.

    Returns:
      'p99': theirs / ours, 'per_second': ours / theirs; above 1 where ours is better.
    """
    pairs = list(zip(ours, theirs, strict=True))
    return {
        "p99": spread([their["p99"] / our["p99"] for our, their in pairs]),
        "per_second": spread([our["per_second"] / their["per_second"] for our, their in pairs]),
    }
