"""How what is retrieved is distributed over the candidates: the same few, or many?

All but `popularity_bias` are figures of the lists of all queries together, without a value for each
query. `counts` is [num_candidates]: in how many lists each candidate is among the first k (the
k-occurrence).
"""

from __future__ import annotations

import numpy as np
import scipy.stats


def occurrences(top: np.ndarray, k: int, num_candidates: int) -> np.ndarray:
    """Counts the lists that each candidate is in.

    Args:
      top: [num_queries, cutoff] int64 positions among the candidates, best first; -1 for none.
      k: how far down a list counts.
      num_candidates: of all lists.

    Returns:
      [num_candidates] int64. Those of several blocks of queries may be added up.
    """
    retrieved = top[:, :k]
    return np.bincount(retrieved[retrieved >= 0], minlength=num_candidates)


def coverage(counts: np.ndarray) -> float:
    """The share of the candidates that is in any list (the coverage of 003, section 3.1).

    It grows with the number of queries: compare it among systems on the same queries alone. NaN
    where nothing is retrieved.
    """
    return float((counts > 0).mean()) if counts.any() else float("nan")


def gini(counts: np.ndarray) -> float:
    """The Gini index of the k-occurrences over all candidates (003, section 2.6, for k = 200).

    G = sum over i = 1 ... N of (2 i - N - 1) x_i / (N * sum of x), x_1 <= ... <= x_N the counts;
    003 gives no formula. 0: all candidates are retrieved equally often; 1 - 1 / N: one is, alone.
    NaN where nothing is retrieved.
    """
    if not counts.any():
        return float("nan")
    ordered = np.sort(counts).astype(np.float64)
    place = 2 * np.arange(1, len(ordered) + 1) - len(ordered) - 1
    return float((place * ordered).sum() / (len(ordered) * ordered.sum()))


def hubness(counts: np.ndarray) -> float:
    """The skewness of the k-occurrences.

    S = E[(x - mean)^3] / sd^3 over all candidates, after Radovanović, Nanopoulos and Ivanović,
    "Hubs in space", Journal of Machine Learning Research 11 (2010). The more of the places a few
    hubs hold, the larger. 0 where all counts are equal, NaN where nothing is retrieved.
    """
    if not counts.any():
        return float("nan")
    return 0.0 if np.ptp(counts) == 0 else float(scipy.stats.skew(counts))


def popularity_percentile(popularity: np.ndarray) -> np.ndarray:
    """Where each candidate's popularity lies among all candidates.

    Catalogues give popularity in units of their own, with long tails, so that its rank is compared
    and no value (003, section 3.4, takes logarithms and, in figure 4, quantiles).

    Args:
      popularity: [num_candidates], the more the more popular, no NaN.

    Returns:
      [num_candidates] float64 in (0, 1): the share of the candidates that is less popular, and half
      of that which is equally popular. The mean is 1 / 2.
    """
    ranks = scipy.stats.rankdata(popularity) if len(popularity) else np.zeros(0)
    return (ranks - 0.5) / max(1, len(popularity))


def popularity_bias(
    top: np.ndarray, k: int, percentile: np.ndarray, true_percentile: np.ndarray
) -> np.ndarray:
    """How much more popular than a query's positives the first k of its ranking are.

    Args:
      top: [num_queries, cutoff] int64 positions among the candidates, best first; -1 for none. The
        first of each query is some candidate.
      k: how far down a list counts.
      percentile: [num_candidates] float64, of `popularity_percentile`.
      true_percentile: [num_queries] float64, the mean over each query's positives.

    Returns:
      [num_queries] float64 in (-1, 1): the mean percentile of what is retrieved, less that of the
      truth. Above 0: popular artists are favoured.
    """
    retrieved = top[:, :k]
    some = retrieved >= 0
    mean = np.where(some, percentile[retrieved], 0).sum(axis=1) / some.sum(axis=1)
    return mean - true_percentile
