"""Percentile bootstrap intervals of a mean over queries."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

import numpy as np

# At most so many drawn values are held at once: few enough for a cache.
_MAX_DRAWN: Final = 2**16


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean and the interval that holds it, all NaN where there is nothing to average."""

    value: float
    low: float
    high: float


def interval(
    values: np.ndarray, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Returns the mean of one value a query, with its percentile bootstrap interval.

    Args:
      values: [num_queries] float.
      level: probability that the interval is to hold, between 0 and 1.
      resamples: number of draws of num_queries values with repetition.
      seed: of the draws.

    Returns:
      The mean and the (1 - level) / 2 and (1 + level) / 2 quantiles of the resampled means. NaN
      without values, or where a value is NaN.

    Raises:
      ValueError: level, resamples or the number of dimensions of `values` is out of range.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1:
        raise ValueError(f"One value a query is needed, not an array of shape {values.shape}.")
    _check(level, resamples)
    if not len(values) or np.isnan(values).any():
        return Interval(np.nan, np.nan, np.nan)
    draws = _draws(len(values), resamples, seed)
    means = np.concatenate([values[drawn].mean(axis=1) for drawn in draws])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def intervals(
    values: np.ndarray, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> list[Interval]:
    """Returns what `interval` returns of each column, up to rounding, from the same draws.

    Every draw is made once and counted, whatever the number of columns.

    Args:
      values: [num_queries, num_metrics] float.
      level: as for `interval`.
      resamples: as for `interval`.
      seed: as for `interval`.

    Returns:
      One interval a column. Only columns with a NaN are NaN.

    Raises:
      ValueError: level, resamples or the number of dimensions of `values` is out of range.
    """
    values = np.asarray(values, np.float64)
    _check(level, resamples)
    return _percentiles(values, _resampled_means(values, resamples, seed), level)


def with_p_values(
    values: np.ndarray,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    p_resamples: int = 10_000,
    seed: int = 0,
) -> tuple[list[Interval], np.ndarray]:
    """Returns what `intervals` returns, and how surprising each mean would be if the truth were 0.

    p = min(1, 2 * min((1 + number of resampled means <= 0) / (1 + p_resamples),
                       (1 + number of resampled means >= 0) / (1 + p_resamples)))

    the level at which the percentile interval just touches 0, with the observed sample counted as
    one of them, so that p is never 0 (Efron and Tibshirani, "An introduction to the bootstrap",
    section 15.4; Davison and Hinkley, "Bootstrap methods and their application", section 4.2.3).

    Args:
      values: [num_queries, num_metrics] float; paired differences, say.
      level: as for `interval`.
      resamples: as for `interval`, of the intervals.
      p_resamples: of the p-values, at least `resamples`, whose draws are the first of these. The
        least p is 2 / (1 + p_resamples): a correction for many comparisons needs more of them.
      seed: as for `interval`.

    Returns:
      One interval a column, and [num_metrics] float64 p-values, NaN where a value is or there is
      none.

    Raises:
      ValueError: level, resamples or the number of dimensions of `values` is out of range.
    """
    values = np.asarray(values, np.float64)
    _check(level, resamples)
    if p_resamples < resamples:
        raise ValueError(f"p_resamples must be at least resamples, not {p_resamples}.")
    means = _resampled_means(values, p_resamples, seed)
    # A mean of zeros is 0 to the last bit, whatever the order of the sum.
    beyond = np.minimum((means <= 0).sum(axis=0), (means >= 0).sum(axis=0))
    p_values = np.minimum(1, 2 * (1 + beyond) / (1 + p_resamples))
    p_values = np.where(np.isnan(means).any(axis=0), np.nan, p_values)
    return _percentiles(values, means[:resamples], level), p_values


def _resampled_means(values: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """[resamples, num_metrics] float64 of [num_queries, num_metrics]; each draw is counted once."""
    if values.ndim != 2:
        raise ValueError(f"One row a query is needed, not an array of shape {values.shape}.")
    num_queries, num_metrics = values.shape
    if not num_queries:
        return np.full((resamples, num_metrics), np.nan)
    means = []
    for drawn in _draws(num_queries, resamples, seed):
        cells = drawn + num_queries * np.arange(len(drawn))[:, None]
        times = np.bincount(cells.ravel(), minlength=drawn.size).reshape(drawn.shape)
        means.append(times.astype(np.float64) @ values / num_queries)
    return np.concatenate(means)


def _percentiles(values: np.ndarray, means: np.ndarray, level: float) -> list[Interval]:
    if not len(values):
        return [Interval(np.nan, np.nan, np.nan)] * values.shape[1]
    bounds = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    columns = zip(values.mean(axis=0), *bounds, strict=True)
    return [Interval(*map(float, column)) for column in columns]


def paired_interval(
    new: np.ndarray,
    old: np.ndarray,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Returns the mean of new - old over the same queries, with its interval.

    Args:
      new: [num_queries] float.
      old: [num_queries] float, of the same queries in the same order.
      level: as for `interval`.
      resamples: as for `interval`.
      seed: as for `interval`.

    Returns:
      The interval of the mean difference; above 0 means that `new` is better.

    Raises:
      ValueError: the shapes differ.
    """
    new, old = np.asarray(new, np.float64), np.asarray(old, np.float64)
    if new.shape != old.shape:
        raise ValueError(f"The same queries are needed, not shapes {new.shape} and {old.shape}.")
    return interval(new - old, level=level, resamples=resamples, seed=seed)


def _draws(num_queries: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Blocks of [some resamples, num_queries] int32, each row num_queries places drawn."""
    rng = np.random.default_rng(seed)
    step = max(1, _MAX_DRAWN // num_queries)
    for start in range(0, resamples, step):
        size = (min(step, resamples - start), num_queries)
        yield rng.integers(num_queries, size=size, dtype=np.int32)


def _check(level: float, resamples: int) -> None:
    if not 0 < level < 1 or resamples < 1:
        raise ValueError(
            f"The level must lie between 0 and 1, and resamples be at least 1, not {level} and "
            f"{resamples}."
        )
