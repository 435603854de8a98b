"""Scores models and baselines on the hidden edges of a split, in both conditions."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import scipy.sparse as sp

from components.retrieval_evaluator.config import GateConfig, JudgeConfig
from components.retrieval_evaluator.gate import Verdict, judge
from components.retrieval_evaluator.saved_model import JudgedModel
from trainer.graph import ArtistGraph
from trainer.ranking.bootstrap import Interval, interval, intervals
from trainer.ranking.evaluation import METRIC, RankingScores, evaluate_ranking
from trainer.systems.base import Scorer, dot_products
from trainer.systems.baselines import BASELINES
from trainer.systems.popularity import popularity_order

CONDITIONS: Final = ("connected", "cold")
MODEL: Final = "model"
"""Its vectors: what the gate decides on."""
MODEL_PAIRWISE: Final = "model_pairwise"
"""The ranking of its `similar`, where that is more than the vectors' dot products."""
BLESSED_MODEL: Final = "blessed_model"


@dataclasses.dataclass(frozen=True)
class Judgement:
    """All that was measured.

    Attributes:
      scores: by condition and system, every metric of each query, and the figures of all lists.
      artists: [num_judged] int64 rows of the judged split.
      embeddings: by condition, [num_judged, dim] float32 of the new model.
      verdict: the gate's.
    """

    scores: Mapping[str, Mapping[str, RankingScores]]
    artists: np.ndarray
    embeddings: Mapping[str, np.ndarray]
    verdict: Verdict

    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`: by condition, system and metric.

        Each is the mean over queries ('value') with its 95% bootstrap interval ('low', 'high') and
        the number of queries. Figures of all queries' lists together (coverage, gini, hubness)
        have no interval, null: a resample leaves out a third of the lists, covers less for that
        alone, and would put the interval beside the figure.
        """
        return {
            condition: {system: _entries(scores) for system, scores in systems.items()}
            for condition, systems in self.scores.items()
        }


def judge_model(
    graph: ArtistGraph,
    validation: sp.csr_matrix,
    truth: sp.csr_matrix,
    split: str,
    model: JudgedModel,
    blessed: JudgedModel | None,
    gate: GateConfig,
    *,
    k: Sequence[int] = JudgeConfig.k,
    seed: int = 0,
    tell: Callable[[str], None] = lambda system: None,
) -> Judgement:
    """Judges a model beside every baseline and the blessed model, on the same queries.

    Args:
      graph: the catalogue without any hidden edge.
      validation: [num_artists, num_artists] CSR, hidden edges of the validation split, on which
        baselines choose their constants.
      truth: [num_artists, num_artists] CSR, hidden edges of the judged split.
      split: the judged split.
      model: the new model.
      blessed: the latest blessed one, if there is any.
      gate: what must be reached.
      k: the ranks at which metrics with a cut-off are taken.
      seed: of the order of ties.
      tell: called with the name of each system before it is scored.
    """
    artists = graph.artists(split)
    edges = {"connected": graph.visible_edges(split), "cold": graph.training_edges()}
    embeddings: dict[str, np.ndarray] = {}
    # Of the artists, not of the condition: where nothing is known of them, all would be equal.
    popularity = popularity_order(graph, edges["connected"])
    scores: dict[str, dict[str, RankingScores]] = {condition: {} for condition in CONDITIONS}
    faults: list[str] = []

    def score(condition: str, name: str, scorer: Scorer) -> None:
        scores[condition][name] = evaluate_ranking(
            scorer, truth, artists, popularity, k=k, seed=seed
        )

    tell(MODEL)
    for condition in CONDITIONS:
        embedding, pairwise = model.embed(graph, edges[condition])
        embeddings[condition] = embedding[artists]
        faults += embedding_faults(embeddings[condition], condition)
        # NaN and infinity cannot be ranked; the fault above keeps the model from being blessed.
        score(condition, MODEL, dot_products(np.where(np.isfinite(embedding), embedding, 0)))
        if pairwise is not None:
            score(condition, MODEL_PAIRWISE, _Finite(pairwise, faults, condition))
    broken = None
    if blessed is not None:
        tell(BLESSED_MODEL)
        try:
            for condition in CONDITIONS:
                embedding = blessed.embed(graph, edges[condition]).embedding
                score(condition, BLESSED_MODEL, dot_products(embedding))
        except Exception as error:  # noqa: BLE001, whatever a model of another day may raise
            broken = f"the blessed model cannot be judged ({type(error).__name__})"
            for systems in scores.values():
                systems.pop(BLESSED_MODEL, None)
    for name, make in BASELINES.items():
        tell(name)
        system = make()
        system.fit(graph, validation)
        for condition in CONDITIONS:
            score(condition, name, system.scorer(graph, edges[condition]))
    at_the_gate = scores[gate.condition]
    if broken:
        faults.append(broken)
    verdict = judge(at_the_gate[MODEL], at_the_gate.get(BLESSED_MODEL), gate, faults=faults)
    return Judgement(scores, artists, embeddings, verdict)


def embedding_faults(embedding: np.ndarray, condition: str) -> Sequence[str]:
    """What is wrong with the embeddings of the judged artists, as clauses.

    Equal vectors are no fault in the cold condition: artists without content and edges have
    nothing that could tell them apart.
    """
    bad = ~np.isfinite(embedding).all(axis=1)
    if bad.any():
        return [f"the {condition} embeddings of {bad.sum()} artists are not finite"]
    if condition == "connected" and len(embedding) > 1 and np.ptp(embedding, axis=0).max() < 1e-6:
        return ["all connected embeddings are equal"]
    return []


class _Finite:
    """A scorer with 0 for what cannot be ranked; notes that once as a fault."""

    def __init__(self, scorer: Scorer, faults: list[str], condition: str):
        self._scorer, self._faults = scorer, faults
        self._fault = f"some {condition} scores of pairs are not finite"

    def __call__(self, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        scores = self._scorer(queries, candidates)
        finite = np.isfinite(scores)
        if not finite.all() and self._fault not in self._faults:
            self._faults.append(self._fault)
        return np.where(finite, scores, 0)


def _entries(scores: RankingScores) -> dict[str, Any]:
    names = list(scores.per_query)
    found = dict(
        zip(names, intervals(np.column_stack(list(scores.per_query.values()))), strict=True)
    )
    # The gate's own figure, to the last bit.
    found[METRIC] = interval(scores.ndcg)
    for name, value in scores.of_lists.items():
        found[name] = Interval(value, math.nan, math.nan)
    return {name: _entry(figure, scores) for name, figure in found.items()}


def _entry(figure: Interval, scores: RankingScores) -> dict[str, Any]:
    return {
        # JSON has no NaN.
        **{
            key: None if math.isnan(number) else number
            for key, number in dataclasses.asdict(figure).items()
        },
        "num_queries": len(scores.queries),
        "num_skipped": scores.num_skipped,
    }
