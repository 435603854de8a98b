"""What the gate decides on, made of plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from components.retrieval_evaluator.rules import Evidence
from trainer.ranking.evaluation import METRIC, RankingScores


def scores_of(
    ndcg: Sequence[float] | np.ndarray,
    of_lists: Mapping[str, float] | None = None,
    **per_query: Sequence[float],
) -> RankingScores:
    """Scores of the queries 0, 1, …; 7 artists have no positive."""
    values = np.asarray(ndcg, np.float64)
    more = {name: np.asarray(each, np.float64) for name, each in per_query.items()}
    return RankingScores(
        np.arange(len(values)), values, 7, {METRIC: values, **more}, of_lists or {}
    )


def evidence_of(
    model: RankingScores,
    slices: Mapping[str, Sequence[int]] | None = None,
    unreadable: str = "",
    cold: Mapping[str, RankingScores] | None = None,
    **others: RankingScores,
) -> Evidence:
    """The same scores in both conditions, if none are given for the cold one.

    The slice 'all' is always there; it also has artists that are no queries.
    """
    systems = {"model": model, **others}
    rows = {"all": range(1000), **(slices or {})}
    return Evidence(
        {"connected": systems, "cold": cold or systems},
        {name: np.array(each, np.int64) for name, each in rows.items()},
        unreadable,
    )
