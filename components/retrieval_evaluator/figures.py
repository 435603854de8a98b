"""Means and paired differences of all metrics, each with its interval, from one set of draws."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from components.retrieval_evaluator.names import MODEL, MODEL_PAIRWISE
from trainer.ranking.bootstrap import Interval, interval, intervals, paired_interval
from trainer.ranking.evaluation import METRIC, RankingScores

Figures = dict[str, dict[str, Interval]]
"""By system and metric."""


def means_and_differences(systems: Mapping[str, RankingScores]) -> tuple[Figures, Figures]:
    """The figures of one condition.

    Args:
      systems: all on the same queries; MODEL is one of them.

    Returns:
      The mean over queries of every metric, and of model - other for every metric with a value for
      each query and every other system but MODEL_PAIRWISE, which is the model too. The figures of
      all queries' lists together have no interval, NaN.

    Raises:
      ValueError: two systems have other queries.
    """
    model = systems[MODEL]
    keys, columns = [], []
    for name, scores in systems.items():
        if not np.array_equal(scores.queries, model.queries):
            raise ValueError(f"{name} was not asked the same queries as {MODEL}.")
        for metric, values in scores.per_query.items():
            keys.append((0, name, metric))
            columns.append(values)
            if name not in (MODEL, MODEL_PAIRWISE):
                keys.append((1, name, metric))
                columns.append(model.per_query[metric] - values)
    means: Figures = {name: {} for name in systems}
    differences: Figures = {name: {} for name in systems if name not in (MODEL, MODEL_PAIRWISE)}
    for (kind, name, metric), figure in zip(keys, intervals(np.column_stack(columns)), strict=True):
        (differences if kind else means)[name][metric] = figure
    for name, scores in systems.items():
        # The gate's own figures, to the last bit.
        means[name][METRIC] = interval(scores.ndcg)
        if name in differences:
            differences[name][METRIC] = paired_interval(model.ndcg, scores.ndcg)
        for metric, value in scores.of_lists.items():
            means[name][metric] = Interval(value, math.nan, math.nan)
    return means, differences


def as_json(figure: Any) -> dict[str, Any]:
    """The fields of a dataclass of numbers, None for NaN, which JSON has no word for."""
    return {
        key: None if isinstance(number, float) and math.isnan(number) else number
        for key, number in dataclasses.asdict(figure).items()
    }
