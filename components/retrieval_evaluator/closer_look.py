"""What a judgement tells beyond the ranks of hidden edges, as sections of `metrics.json`.

Which tags and which modalities are retrieved, what the space of the model is like, how a system
does for artists of today over the whole catalogue, and how many neighbours stay when the model
replaces the blessed one. `docs/metrics.md` says what each figure is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import scipy.sparse as sp

from components.retrieval_evaluator.figures import as_json
from components.retrieval_evaluator.modality_embeddings import modality_embeddings
from components.retrieval_evaluator.names import BLESSED_MODEL, COLD, CONDITIONS, MODEL
from components.retrieval_evaluator.saved_model import Judged
from trainer.graph import TRAIN, ArtistGraph
from trainer.monitors import rankme
from trainer.ranking.bootstrap import Interval, intervals
from trainer.ranking.cold_start import ColdStartScores, evaluate_cold_start
from trainer.ranking.consistency import consistency
from trainer.ranking.descriptive_tags import descriptive_tags
from trainer.ranking.evaluation import RankingScores
from trainer.ranking.modality_groups import (
    GROUP_PLACES,
    group_entropy,
    group_matrix,
    modality_groups,
)
from trainer.ranking.modality_space import modality_space
from trainer.ranking.names import ALL, LONG_TAIL, NO_EDGES
from trainer.ranking.ranking import top_lists
from trainer.ranking.stability import chance_overlap, overlap
from trainer.systems.base import Scorer

CONSISTENCY_PLACES: Final = 10
"""Consistent@10, as in 001, table 1."""
MAX_PLACES: Final = 200
"""The longest lists that are compared with the blessed model's."""
COLD_START_QUERIES: Final = 500
"""The most queries that are ranked against the whole catalogue: a random sample of all."""
NOT_MEASURED: Final = "not_measured"
"""The key of a reason, in place of figures."""

Place = tuple[str, str]
"""A condition and a system."""


