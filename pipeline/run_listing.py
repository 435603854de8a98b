"""Past runs as a person reads them: a table of all, and one with its lineage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from components.retrieval_evaluator.report import console_table
from pipeline.home import shown
from pipeline.runs import STAGE_TITLES, Run

_STATES: Final = {
    "COMPLETE": "complete",
    "CACHED": "cached",
    "FAILED": "failed",
    "RUNNING": "unfinished",
}


def print_runs(runs: Sequence[Run], screen: Console) -> None:
    """A line a run: scores, verdict, and what its model came from."""
    titles = ("run", "started", "system", "connected", "cold", "verdict", "model", "beside")
    table = Table(*titles, "stages", box=None, padding=(0, 1, 0, 0))
    for run in runs:
        lineage = run.lineage
        counts = [
            f"{sum(state == kind for state in run.states.values())} {word}"
            for kind, word in _STATES.items()
        ]
        table.add_row(
            str(run.number),
            f"{run.started:%Y-%m-%d %H:%M}",
            lineage.system or "–",
            *(_score(run, condition) for condition in ("connected", "cold")),
            _verdict(run),
            _number(lineage.model),
            _number(lineage.compared_with),
            ", ".join(count for count in counts if count[0] != "0"),
        )
    screen.print(table)


def print_run(run: Run, screen: Console) -> None:
    """One run: stages, scores, verdict, lineage, and where its files lie."""

    def line(title: str, value: str) -> None:
        screen.print(f"{title + ':':<24}{value}", highlight=False, soft_wrap=True)

    line("run", f"{run.number}, started {run.started:%Y-%m-%d %H:%M}")
    for stage, state in run.states.items():
        line(STAGE_TITLES.get(stage, stage), _STATES.get(state, state.lower()))
    if run.reason:
        line("nothing to do" if run.ended_early else "trained because", run.reason)
    if run.start:
        line("training", run.start)
    if run.verdict():
        screen.print()
        screen.print(console_table(run.metrics()))
        line("verdict", f"{_verdict(run)}: {run.verdict()['reason']}")
    screen.print()
    lineage = run.lineage
    if lineage.examples is not None:
        line("made from", f"examples {lineage.examples} (span {lineage.span})")
    if lineage.model is not None:
        line("model", f"{lineage.model}, {lineage.system}")
        beside = lineage.compared_with
        line("judged beside", f"model {beside}" if beside else "no blessed model")
    line("pushed", f"version {lineage.version}" if lineage.version else "nothing")
    if run.page:
        line("page", shown(run.page))


def _score(run: Run, condition: str) -> str:
    entry = run.metrics().get("scores", {}).get(condition, {}).get("model", {}).get("ndcg@200", {})
    value = entry.get("value")
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _verdict(run: Run) -> str:
    if run.ended_early:
        return "nothing to do"
    verdict = run.verdict()
    return ("blessed" if verdict["blessed"] else "not blessed") if verdict else "–"


def _number(value: int | None) -> str:
    return "–" if value is None else str(value)
