"""How much of the nearest neighbours stays when a model is replaced by another."""

from __future__ import annotations

import numpy as np


def overlap(left: np.ndarray, right: np.ndarray, k: int) -> np.ndarray:
    """The share of the first k that two rankings of the same candidates have in common.

    overlap@k = |first k of left and first k of right| / m, m the places that both have filled, at
    most k. 1: the same artists, in whatever order. It is the stability of Wendlandt, Kummerfeld and
    Mihalcea, "Factors influencing the surprising instability of word embeddings" (NAACL 2018).

    Args:
      left: [num_queries, places] int32 positions among the candidates, each once, best first; -1
        for none.
      right: the same queries' by the other model, of the same shape.
      k: how far down a list counts.

    Returns:
      [num_queries] float64 in [0, 1]; NaN for a query without any candidate.

    Raises:
      ValueError: the shapes differ.
    """
    if left.shape != right.shape:
        raise ValueError(
            f"The same queries and candidates are needed, not lists of shapes {left.shape} and "
            f"{right.shape}."
        )
    left, right = left[:, :k], right[:, :k]
    both = np.sort(np.concatenate([left, right], axis=1), axis=1)
    # An artist comes at most once a list, so that two equal neighbours are one in common.
    common = ((both[:, 1:] == both[:, :-1]) & (both[:, 1:] >= 0)).sum(axis=1)
    return _share(common, (left >= 0).sum(axis=1))


def chance_overlap(num_candidates: int, k: int) -> float:
    """The overlap@k to expect of two random rankings: min(k, others) / others.

    Args:
      num_candidates: the query among them.
      k: how far down a list counts.

    Returns:
      NaN where a query has no other candidate.
    """
    others = num_candidates - 1
    return min(k, others) / others if others > 0 else float("nan")


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
