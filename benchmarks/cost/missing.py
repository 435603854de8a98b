"""What the suite can measure and has not, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from benchmarks.cost.numbers import catalogue_title
from benchmarks.cost.parts import CONFIGS, WHOLE_ARTISTS
from benchmarks.cost.stages import (
    BOUND,
    FORMS,
    PROFILE,
    SCORED,
    STAGES,
    START,
    STEPS,
    TITLES,
    WHOLE,
)
from benchmarks.cost.trainings import OLGA

_WHY: Final = {
    "sampler": "it takes some 15 ms of a processor for each artist",
    "full_edges": "each batch goes over the whole graph",
    "full_csr": "each batch goes over the whole graph",
}
"""Of a stage or a form of training, why somebody may leave it out on a large catalogue."""


def missing_lines(result: Mapping[str, Any]) -> str:
    """A line for each."""
    found = [f"- {text}: not run{f', as {why}' if why else ''}." for text, why in _missing(result)]
    return "\n".join(found) or "- Of what belongs to this page, nothing is left out."


def _missing(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    sizes = [size["artists"] for size in result["sizes"]]
    stages = {(m["stage"], m["artists"]) for m in result["measurements"]}
    for stage in STAGES:
        for artists in sizes:
            if (stage, artists) not in stages:
                yield f"{TITLES[stage]}, {artists:,} artists", _WHY.get(stage, "")
    training, parts = result["training"], result["parts"]
    epochs = {(one["catalogue"], one["form"]) for one in training["epochs"]}
    for catalogue in result["trained"]:
        for form, title in FORMS.items():
            if (catalogue, form) not in epochs:
                why = _WHY.get(form, "") if catalogue != OLGA else ""
                yield f"an epoch of {title}, {catalogue_title(catalogue)}", why
    scores = {(one["catalogue"], one["form"]) for one in training["scores"]}
    for catalogue in result["trained"]:
        for form in SCORED:
            if (catalogue, form) not in scores:
                why = _WHY.get(form, "") if catalogue != OLGA else ""
                yield f"the way to a score of {FORMS[form]}, {catalogue_title(catalogue)}", why
    for part, text in ((BOUND, "what an epoch has to move"), (PROFILE, "how steps wait")):
        there = {one["catalogue"] for one in parts[part]}
        for catalogue in result["trained"]:
            if catalogue not in there:
                yield f"{text}, {catalogue_title(catalogue)}", ""
    there = {one["artists"] for one in parts[STEPS]}
    for artists in sizes:
        if artists not in there:
            yield f"where the time of graph building goes, {artists:,} artists", ""
    there = {one["config"] for one in parts[START]}
    for config in CONFIGS:
        if config not in there:
            yield f"the start of `{config}`", ""
    if not parts[WHOLE]:
        yield f"a whole run, {WHOLE_ARTISTS:,} artists", ""
