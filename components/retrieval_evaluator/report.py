"""The judge's figures as tables: for a file, and for the console."""

from __future__ import annotations

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


def markdown_report(metrics: Mapping[str, Any], verdict: Mapping[str, Any]) -> str:
    """The content of `report.md`: the verdict first, then the scores."""
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
    return "\n".join([*lines, "", *_query_lines(metrics)]) + "\n"


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
