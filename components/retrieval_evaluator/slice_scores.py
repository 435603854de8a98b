"""How good the systems are for each slice of the queries, and where the model differs for sure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from components.retrieval_evaluator.figures import as_json
from components.retrieval_evaluator.names import (
    BLESSED_MODEL,
    KNN,
    MODEL,
    MODEL_PAIRWISE,
    PAGERANK,
)
from trainer.ranking.bootstrap import Interval, intervals, with_p_values
from trainer.ranking.evaluation import RankingScores
from trainer.ranking.holm import holm
from trainer.ranking.slices import Slice

SMALL: Final = 30
"""Slices of fewer queries are marked: a percentile interval of so few is too narrow."""
LEVEL: Final = 0.05
_SHOWN: Final = (MODEL, MODEL_PAIRWISE, BLESSED_MODEL, PAGERANK, KNN)
_COMPARED_WITH: Final = (BLESSED_MODEL, PAGERANK)


@dataclasses.dataclass(frozen=True)
class SliceDifference:
    """The mean of model - other over the queries of a slice.

    Attributes:
      value: the mean difference in nDCG@200.
      low: lower end of its paired 95% bootstrap interval.
      high: upper end.
      p_value: bootstrap p-value of no difference; None in a small slice, which is not tested.
      p_holm: corrected for all slices that are tested against the same system in the condition.
      significant: whether p_holm is at most 0.05.
    """

    value: float
    low: float
    high: float
    p_value: float | None
    p_holm: float | None
    significant: bool


@dataclasses.dataclass(frozen=True)
class SliceScore:
    """A slice and its figures, nDCG@200.

    Attributes:
      family: as in Slice.
      name: as in Slice.
      title: as in Slice.
      num_artists: of the judged split.
      num_queries: those of them that have a hidden positive.
      small: whether there are fewer than SMALL queries.
      scores: by condition and system, the mean over queries with its 95% bootstrap interval; NaN
        without a query.
      differences: by condition and other system: the blessed model and PageRank.
    """

    family: str
    name: str
    title: str
    num_artists: int
    num_queries: int
    small: bool
    scores: Mapping[str, Mapping[str, Interval]]
    differences: Mapping[str, Mapping[str, SliceDifference]]

    def as_json(self) -> dict[str, Any]:
        """The slice's entry in `metrics.json`."""
        return {
            **{
                field.name: getattr(self, field.name)
                for field in dataclasses.fields(self)
                if field.name not in ("scores", "differences")
            },
            **{
                part: {
                    condition: {system: as_json(figure) for system, figure in systems.items()}
                    for condition, systems in getattr(self, part).items()
                }
                for part in ("scores", "differences")
            },
        }


@dataclasses.dataclass(frozen=True)
class _Column:
    """What is averaged: a system's nDCG@200, or the model's less it."""

    condition: str
    system: str
    difference: bool
    values: np.ndarray


def score_slices(
    slices: Sequence[Slice], scores: Mapping[str, Mapping[str, RankingScores]]
) -> list[SliceScore]:
    """Scores every slice; all figures of a slice share their draws.

    Args:
      slices: of the judged artists.
      scores: by condition and system, all on the same queries.
    """
    queries = next(iter(scores.values()))[MODEL].queries
    columns = _columns(scores)
    values = np.column_stack([column.values for column in columns])
    rows = [np.flatnonzero(np.isin(queries, each.artists)) for each in slices]
    small = np.array([len(places) < SMALL for places in rows], bool)
    figures = [
        (intervals(values[places]), np.full(len(columns), np.nan))
        if few
        else with_p_values(values[places])
        for places, few in zip(rows, small, strict=True)
    ]
    p_values = np.array([p for _, p in figures]).reshape(len(slices), len(columns))
    adjusted = np.full(p_values.shape, np.nan)
    for number, column in enumerate(columns):
        compared = ~np.isnan(p_values[:, number])  # Small slices have no p-value.
        if column.difference:
            adjusted[compared, number] = holm(p_values[compared, number])
    found = []
    for place, (each, (means, _)) in enumerate(zip(slices, figures, strict=True)):
        shown: dict[str, dict[str, Interval]] = {condition: {} for condition in scores}
        differences: dict[str, dict[str, SliceDifference]] = {c: {} for c in scores}
        for number, (column, mean) in enumerate(zip(columns, means, strict=True)):
            if column.difference:
                difference = _difference(mean, p_values[place, number], adjusted[place, number])
                differences[column.condition][column.system] = difference
            else:
                shown[column.condition][column.system] = mean
        found.append(
            SliceScore(
                each.family,
                each.name,
                each.title,
                len(each.artists),
                len(rows[place]),
                bool(small[place]),
                shown,
                differences,
            )
        )
    return found


def _columns(scores: Mapping[str, Mapping[str, RankingScores]]) -> list[_Column]:
    columns = []
    for condition, systems in scores.items():
        model = systems[MODEL].ndcg
        for system in _SHOWN:
            if system in systems:
                columns.append(_Column(condition, system, False, systems[system].ndcg))
        for system in _COMPARED_WITH:
            if system in systems:
                columns.append(_Column(condition, system, True, model - systems[system].ndcg))
    return columns


def _difference(mean: Interval, p_value: float, p_holm: float) -> SliceDifference:
    if np.isnan(p_holm):
        return SliceDifference(mean.value, mean.low, mean.high, None, None, False)
    significant = bool(p_holm <= LEVEL)
    return SliceDifference(
        mean.value, mean.low, mean.high, float(p_value), float(p_holm), significant
    )
