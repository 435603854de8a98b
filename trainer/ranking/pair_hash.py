"""A random number for each pair of artists, the same whichever other pairs are asked for."""

from __future__ import annotations

from typing import Final

import numpy as np

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


def hash_pairs(seed: int, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Draws uniform 64-bit numbers for all pairs of two lists of artists.

    Entry (i, j) is number candidates[j] of the SplitMix64 stream that (seed, queries[i]) starts, so
    it depends on nothing else: neither on the size of a block, nor on the other artists in it.

    Args:
      seed: any integer.
      queries: [num_queries] int64 rows.
      candidates: [num_candidates] int64 rows.

    Returns:
      [num_queries, num_candidates] uint64.
    """
    return hash_each(seed, np.asarray(queries)[:, None], np.asarray(candidates)[None, :])


def hash_each(seed: int, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Draws the numbers of `hash_pairs` for the pairs that two arrays give together.

    Args:
      seed: any integer.
      queries: int64 rows.
      candidates: int64 rows, of a shape that broadcasts with that of `queries`.

    Returns:
      uint64, of the shape that the two have together.
    """
    key = _mixed(np.array([seed % 2**64], np.uint64))
    streams = _mixed(np.asarray(queries).astype(np.uint64) ^ key)
    steps = np.asarray(candidates).astype(np.uint64) * _GOLDEN
    return _mixed(streams + steps)


def _mixed(state: np.ndarray) -> np.ndarray:
    """The output function of SplitMix64, in place: unsigned products wrap as they should."""
    state += _GOLDEN
    state ^= state >> np.uint64(30)
    state *= np.uint64(0xBF58476D1CE4E5B9)
    state ^= state >> np.uint64(27)
    state *= np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return state
