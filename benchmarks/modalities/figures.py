"""From the kept arrays to the tables of the page: means over seeds, intervals, differences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import scipy.stats

from benchmarks.modalities.content import combinations
from benchmarks.modalities.plan import MODALITIES
from benchmarks.modalities.rankings import FULL, POPULATIONS
from benchmarks.modalities.trials import CONTRASTIVE, GROUPS, SPACE, view_name
from catalogues.spec import LISTENING
from trainer.ranking.bootstrap import Interval, interval, paired_interval
from trainer.ranking.modality_groups import group_entropy
from trainer.ranking.slices import POPULARITY_QUANTILES, quantile_groups

Kept = Mapping[str, Sequence[tuple[Mapping[str, Any], Mapping[str, np.ndarray]]]]
"""By system, (record, arrays) of each seed that is done."""

POP: Final = "popularity"
NDCG: Final = "nDCG@200"


def summarise(
    kept: Kept,
    queries: Mapping[str, np.ndarray],
    listens: np.ndarray,
    sizes: Mapping[str, int],
) -> dict[str, Any]:
    """All figures of the page, plain values.

    Args:
      kept: what is done; CONTRASTIVE and what it is compared with among them.
      queries: by population, [num_queries] int64 rows, in the order of the arrays.
      listens: [num_artists], POP; NaN where unknown.
      sizes: artists by population.
    """
    systems = {name: _system(seeds, kept, name) for name, seeds in kept.items()}
    return {
        "populations": {
            name: {"artists": sizes[name], "queries": len(queries[name])} for name in POPULATIONS
        },
        "systems": systems,
        "combinations": _combinations(kept),
        "quantiles": {name: _quantiles(kept, name, listens[queries[name]]) for name in POPULATIONS},
        "correlations": _correlations(kept, queries[FULL], listens),
    }


def _system(
    seeds: Sequence[tuple[Mapping[str, Any], Mapping[str, np.ndarray]]], kept: Kept, name: str
) -> dict[str, Any]:
    matrices = [arrays[GROUPS] for _, arrays in seeds]
    found: dict[str, Any] = {
        "seeds": [record["seed"] for record, _ in seeds],
        "entropy": _spread([group_entropy(matrix) for matrix in matrices]),
        "groups": seeds[0][0]["groups"],
        "matrix": np.mean(matrices, axis=0).round(4).tolist(),
        "fit_cpu_seconds": _spread([record["fit_cpu_seconds"] for record, _ in seeds]),
    }
    for population in POPULATIONS:
        scores = mean_scores(seeds, population)
        found[population] = {
            **_interval(interval(scores)),
            "by_seed": [record["ndcg@200"][population] for record, _ in seeds],
            "gini": _spread([record["gini@200"][population] for record, _ in seeds]),
        }
        # A system is better or worse than the one that the page is about, query by query.
        if name != CONTRASTIVE and CONTRASTIVE in kept:
            ours = mean_scores(kept[CONTRASTIVE], population)
            found[population]["contrastive_minus_this"] = _interval(paired_interval(ours, scores))
    return found


def mean_scores(
    seeds: Sequence[tuple[Mapping[str, Any], Mapping[str, np.ndarray]]], view: str
) -> np.ndarray:
    """[num_queries] each query's nDCG@200, averaged over the seeds."""
    return np.asarray(np.mean([arrays[view] for _, arrays in seeds], axis=0))


def _combinations(kept: Kept) -> list[dict[str, Any]]:
    """003, table 1: one model, asked with each combination of modalities."""
    if CONTRASTIVE not in kept:
        return []
    lines = []
    for members in combinations(MODALITIES):
        line: dict[str, Any] = {"modalities": list(members)}
        for population in POPULATIONS:
            view = view_name(population, members, MODALITIES)
            line[population] = {
                **_interval(interval(mean_scores(kept[CONTRASTIVE], view))),
                "gini": _spread([record["gini@200"][view] for record, _ in kept[CONTRASTIVE]]),
            }
        lines.append(line)
    return lines


def _quantiles(kept: Kept, population: str, popularity: np.ndarray) -> list[dict[str, Any]]:
    """003, figure 4: by popularity quantile, nDCG over that of the listening data alone."""
    known = np.flatnonzero(~np.isnan(popularity))
    reference = f"modality:{LISTENING}"
    if reference not in kept or not len(known):
        return []
    scores = {name: mean_scores(seeds, population) for name, seeds in kept.items()}
    found = []
    for group in quantile_groups(popularity[known], POPULARITY_QUANTILES):
        rows = known[group]
        base = float(scores[reference][rows].mean())
        found.append(
            {
                "queries": len(rows),
                "from": round(float(popularity[rows].min()), 3),
                "to": round(float(popularity[rows].max()), 3),
                LISTENING: round(base, 4),
                "improvement": {
                    name: round(float(values[rows].mean()) / base - 1, 4) if base else None
                    for name, values in scores.items()
                    if name != reference
                },
            }
        )
    return found


def _correlations(
    kept: Kept, queries: np.ndarray, listens: np.ndarray
) -> dict[str, dict[str, float | None]]:
    """003, figure 5: Kendall's tau of the artists that have all modalities, mean over seeds."""
    seeds = kept.get(CONTRASTIVE, ())
    names = (NDCG, POP, *SPACE)
    taus = []
    for _, arrays in seeds:
        place = {row: i for i, row in enumerate(queries)}
        artists = [(i, place[row]) for i, row in enumerate(arrays["space artists"]) if row in place]
        of_artist, of_query = np.array(artists, np.int64).reshape(-1, 2).T
        values = {name: arrays[name][of_artist] for name in SPACE}
        values[NDCG] = arrays[FULL][of_query]
        values[POP] = listens[queries[of_query]]
        taus.append(
            {
                (a, b): scipy.stats.kendalltau(values[a], values[b], nan_policy="omit").statistic
                for a, b in itertools.product(names, repeat=2)
            }
        )
    if not taus:
        return {}
    return {
        a: {b: _finite(float(np.mean([tau[a, b] for tau in taus]))) for b in names} for a in names
    }


def _interval(found: Interval) -> dict[str, float | None]:
    return {"value": _finite(found.value), "low": _finite(found.low), "high": _finite(found.high)}


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    """The mean over the seeds, and its range."""
    return {
        "mean": _finite(float(np.mean(values))),
        "low": _finite(float(np.min(values))),
        "high": _finite(float(np.max(values))),
    }


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