class CloserLook:
    """Looks at each system while its scorer is at hand, and keeps no more than figures.

    Only the lists of the model and the blessed one are kept, 4 * `places` bytes an artist.

    Args:
      graph: the catalogue without any hidden edge, as the new model sees it.
      truth: [num_artists, num_artists] CSR, hidden edges of the judged split.
      split: the judged split.
      k: the ranks at which lists are compared, as far as MAX_PLACES.
      seed: of the order of ties, and of the sample of queries.

    Attributes:
      places: how many places of each ranking `add` must be given.
    """

    def __init__(
        self, graph: ArtistGraph, truth: sp.csr_matrix, split: str, *, k: Sequence[int], seed: int
    ):
        self._graph, self._seed = graph, seed
        self._artists = graph.artists(split)
        self._cutoffs = [cut for cut in k if cut <= MAX_PLACES] or [MAX_PLACES]
        self.places = max(CONSISTENCY_PLACES, GROUP_PLACES, *self._cutoffs)
        self._tags = descriptive_tags(graph)
        self._groups = modality_groups(graph.content, self._artists)
        # All of an artist's edges that the examples have: none of them is known when it is cold.
        visible = graph.visible_edges(split)
        self._visible = np.diff(visible.indptr)[self._artists]
        self._edges = (visible + truth).tocsr()
        self._has_edge = np.diff(self._edges.indptr)[self._artists] > 0
        in_split = np.isin(np.arange(len(graph)), self._artists)
        self._catalogue = np.flatnonzero(in_split | (graph.split == TRAIN))
        self._lists: dict[Place, np.ndarray] = {}
        self._consistency: dict[Place, dict[str, np.ndarray]] = {}
        self._matrices: dict[Place, np.ndarray] = {}
        self._cold_start: dict[Place, ColdStartScores] = {}
        self._rankme: dict[Place, float] = {}

    def add(
        self,
        condition: str,
        system: str,
        scorer: Scorer,
        scores: RankingScores,
        embedding: np.ndarray | None = None,
    ) -> None:
        """Looks at one system in one condition.

        Args:
          condition: one of CONDITIONS.
          system: its name.
          scorer: its scores, of any two artists; what is not finite counts as 0.
          scores: of the same scorer, candidates and seed, with `places` places of each list.
          embedding: [num_artists, dim] float32, where the system has one.
        """
        place = condition, system
        scorer = _finite(scorer)
        lists = self._all_lists(scorer, scores)
        if system in (MODEL, BLESSED_MODEL):
            self._lists[place] = lists
        self._matrices[place] = group_matrix(lists, self._groups)
        self._consistency[place] = {
            kind: consistency(lists, self._artists, self._artists, tags, CONSISTENCY_PLACES)
            for kind, tags in self._tags.items()
        }
        if embedding is not None:
            judged = embedding[self._artists]
            self._rankme[place] = rankme(judged) if np.isfinite(judged).all() else math.nan
        if condition == COLD:
            self._cold_start[place] = evaluate_cold_start(
                scorer, self._edges, self._cold_queries(), self._catalogue, seed=self._seed
            )

    def forget(self, system: str) -> None:
        """Drops a system that turned out to be unfit to be judged."""
        for condition in CONDITIONS:
            for found in (
                self._lists,
                self._consistency,
                self._matrices,
                self._cold_start,
                self._rankme,
            ):
                found.pop((condition, system), None)

    def sections(self, model: Judged) -> dict[str, Any]:
        """The sections of `metrics.json`, by key; numbers that do not exist are None.

        Args:
          model: the new model, which embeds single modalities.
        """
        return {
            "cold_start_protocol": self._cold_start_section(),
            "consistency": self._consistency_section(model),
            "modality_groups": self._groups_section(),
            "space": self._space_section(model),
            "stability": self._stability_section(),
        }

    def _all_lists(self, scorer: Scorer, scores: RankingScores) -> np.ndarray:
        """[num_judged, places] int32, also of artists without a hidden positive."""
        assert scores.top is not None
        lists = np.empty((len(self._artists), scores.top.shape[1]), np.int32)
        asked = np.isin(self._artists, scores.queries)
        lists[asked] = scores.top
        lists[~asked] = top_lists(
            scorer, self._artists[~asked], self._artists, self.places, seed=self._seed
        )
        return lists

    def _cold_queries(self) -> np.ndarray:
        queries = self._artists[self._has_edge]
        if len(queries) <= COLD_START_QUERIES:
            return queries
        rng = np.random.default_rng(self._seed)
        return np.sort(rng.choice(queries, COLD_START_QUERIES, replace=False))

    def _cold_start_section(self) -> dict[str, Any]:
        scores = {}
        for (_, system), found in self._cold_start.items():
            means = intervals(np.column_stack(list(found.per_query.values())))
            scores[system] = {
                name: _figure(mean, len(found.queries))
                for name, mean in zip(found.per_query, means, strict=True)
            }
        return {
            "num_candidates": len(self._catalogue),
            "num_with_edge": int(self._has_edge.sum()),
            "num_without_edge": int((~self._has_edge).sum()),
            "graded": self._graph.weighted,
            "scores": scores,
        }

    def _consistency_section(self, model: Judged) -> dict[str, Any]:
        artists = {
            ALL: np.ones(len(self._artists), bool),
            LONG_TAIL: self._visible <= 1,
            # The long tail of 001: "without relationship labels" (section 1).
            NO_EDGES: self._visible == 0,
        }
        scores: dict[str, Any] = {condition: {} for condition in CONDITIONS}
        for kind in self._tags:
            values = np.column_stack([found[kind] for found in self._consistency.values()])
            # Whether it can be measured depends on the artist alone.
            known = ~np.isnan(values).any(axis=1)
            for name, some in artists.items():
                means = intervals(values[known & some])
                for (condition, system), mean in zip(self._consistency, means, strict=True):
                    figures = scores[condition].setdefault(system, {}).setdefault(kind, {})
                    figures[name] = _figure(mean, int((known & some).sum()))
        read = model.reads(self._graph)
        return {
            "k": CONSISTENCY_PLACES,
            "kinds": {
                kind: {
                    "read_by_model": kind in read,
                    "num_tags": tags.shape[1],
                    "num_artists": int((np.diff(tags.indptr)[self._artists] > 0).sum()),
                }
                for kind, tags in self._tags.items()
            },
            "scores": scores,
        }

    def _groups_section(self) -> dict[str, Any]:
        shares = self._groups.shares()
        scores: dict[str, Any] = {condition: {} for condition in CONDITIONS}
        for (condition, system), matrix in self._matrices.items():
            scores[condition][system] = {
                "entropy": _number(group_entropy(matrix)),
                "matrix": [[_number(share) for share in row] for row in matrix],
            }
        return {
            "k": GROUP_PLACES,
            "groups": [
                {"name": name, "num_artists": int(size), "share": float(share)}
                for name, size, share in zip(
                    self._groups.names, self._groups.sizes(), shares, strict=True
                )
            ],
            "entropy_of_shares": _number(group_entropy(shares[None])),
            "scores": scores,
        }

    def _space_section(self, model: Judged) -> dict[str, Any]:
        rank: dict[str, Any] = {condition: {} for condition in CONDITIONS}
        for (condition, system), value in self._rankme.items():
            rank[condition][system] = _number(value)
        return {"rankme": rank, "modalities": self._modality_section(model)}

    def _modality_section(self, model: Judged) -> dict[str, Any]:
        names, embedding, present = modality_embeddings(model, self._graph, self._artists)
        if len(names) < 2:
            return _not_measured("the artists have fewer than two modalities that the model reads")
        if not np.isfinite(embedding).all():
            return _not_measured("an embedding of a single modality is not finite")
        space = modality_space(embedding, present)
        if len(space.artists) < 2:
            return _not_measured("fewer than two artists have two modalities")
        figures = {
            "expected_contrastive_loss": space.expected_contrastive_loss,
            "intra_cluster_distance": space.intra_cluster_distance,
            "inter_cluster_distance": space.inter_cluster_distance,
        }
        return {
            "names": list(names),
            **{name: _mean_of_known(values) for name, values in figures.items()},
        }

    def _stability_section(self) -> dict[str, Any]:
        if (CONDITIONS[0], BLESSED_MODEL) not in self._lists:
            return _not_measured("there is no blessed model to compare with")
        section: dict[str, Any] = {}
        for condition in CONDITIONS:
            left, right = (self._lists[condition, name] for name in (MODEL, BLESSED_MODEL))
            section[condition] = {
                f"overlap@{cut}": {
                    **_mean_of_known(overlap(left, right, cut)),
                    "chance": _number(chance_overlap(len(self._artists), cut)),
                }
                for cut in self._cutoffs
            }
        return section


def _finite(scorer: Scorer) -> Scorer:
    return lambda queries, candidates: np.nan_to_num(
        scorer(queries, candidates), nan=0.0, posinf=0.0, neginf=0.0
    )


def _not_measured(reason: str) -> dict[str, Any]:
    return {NOT_MEASURED: reason}


def _mean_of_known(values: np.ndarray) -> dict[str, Any]:
    """The mean over the artists that have the figure, with its interval."""
    known = values[~np.isnan(values)]
    return _figure(intervals(known[:, None])[0], len(known))


def _figure(mean: Interval, num_queries: int) -> dict[str, Any]:
    return {**as_json(mean), "num_queries": num_queries}


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else float(value)
