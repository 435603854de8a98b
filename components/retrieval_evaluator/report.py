"""The judge's figures as tables: for a file, and for the console."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any, Final

from rich.table import Table

_METRIC: Final = "ndcg@200"
_TITLES: Final = {
    "model": "new model",
    "model_pairwise": "new model, its `similar`",
    "blessed_model": "last blessed model",
    "pagerank": "personalised PageRank",
    "common_neighbours": "common neighbours",
    "knn": "nearest content",
    "popularity": "popularity",
    "random": "random order",
}

_FURTHER_SYSTEMS: Final = ("model", "blessed_model", "pagerank")
"""Whose further metrics are in the report; those of all are in `metrics.json`."""
_METRIC_TITLES: Final = {
    "ndcg": "nDCG",
    "hit_ratio": "hit ratio",
    "r_precision": "R-precision",
    "map": "MAP",
    "mrr": "MRR",
    "unordered_accuracy": "unordered accuracy",
    "edit_distance_accuracy": "edit-distance accuracy",
    "popularity_bias": "popularity bias",
    "gini": "Gini",
}


def markdown_report(metrics: Mapping[str, Any], verdict: Mapping[str, Any]) -> str:
    """The content of `report.md`: the verdict, the scores, and what else was measured."""
    conditions = list(metrics)
    lines = [
        f"# {'Blessed' if verdict['blessed'] else 'Not blessed'}",
        "",
        f"{verdict['reason']}.".replace("..", "."),
        "",
        "nDCG@200 with its 95% bootstrap interval, all systems on the same queries.",
        "",
        f"| system | {' | '.join(conditions)} |",
        f"|---|{'---|' * len(conditions)}",
    ]
    for system in _systems(metrics):
        cells = [_cell(metrics[condition], system) for condition in conditions]
        lines.append(f"| {_TITLES.get(system, system)} | {' | '.join(cells)} |")
    lines += ["", *_query_lines(metrics)]
    tables = [_further_lines(condition, systems) for condition, systems in metrics.items()]
    if any(tables):
        lines += ["", "Further metrics; all systems and intervals are in `metrics.json`."]
    return "\n".join([*lines, *itertools.chain(*tables)]) + "\n"


def console_table(metrics: Mapping[str, Any]) -> Table:
    """The scores for a terminal."""
    table = Table(title="nDCG@200 [95% interval]", title_justify="left")
    table.add_column("system")
    for condition in metrics:
        table.add_column(condition, justify="right")
    for system in _systems(metrics):
        table.add_row(
            _TITLES.get(system, system),
            *(_cell(systems, system) for systems in metrics.values()),
            style="bold" if system == "model" else None,
        )
    return table


def _systems(metrics: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(system for systems in metrics.values() for system in systems))


def _cell(systems: Mapping[str, Any], system: str) -> str:
    entry = systems.get(system, {}).get(_METRIC)
    if not entry or entry["value"] is None or math.isnan(entry["value"]):
        return "–"
    return f"{entry['value']:.3f} [{entry['low']:.3f}, {entry['high']:.3f}]"


def _query_lines(metrics: Mapping[str, Any]) -> list[str]:
    lines = []
    for condition, systems in metrics.items():
        entry = systems["model"][_METRIC]
        lines.append(
            f"{condition}: {entry['num_queries']:,} queries; {entry['num_skipped']:,} artists have "
            "no hidden positive and are skipped."
        )
    return lines


def _further_lines(condition: str, systems: Mapping[str, Any]) -> list[str]:
    """One condition's table of the other metrics, empty where there is none."""
    names = [name for name in systems["model"] if name != _METRIC]
    if not names:
        return []
    shown = [system for system in _FURTHER_SYSTEMS if system in systems]
    lines = [
        "",
        f"| {condition} | {' | '.join(_TITLES[system] for system in shown)} |",
        f"|---|{'---|' * len(shown)}",
    ]
    for name in names:
        values = [systems[system].get(name, {}).get("value") for system in shown]
        cells = ["–" if value is None else f"{value:.3f}" for value in values]
        lines.append(f"| {_metric_title(name)} | {' | '.join(cells)} |")
    return lines


def _metric_title(name: str) -> str:
    kind, at, k = name.partition("@")
    return f"{_METRIC_TITLES.get(kind, kind)}{at}{k}"
