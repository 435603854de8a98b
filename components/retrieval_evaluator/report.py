"""The judge's figures as tables: for a file, and for the console."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any, Final

from rich.table import Table

from components.retrieval_evaluator.closer_look_report import closer_look_lines
from components.retrieval_evaluator.names import (
    BLESSED_MODEL,
    MODEL,
    PAGERANK,
    metric_title,
    system_title,
)

_METRIC: Final = "ndcg@200"
_FURTHER_SYSTEMS: Final = (MODEL, BLESSED_MODEL, PAGERANK)
"""Whose slices and further metrics are in the report; those of all are in `metrics.json`."""


def markdown_report(metrics: Mapping[str, Any], verdict: Mapping[str, Any]) -> str:
    """The content of `report.md`: the verdict, its rules, the scores, and what else was measured.

    Args:
      metrics: the content of `metrics.json`.
      verdict: the content of `verdict.json`.
    """
    scores = metrics["scores"]
    conditions = list(scores)
    lines = [
        f"# {'Blessed' if verdict['blessed'] else 'Not blessed'}",
        "",
        f"{verdict['reason']}.".replace("..", "."),
        "",
        *(f"- {r['verdict']}, {r['rule']}: {r['sentence']}." for r in verdict["rules"]),
        "",
        *(line for warning in metrics.get("warnings", ()) for line in (warning, "")),
        "nDCG@200 with its 95% bootstrap interval, all systems on the same queries.",
        "",
        f"| system | {' | '.join(conditions)} |",
        f"|---|{'---|' * len(conditions)}",
    ]
    for system in _systems(scores):
        cells = [_cell(scores[condition], system) for condition in conditions]
        lines.append(f"| {system_title(system)} | {' | '.join(cells)} |")
    counts = metrics["counts"]
    lines += [
        "",
        f"{counts['queries']:,} queries; {counts['skipped']:,} artists have no hidden positive and "
        "are skipped.",
    ]
    for condition in conditions:
        lines += _slice_lines(condition, metrics)
    tables = [_further_lines(condition, systems) for condition, systems in scores.items()]
    if any(tables):
        lines += ["", "Further metrics; all systems and intervals are in `metrics.json`."]
    return "\n".join([*lines, *itertools.chain(*tables), *closer_look_lines(metrics)]) + "\n"


def console_table(metrics: Mapping[str, Any]) -> Table:
    """The scores for a terminal; `metrics` is the content of `metrics.json`."""
    scores = metrics["scores"]
    table = Table(title="nDCG@200 [95% interval]", title_justify="left")
    table.add_column("system")
    for condition in scores:
        table.add_column(condition, justify="right")
    for system in _systems(scores):
        table.add_row(
            system_title(system),
            *(_cell(systems, system) for systems in scores.values()),
            style="bold" if system == MODEL else None,
        )
    return table


def _systems(scores: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(system for systems in scores.values() for system in systems))


def _cell(systems: Mapping[str, Any], system: str) -> str:
    return _figure(systems.get(system, {}).get(_METRIC))


def _figure(entry: Mapping[str, Any] | None, sign: str = "") -> str:
    if not entry or entry["value"] is None or math.isnan(entry["value"]):
        return "–"
    value, low, high = (f"{entry[key]:{sign}.3f}" for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _slice_lines(condition: str, metrics: Mapping[str, Any]) -> list[str]:
    """One condition's table of slices: the model, the others, and the paired differences."""
    systems = [name for name in _FURTHER_SYSTEMS if name in metrics["scores"][condition]]
    others = [name for name in systems if name != MODEL]
    columns = [
        "queries",
        *map(system_title, systems),
        *(f"less {system_title(name)}" for name in others),
    ]
    lines = [
        "",
        f"Slices of the queries, {condition}, nDCG@200. (small): under 30 queries, not tested. *: "
        "the difference is significant at 5% after Holm's correction for all slices.",
        "",
        f"| {condition} | {' | '.join(columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for part in metrics["slices"]:
        cells = [f"{part['num_queries']:,}{' (small)' if part['small'] else ''}"]
        cells += [_figure(part["scores"][condition][name]) for name in systems]
        for name in others:
            difference = part["differences"][condition][name]
            star = "*" if difference["significant"] else ""
            cells.append(f"{_figure(difference, '+')}{star}")
        # A genre is whatever the catalogue's words are.
        title = part["title"].replace("|", "\\|")
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def _further_lines(condition: str, systems: Mapping[str, Any]) -> list[str]:
    """One condition's table of the other metrics, empty where there is none."""
    names = [name for name in systems[MODEL] if name != _METRIC]
    if not names:
        return []
    shown = [system for system in _FURTHER_SYSTEMS if system in systems]
    lines = [
        "",
        f"| {condition} | {' | '.join(system_title(system) for system in shown)} |",
        f"|---|{'---|' * len(shown)}",
    ]
    for name in names:
        values = [systems[system].get(name, {}).get("value") for system in shown]
        cells = ["–" if value is None else f"{value:.3f}" for value in values]
        lines.append(f"| {metric_title(name)} | {' | '.join(cells)} |")
    return lines
