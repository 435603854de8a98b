"""What the project wants to reach, beside what was measured: met, missed, or not measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from benchmarks.cost.numbers import catalogue_title, short, slope
from benchmarks.cost.parts import WHOLE_ARTISTS
from benchmarks.cost.stages import FORMS, WHOLE
from benchmarks.cost.training import TRACED
from benchmarks.cost.trainings import OLGA

_FASTER: Final = 3.0
_SCORE_SECONDS: Final = 300.0
_SLOPE: Final = 1.1
_FLAT: Final = 1.1
"""Flat, if the most of all sizes is at most so many times the least."""
_WHOLE_GB: Final = 8.0
_MILLION: Final = 1_000_000
_MILLION_GB: Final = 16.0
_LOADERS: Final = {
    "neighbour loader, as in its examples": ("loader_edges",),
    "neighbour loader in its fastest form": ("loader_edges", "trimmed_edges", "trimmed_csr"),
}
_FULL: Final = {
    "as many updates, of the same batches": ("full_edges", "full_csr"),
    "one update": ("whole_edges", "whole_csr", "whole_native"),
}
"""Forms whose steps go over the whole graph, by how often they teach the network in an epoch."""


class Goal(NamedTuple):
    """Of a page's table.

    Attributes:
      text: what is wanted.
      figure: what was measured; empty: nothing was.
      met: whether that is enough.
    """

    text: str
    figure: str = ""
    met: bool = False


def goals_table(result: Mapping[str, Any]) -> str:
    """Each goal, its figure, and whether it is met."""
    lines = ["| goal | measured | |", "| --- | --- | --- |"]
    for goal in (*_trainings(result), *_graphs(result), *_memory(result)):
        verdict = ("met" if goal.met else "**missed**") if goal.figure else "not measured"
        lines.append(f"| {goal.text} | {goal.figure} | {verdict} |")
    return "\n".join(lines)


def _trainings(result: Mapping[str, Any]) -> Iterator[Goal]:
    every = result["training"]["epochs"]
    for catalogue in result["trained"]:
        seconds = {o["form"]: o["seconds"] for o in every if o["catalogue"] == catalogue}
        named = catalogue_title(catalogue)
        compared = [(_FASTER, what, forms) for what, forms in _LOADERS.items()]
        compared += [(1.0, f"full batches, {what}", forms) for what, forms in _FULL.items()]
        for times, what, forms in compared:
            wanted = f"at least {short(times)} times faster than" if times > 1 else "no slower than"
            goal = Goal(f"{named}: an epoch {wanted} PyTorch Geometric's {what}")
            theirs = {form: seconds[form] for form in forms if form in seconds}
            if TRACED in seconds and theirs:
                form = min(theirs, key=theirs.__getitem__)
                ours, other = seconds[TRACED], theirs[form]
                figure = f"{other / ours:.2f} times ({short(ours)} s beside {short(other)} s, "
                figure += f"{FORMS[form]})"
                goal = goal._replace(figure=figure, met=other >= times * ours)
            yield goal
    score = Goal(f"OLGA to its final score in {_SCORE_SECONDS / 60:.0f} minutes on 2 cores")
    for one in result["training"]["scores"]:
        if (one["catalogue"], one["form"]) == (OLGA, TRACED):
            spent = one["process_seconds"]
            figure = f"{max(one['scores']):.3f} after {short(spent)} s, loading and validation too"
            score = score._replace(figure=figure, met=spent < _SCORE_SECONDS)
    yield score


def _graphs(result: Mapping[str, Any]) -> Iterator[Goal]:
    linear = Goal(f"graph building: slope of processor seconds over edges at most {_SLOPE}")
    flat = Goal("graph building with worker processes: the most that one holds does not grow")
    edges, measured = alike(result, "graph")
    if len(edges) > 1:
        found = slope(measured, edges, "cpu_seconds")
        linear = linear._replace(figure=f"{found:.2f}", met=found <= _SLOPE)
    edges, measured = alike(result, "workers")
    if len(edges) > 1:
        # Of the process that hands out, or of a worker.
        peaks = [max(m["peak_mib"], m["worker_peak_mib"]) for m in measured]
        figure = f"{peaks[0]:,.0f} to {peaks[-1]:,.0f} MiB from {edges[0]:,} to {edges[-1]:,} edges"
        flat = flat._replace(figure=figure, met=max(peaks) <= _FLAT * min(peaks))
    yield from (linear, flat)


def _memory(result: Mapping[str, Any]) -> Iterator[Goal]:
    whole = Goal(f"a whole run on {WHOLE_ARTISTS:,} artists under {short(_WHOLE_GB)} GB")
    for run in result["parts"][WHOLE]:
        whole = whole._replace(**_under(run["peak_mib"], _WHOLE_GB))
    yield whole
    for stage, what in (("graph", "graph building"), ("epoch", "an epoch"), ("embed", "embedding")):
        goal = Goal(f"{_MILLION:,} artists: {what} under {short(_MILLION_GB)} GB")
        for one in result["measurements"]:
            if (one["stage"], one["artists"]) == (stage, _MILLION):
                goal = goal._replace(**_under(one["peak_mib"], _MILLION_GB))
        yield goal


def _under(peak_mib: float, gigabytes: float) -> dict[str, Any]:
    found = peak_mib * 2**20 / 1e9
    return {"figure": f"{found:.1f} GB", "met": found < gigabytes}


def alike(result: Mapping[str, Any], stage: str) -> tuple[list[int], list[Mapping[str, Any]]]:
    """Edges, and what a stage took, of the catalogues with as many edges an artist as the first."""
    first = result["sizes"][0]
    found = {m["artists"]: m for m in result["measurements"] if m["stage"] == stage}
    some = [
        (size["edges"], found[size["artists"]])
        for size in result["sizes"]
        if size["edges"] * first["artists"] == first["edges"] * size["artists"]
        and size["artists"] in found
    ]
    return [edges for edges, _ in some], [measured for _, measured in some]
