"""The page of the simulation: what happened each day, and what was served, from its JSON alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from benchmarks.retraining.plots import TITLES, draw_plot
from benchmarks.store import write_whole

Record = Mapping[str, Any]

_WORDS: Final = {
    "pushed": "trained and pushed",
    "unchanged": "answered from the cache",
    "nothing_to_do": "nothing to do",
    "refused": "trained, refused by the gate",
    "failed": "failed",
    "killed": "killed",
}
_EVENTS: Final = {
    "": "",
    "quiet": "nothing new",
    "corrupt": "**corrupt span**",
    "poisoned": "**poisoned span**",
    "killed": "**run killed**",
}
_FIGURES: Final = {
    "served": "as served",
    "newcomers": "as served, artists who came later",
    "connected": "with today's neighbours",
    "cold": "with today's content alone",
}


def write_page(result: Mapping[str, Any], page: Path, source: Path) -> None:
    """Writes the Markdown page and its plot."""
    image = page.with_suffix("") / "served.png"
    write_whole(image, draw_plot(result["days"]))
    links = (os.path.relpath(path, page.parent) for path in (source, image))
    write_whole(page, markdown(result, *links).encode())


def markdown(result: Mapping[str, Any], source: str, image: str) -> str:
    """The page's text; `source` and `image` are links."""
    days, world = result["days"], result["world"]
    minutes = sum(d["policies"][p]["seconds"] for d in days for p in ("gated", "blind")) / 60
    machine = result["machine"]
    gate = result["configurations"]["gated"]["judge"]["gate"]
    retrain = result["configurations"]["gated"]["retrain"]
    versions = ", ".join(f"{name} {value}" for name, value in result["versions"].items())
    return f"""# Results: {len(days)} days of scheduled retraining

Written by `make benchmark SUITE=retraining` from [{Path(source).name}]({source}). A small \
synthetic world (seed {world["seed"]}) goes on day by day: {days[0]["artists"]:,} artists on the \
first day, {days[-1]["artists"]:,} on the last; scenes drift, some artists change theirs, and \
similarities come and go with that. Each day's catalogue arrives as a dated folder, and the local \
pipeline runs once, `python -m pipeline.run`, a process of its own. Beside it two other policies \
live through the same days:

- **{TITLES["gated"]}**: `retrain.when: changed` (from \
{retrain["min_changed_artists"]:.0%} of the artists or {retrain["min_changed_edges"]:.0%} of the \
edges on), bad rows are an error, and the gate (floor {gate["floor"]}, slack {gate["slack"]}) \
decides.
- **{TITLES["blind"]}**: each day's model is pushed, whatever it is: bad rows are set aside, every \
run trains, nothing is refused.
- **{TITLES["never"]}**: the first model, for ever.

![nDCG@200 of what is served, day by day]({image})

## What it is worth

Mean over the days of nDCG@200, and the worst day:

{_summary(days)}

*As served*: the vectors as they were pushed; an artist who came after the training asks with what \
is known of it that day, and is found by nobody. *With today's neighbours*, *with today's content \
alone*: the vectors that the model makes of that day's catalogue, as the pipeline's judge scores \
it connected and cold. The truth is always that day's clean catalogue, whatever arrived. The \
queries are the test artists who have a hidden edge, those who came in the meantime among them: \
{_queries(days)}. `similar` ranks by the walks as well, which is left out here.

## Day by day

nDCG@200 as served; in brackets its 95% interval, and the day of the model.

{_table(days)}

## Why

What the run said of itself, where it is more than that it trained and was pushed:

{_reasons(days)}

## Machine and versions

- The runs took {minutes:.0f} minutes, two side by side, on {machine["cores"]} cores \
({machine["architecture"]}).
- {versions}.
"""


def _queries(days: Sequence[Record]) -> str:
    found = [day["policies"]["gated"]["scores"] for day in days]
    judged = [scores["queries"] for scores in found if scores]
    return f"{judged[0]:,} on the first day, {judged[-1]:,} on the last" if judged else "none"


def _summary(days: Sequence[Record]) -> str:
    lines = [
        f"| | {' | '.join(_FIGURES.values())} | worst day, as served |",
        f"|{' --- |' * (len(_FIGURES) + 2)}",
    ]
    for policy, title in TITLES.items():
        cells = [_cell(values_of(days, policy, figure)) for figure in _FIGURES]
        served = values_of(days, policy, "served")
        worst = f"{min(served):.3f}" if served else "–"
        lines.append(f"| {title} | {' | '.join(cells)} | {worst} |")
    return "\n".join(lines)


def values_of(days: Sequence[Record], policy: str, figure: str) -> list[float]:
    """A policy's figure on each day that has one."""
    scores = [day["policies"][policy]["scores"] for day in days]
    return [found[figure][0] for found in scores if found and found[figure]]


def _cell(values: Sequence[float]) -> str:
    return f"{fmean(values):.3f}" if values else "–"


def _table(days: Sequence[Record]) -> str:
    lines = [
        f"| day | date | artists | edges | | the run | {' | '.join(TITLES.values())} |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for day in days:
        cells = [_served(day["policies"][policy]) for policy in TITLES]
        lines.append(
            f"| {day['day']} | {day['date']} | {day['artists']:,} | {day['edges']:,} "
            f"| {_EVENTS[day['event']]} | {_WORDS[day['policies']['gated']['outcome']]} "
            f"| {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def _served(policy: Record) -> str:
    if not policy["scores"]:
        return "–"
    value, low, high = policy["scores"]["served"]
    return f"{value:.3f} [{low:.3f}, {high:.3f}] ({policy['of_day']})"


def _reasons(days: Sequence[Record]) -> str:
    lines = []
    for day in days:
        ran = day["policies"]["gated"]
        word = _WORDS[ran["outcome"]]
        if ran["outcome"] == "killed":
            lines.append(f"- Day {day['day']}, {word}: while it trained, by SIGKILL.")
        elif ran["outcome"] != "pushed":
            # A sentence may hold what Markdown takes for its own.
            lines.append(f"- Day {day['day']}, {word}: {ran['reason']}")
        if day["policies"]["blind"]["outcome"] == "failed":
            reason = day["policies"]["blind"]["reason"]
            lines.append(f"- Day {day['day']}, {TITLES['blind']}, failed: {reason}")
    return "\n".join(lines) or "Every run trained and was pushed."
