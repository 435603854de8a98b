"""Scores models and baselines on the hidden edges of a split, in both conditions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from components.retrieval_evaluator.closer_look import CloserLook
from components.retrieval_evaluator.config import GateConfig, JudgeConfig
from components.retrieval_evaluator.figures import Figures, as_json, means_and_differences
from components.retrieval_evaluator.gate import Verdict, judge
from components.retrieval_evaluator.metrics_file import SCHEMA_VERSION
from components.retrieval_evaluator.names import (
    BLESSED_MODEL,
    CONDITIONS,
    MODEL,
    MODEL_PAIRWISE,
    system_title,
)
from components.retrieval_evaluator.rules import Evidence
from components.retrieval_evaluator.saved_model import Judged
from components.retrieval_evaluator.slice_scores import SliceScore, score_slices
from trainer.graph import ArtistGraph
from trainer.ranking.evaluation import RankingScores, evaluate_ranking
from trainer.ranking.ranking import RankingBlock, ranking_blocks
from trainer.ranking.slices import slices_of
from trainer.systems.base import Scorer, dot_products
from trainer.systems.baselines import BASELINES
from trainer.systems.popularity import popularity_order


@dataclasses.dataclass(frozen=True)
class Judgement:
    """All that was measured.

    Attributes:
      split: the judged split.
      k: the ranks at which metrics with a cut-off are taken.
      artists: [num_judged] int64 rows of the judged split.
      embeddings: by condition, [num_judged, dim] float32 of the new model.
      scores: by condition and system, every metric of each query, and the figures of all lists.
      means: by condition, system and metric, the mean over queries with its 95% interval; NaN for
        the interval of a figure of all lists.
      differences: by condition, other system and metric, model - other, paired.
      slices: nDCG@200 of each slice of the queries.
      verdict: the gate's.
      warnings: sentences on what a model was judged without.
      sections: what else was measured, by its key in `metrics.json`; fit for JSON.
    """

    split: str
    k: tuple[int, ...]
    artists: np.ndarray
    embeddings: Mapping[str, np.ndarray]
    scores: Mapping[str, Mapping[str, RankingScores]]
    means: Mapping[str, Figures]
    differences: Mapping[str, Figures]
    slices: Sequence[SliceScore]
    verdict: Verdict
    warnings: Sequence[str] = ()
    sections: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`, as `metrics.schema.json` has it.

        Figures of all queries' lists together (coverage, gini, hubness) have no interval, null: a
        resample leaves out a third of the lists, covers less for that alone, and would put the
        interval beside the figure.
        """
        model = self.scores[CONDITIONS[0]][MODEL]
        counts = {
            "artists": len(self.artists),
            "queries": len(model.queries),
            "skipped": model.num_skipped,
        }
        return {
            "schema_version": SCHEMA_VERSION,
            "split": self.split,
            "k": list(self.k),
            "counts": counts,
            "scores": {
                condition: {
                    system: {
                        metric: {
                            **as_json(figure),
                            "num_queries": counts["queries"],
                            "num_skipped": counts["skipped"],
                        }
                        for metric, figure in figures.items()
                    }
                    for system, figures in systems.items()
                }
                for condition, systems in self.means.items()
            },
            "differences": {
                condition: {
                    other: {
                        metric: {**as_json(figure), "num_queries": counts["queries"]}
                        for metric, figure in figures.items()
                    }
                    for other, figures in others.items()
                }
                for condition, others in self.differences.items()
            },
            "slices": [each.as_json() for each in self.slices],
            "rules": [as_json(rule) for rule in self.verdict.rules],
            "warnings": list(self.warnings),
            **self.sections,
        }


