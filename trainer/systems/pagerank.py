"""Personalised PageRank from the query: the floor that a trained graph network must beat."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import scipy.sparse as sp

from trainer.graph import ArtistGraph
from trainer.ranking.ndcg import query_ndcg
from trainer.systems.base import Scorer, System

GAMMAS: Final = np.round(np.arange(11) * 0.05, 2)
"""Exponents of the degree among which the validation split decides."""

DEFAULT_GAMMA: Final = 0.25
"""The exponent where no validation query can decide."""

_BLOCK: Final = 256

# So many queries walk side by side in a thread: what is gathered of an artist fits half a line of
# the cache, and the walkers of a large graph most of it (docs/decisions/0023).
_SIDE_BY_SIDE: Final = 8


class PageRank(System):
    """score(u, v) = p_u(v) * degree(v)^gamma, where

      p_u = (1 - alpha) * sum of alpha^t S^t e_u over t = 0 ... num_hops,  S = D^-1/2 A D^-1/2

    (D holds the sums of edge weights). An artist that no path of num_hops edges reaches comes after
    all others, by its degree; so a cold query ranks by degree.

    Args:
      alpha: probability to go on after a hop.
      num_hops: number of hops, at least 1.
      max_queries: most validation queries that choose gamma (a random sample of them if there are
        more), so that fitting takes bounded time.
    """

    def __init__(self, alpha: float = 0.85, num_hops: int = 10, max_queries: int = 2000):
        self._alpha = alpha
        self._num_hops = num_hops
        self._max_queries = max_queries
        self.gamma: float = DEFAULT_GAMMA

    def fit(self, graph: ArtistGraph, validation: sp.csr_matrix) -> None:
        """Chooses gamma, the one of GAMMAS with the best nDCG@200 on the validation split."""
        candidates = graph.artists("val")
        queries = candidates[np.diff(validation[candidates].indptr) > 0]
        self.gamma = DEFAULT_GAMMA
        if not len(queries):
            return
        if len(queries) > self._max_queries:
            sample = np.random.default_rng(0).choice(queries, self._max_queries, replace=False)
            queries = np.sort(sample)
        walk = _Walk(graph.visible_edges("val"), self._alpha, self._num_hops)
        total = np.zeros(len(GAMMAS))
        for start in range(0, len(queries), _BLOCK):
            part = queries[start : start + _BLOCK]
            reached = walk.probabilities(part, candidates)
            total += [
                _total_ndcg(walk.scaled(reached, candidates, gamma), validation, part, candidates)
                for gamma in GAMMAS
            ]
        self.gamma = float(GAMMAS[np.argmax(total)])

    def scorer(self, graph: ArtistGraph, edges: sp.csr_matrix) -> Scorer:
        """Scaled probabilities of the walk over `edges`."""
        walk = _Walk(edges, self._alpha, self._num_hops)

        def scores(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
            return walk.scaled(walk.probabilities(queries, candidates), candidates, self.gamma)

        return scores


class _Walk:
    """Random walks with restart over one set of edges, taken in both directions."""

    def __init__(self, edges: sp.csr_matrix, alpha: float, num_hops: int):
        adjacency = edges.maximum(edges.T)
        self._degrees = np.asarray(adjacency.sum(axis=1), np.float64).ravel()
        scale = sp.diags(np.where(self._degrees > 0, self._degrees, np.inf) ** -0.5)
        self._hop = (alpha * scale @ adjacency @ scale).astype(np.float32).tocsr()
        self._alpha = alpha
        self._num_hops = num_hops

    def probabilities(self, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """p_u(v), [num_queries, num_candidates] float32.

        Each core takes queries of its own; SciPy's products let other threads run.
        """
        reached = np.zeros((len(queries), len(candidates)), np.float32)
        going = self._degrees[queries] > 0
        at_home, itself = np.nonzero(queries[~going, None] == candidates)
        reached[np.flatnonzero(~going)[at_home], itself] = 1 - self._alpha
        last_hop = self._hop[candidates]

        def walk(rows: np.ndarray) -> None:
            walker = np.zeros((self._hop.shape[0], len(rows)), np.float32)
            start = queries[rows], np.arange(len(rows))
            walker[start] = 1 - self._alpha
            for _ in range(self._num_hops - 1):
                walker = self._hop @ walker
                walker[start] += 1 - self._alpha
            arrived = last_hop @ walker
            arrived[candidates[:, None] == queries[rows]] += 1 - self._alpha
            reached[rows] = arrived.T

        rows = np.flatnonzero(going)
        parts = [rows[i : i + _SIDE_BY_SIDE] for i in range(0, len(rows), _SIDE_BY_SIDE)]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            list(pool.map(walk, parts))
        return reached

    def scaled(self, reached: np.ndarray, candidates: np.ndarray, gamma: float) -> np.ndarray:
        """p_u(v) * degree(v)^gamma where v is reached, else -1 / (1 + degree(v)); float32."""
        degrees = self._degrees[candidates]
        factor = (degrees**gamma).astype(np.float32)
        unreached = (-1 / (1 + degrees)).astype(np.float32)
        return np.where(reached > 0, reached * factor, unreached)


def _total_ndcg(
    scores: np.ndarray, truth: sp.csr_matrix, queries: np.ndarray, candidates: np.ndarray
) -> float:
    """The sum over `queries` (ascending) of their nDCG@200, given [queries, candidates] scores."""
    judged = query_ndcg(
        lambda asked, _: scores[np.searchsorted(queries, asked)],
        truth,
        candidates,
        queries=queries,
    )
    return float(judged.ndcg.sum())