def judge_model(
    graph: ArtistGraph,
    validation: sp.csr_matrix,
    truth: sp.csr_matrix,
    split: str,
    model: Judged,
    blessed: Judged | None,
    gate: GateConfig,
    *,
    k: Sequence[int] = JudgeConfig.k,
    seed: int = 0,
    rank: Callable[..., Iterable[RankingBlock]] = ranking_blocks,
    tell: Callable[[str], None] = lambda system: None,
) -> Judgement:
    """Judges a model beside every baseline and the blessed model, on the same queries.

    Each model embeds its own view of the catalogue, baselines the catalogue itself.

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
      rank: what ranks, with the arguments of `ranking_blocks`.
      tell: called with the name of each system before it is scored.
    """
    artists = graph.artists(split)
    edges = {"connected": graph.visible_edges(split), "cold": graph.training_edges()}
    embeddings: dict[str, np.ndarray] = {}
    # Of the artists, not of the condition: where nothing is known of them, all would be equal.
    popularity = popularity_order(graph, edges["connected"])
    scores: dict[str, dict[str, RankingScores]] = {condition: {} for condition in CONDITIONS}
    faults: list[str] = []
    warnings: list[str] = []

    def view_of(name: str, judged: Judged) -> ArtistGraph:
        seen, warning = judged.own_view(graph)
        if warning:
            warnings.append(f"The {system_title(name)} {warning}.")
        return seen

    tell(MODEL)
    seen = view_of(MODEL, model)
    look = CloserLook(seen, truth, split, k=k, seed=seed)

    def score(
        condition: str, name: str, scorer: Scorer, embedding: np.ndarray | None = None
    ) -> None:
        scores[condition][name] = evaluate_ranking(
            scorer, truth, artists, popularity, k=k, seed=seed, places=look.places, rank=rank
        )
        look.add(condition, name, scorer, scores[condition][name], embedding)

    for condition in CONDITIONS:
        embedding, pairwise = model.embed(seen, edges[condition])
        embeddings[condition] = embedding[artists]
        faults += embedding_faults(embeddings[condition], condition)
        # NaN and infinity cannot be ranked; the fault above keeps the model from being blessed.
        finite = np.where(np.isfinite(embedding), embedding, 0)
        score(condition, MODEL, dot_products(finite), embedding)
        if pairwise is not None:
            score(condition, MODEL_PAIRWISE, _Finite(pairwise, faults, condition))
    unreadable, known = "", None
    if blessed is not None:
        tell(BLESSED_MODEL)
        try:
            known = blessed.artist_id
            its_view = view_of(BLESSED_MODEL, blessed)
            for condition in CONDITIONS:
                embedding = blessed.embed(its_view, edges[condition]).embedding
                score(condition, BLESSED_MODEL, dot_products(embedding), embedding)
        except Exception as error:  # noqa: BLE001, whatever a model of another day may raise
            unreadable = type(error).__name__
            for systems in scores.values():
                systems.pop(BLESSED_MODEL, None)
            look.forget(BLESSED_MODEL)
    for name, make in BASELINES.items():
        tell(name)
        system = make()
        system.fit(graph, validation)
        for condition in CONDITIONS:
            score(condition, name, system.scorer(graph, edges[condition]))
    tell("slices")
    slices = slices_of(graph, split, known)
    figures = {condition: means_and_differences(scores[condition]) for condition in CONDITIONS}
    verdict = judge(
        Evidence(scores, {each.name: each.artists for each in slices}, unreadable),
        gate,
        faults=faults,
        known_share=_share_known(graph, known),
    )
    return Judgement(
        split=split,
        k=tuple(k),
        artists=artists,
        embeddings=embeddings,
        scores=scores,
        means={condition: means for condition, (means, _) in figures.items()},
        differences={condition: found for condition, (_, found) in figures.items()},
        slices=score_slices(slices, scores),
        verdict=verdict,
        warnings=warnings,
        sections=look.sections(model),
    )


def _share_known(graph: ArtistGraph, known: np.ndarray | None) -> float | None:
    """The share of the catalogue's artists that are among `known`."""
    if known is None:
        return None
    return float(np.isin(graph.artist_id.astype(str), known).mean())


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
