"""The page itself: one HTML file with its figures, their library and its style in it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import jinja2
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from components.retrieval_evaluator.closer_look_report import closer_look
from components.retrieval_evaluator.names import (
    BLESSED_MODEL,
    PAGERANK,
    metric_title,
    system_title,
)
from components.retrieval_evaluator.page import figures
from components.retrieval_evaluator.page.contents import Change, Curve, PageContents
from trainer.ranking.evaluation import METRIC

_FOLDER: Final = Path(__file__).parent
_CONDITION_TITLES: Final = {
    "connected": "Connected: the artist and whom it is known to resemble",
    "cold": "Cold: content alone, on the day an artist arrives",
}


@dataclasses.dataclass(frozen=True)
class _Part:
    """A plot, a table, a list of rules or of changes, under a title."""

    title: str = ""
    text: str = ""
    figure: str = ""
    alt: str = ""
    table: Mapping[str, Any] | None = None
    rules: Sequence[Mapping[str, Any]] = ()
    changes: Sequence[Change] | None = None
    before: str = ""
    open: bool | None = None
    """Whether a part that can be folded is open at first; None: it cannot."""


@dataclasses.dataclass(frozen=True)
class _Section:
    anchor: str
    title: str
    parts: Sequence[_Part]
    text: str = ""
    search: str = ""


def html_page(contents: PageContents) -> str:
    """The content of `report.html`."""
    drawn: dict[str, go.Figure] = {}
    sections = [
        section
        for make in (
            _gate,
            _scores,
            _slices,
            _degree,
            _popularity,
            _map,
            _changes,
            _closer_look,
            _training,
        )
        if (section := make(contents, drawn)) is not None
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("report.html.jinja").render(
        verdict=contents.verdict,
        warnings=contents.metrics.get("warnings", []),
        facts=_facts(contents),
        sections=sections,
        css=Markup((_FOLDER / "page.css").read_text()),
        figures=Markup(_json(drawn)),
        plotly=Markup(get_plotlyjs().replace("</script", "<\\/script")),
        script=Markup((_FOLDER / "page.js").read_text()),
    )


def _json(drawn: Mapping[str, go.Figure]) -> str:
    parts = {}
    for name, figure in drawn.items():
        # The page brings its own colours.
        parts[name] = json.loads(figure.update_layout(template=None).to_json())
    # Nothing in it may end the element that holds it.
    return json.dumps(parts, separators=(",", ":")).replace("<", "\\u003c")


def _facts(contents: PageContents) -> Sequence[tuple[str, str]]:
    metrics = contents.metrics
    facts = []
    for condition, systems in metrics["scores"].items():
        facts.append((f"{condition} nDCG@200", _figure(systems["model"][METRIC])))
        other = BLESSED_MODEL if BLESSED_MODEL in systems else PAGERANK
        if other in systems:
            title = f"{condition}, {system_title(other)}"
            facts.append((title, _figure(systems[other][METRIC])))
    entry = next(iter(metrics["scores"].values()))["model"][METRIC]
    facts.append(("queries", f"{entry['num_queries']:,} of {metrics['split']}"))
    return facts


def _figure(entry: Mapping[str, Any], sign: str = "") -> str:
    if entry["value"] is None:
        return "–"
    shown = f"{entry['value']:{sign}.3f}"
    if entry["low"] is not None:
        shown += f" [{entry['low']:{sign}.3f}, {entry['high']:{sign}.3f}]"
    return shown


def _gate(contents: PageContents, drawn: dict[str, go.Figure]) -> _Section | None:
    rules = contents.verdict["rules"]
    if not rules:
        return None
    return _Section("gate", "Rules", [_Part(rules=rules)])


def _scores(contents: PageContents, drawn: dict[str, go.Figure]) -> _Section:
    parts = []
    for condition, systems in contents.metrics["scores"].items():
        anchor = f"plot-scores-{condition}"
        drawn[anchor] = figures.scores_figure(systems, METRIC)
        alt = f"{condition} nDCG@200 of every system; the table below has the same figures"
        parts.append(_Part(_CONDITION_TITLES[condition], figure=anchor, alt=alt))
        head = ["metric", *(system_title(system) for system in systems)]
        rows = [
            [
                metric_title(name),
                *(
                    _figure(entries[name]) if name in entries else "–"
                    for entries in systems.values()
                ),
            ]
            for name in systems["model"]
        ]
        parts.append(
            _Part(f"All metrics, {condition}", table={"head": head, "rows": rows}, open=False)
        )
    return _Section("scores", "Scores", parts)


def _slices(contents: PageContents, drawn: dict[str, go.Figure]) -> _Section | None:
    slices = contents.metrics["slices"]
    if not slices:
        return None
    parts, others = [], set()
    for condition in contents.metrics["scores"]:
        compared = slices[0]["differences"][condition]
        if not compared:
            continue
        other = BLESSED_MODEL if BLESSED_MODEL in compared else next(iter(compared))
        others.add(other)
        rows = [
            {**entry, **entry["differences"][condition][other]}
            for entry in slices
            if entry["differences"][condition][other]["value"] is not None
        ]
        anchor = f"plot-slices-{condition}"
        drawn[anchor] = figures.slices_figure(rows, system_title(other))
        alt = f"{condition} difference to {system_title(other)} by slice; figures in the table"
        parts.append(_Part(_CONDITION_TITLES[condition], figure=anchor, alt=alt))
        table = _slices_table(slices, condition)
        parts.append(_Part(f"The figures, {condition}", table=table, open=False))
    if not parts:
        return None
    text = (
        f"New model − {' and '.join(sorted(map(system_title, others)))}, {metric_title(METRIC)}, "
        "on the same queries (their number in brackets). Coloured where the difference is "
        "significant at 5% after Holm's correction for all slices; hollow where a slice has too "
        "few queries to be tested."
    )
    return _Section("slices", "Slices", parts, text)


def _slices_table(slices: Sequence[Mapping[str, Any]], condition: str) -> Mapping[str, Any]:
    systems = list(slices[0]["scores"][condition])
    others = list(slices[0]["differences"][condition])
    head = ["slice", "artists", "queries", *map(system_title, systems)]
    head += [f"new model − {system_title(other)}" for other in others]
    rows = []
    for entry in slices:
        differences = entry["differences"][condition]
        rows.append(
            [
                entry["title"],
                f"{entry['num_artists']:,}",
                f"{entry['num_queries']:,}{' (small)' if entry['small'] else ''}",
                *(_figure(entry["scores"][condition][system]) for system in systems),
                *(
                    _figure(differences[other], "+")
                    + (" *" if differences[other]["significant"] else "")
                    for other in others
                ),
            ]
        )
    return {"head": head, "rows": rows}


def _degree(contents: PageContents, drawn: dict[str, go.Figure]) -> _Section | None:
    if not contents.degrees:
        return None
    drawn["plot-degree"] = figures.degree_figure(contents.degrees, METRIC)
    systems = list(contents.degrees[0].scores)
    table = {
        "head": ["known similar artists", "queries", *map(system_title, systems)],
        "rows": [
            [
                one.title,
                f"{one.num_queries:,}",
                *(_figure(dataclasses.asdict(one.scores[system])) for system in systems),
            ]
            for one in contents.degrees
        ],
    }
    alt = "connected nDCG@200 against the number of known similar artists; figures in the table"
    parts = [_Part(figure="plot-degree", alt=alt), _Part("The figures", table=table, open=False)]
    text = "How the score grows with what is known of an artist (connected condition)."
    return _Section("degree", "Score and degree", parts, text)


def _popularity(contents: PageContents, drawn: dict[str, go.Figure]) -> _Section | None:
    exposure = contents.exposure
    if exposure is None:
        return None
    drawn["plot-popularity"] = figures.exposure_figure(exposure)
    bands = [*map(str, range(1, 11)), "unknown"]
    table = {
        "head": ["tenth by popularity", *map(figures.exposed_title, exposure.shares)],
        "rows": [
            [title, *(f"{share[band]:.1%}" for share in exposure.shares.values())]
            for band, title in enumerate(bands)
        ],
    }
    alt = "share of the lists that each tenth of popularity has; figures in the table"
    text = (
        f"Who fills the first {exposure.cutoff} places (connected condition). A fair recommender "
        "follows the dashed line of the artists that are truly similar; the dotted one is what "
        "chance would give."
    )
    parts = [
        _Part(figure="plot-popularity", alt=alt),
        _Part("The figures", table=table, open=False),
    ]
    return _Section("popularity", "Popularity", parts, text)


def _map(contents: PageContents, drawn: dict[str, go.Figure]) -> _Section | None:
    places = contents.map
    if places is None:
        return None
    drawn["plot-map"] = figures.map_figure(places)
    alt = f"{len(places.x):,} artists in the plane; the search above finds one by name"
    text = f"{len(places.x):,} artists by {places.method}. Drag to move, scroll or pinch to zoom."
    return _Section("map", "Map", [_Part(figure="plot-map", alt=alt)], text, search="plot-map")


def _changes(contents: PageContents, drawn: dict[str, go.Figure]) -> _Section | None:
    changes = contents.changes
    if changes is None:
        return None
    other = system_title(changes.other)
    parts = [
        _Part("Largest gains", changes=changes.gains, before=other),
        _Part("Largest losses", changes=changes.losses, before=other),
    ]
    text = (
        f"Artists whose connected nDCG@200 differs most from that of {other}, with the first of "
        "both lists side by side."
    )
    return _Section("changes", "Gains and losses", parts, text)


def _closer_look(contents: PageContents, drawn: dict[str, go.Figure]) -> _Section | None:
    parts = [
        _Part(
            text=found.text, table={"head": found.head, "rows": found.rows} if found.head else None
        )
        for found in closer_look(contents.metrics)
    ]
    return _Section("closer-look", "A closer look", parts) if parts else None


def _training(contents: PageContents, drawn: dict[str, go.Figure]) -> _Section | None:
    groups: dict[str, list[Curve]] = {}
    for curve in contents.curves:
        kind, _, name = curve.name.partition("/")
        # The learning rate and the loss have no common scale; nor have the monitors, and what
        # chose the epoch, which is minus a loss where no edge is learnt from.
        title = name.replace("_", " ")
        if kind == "val":
            title = f"validation {METRIC if name != 'score' else name}"
        groups.setdefault(title, []).append(curve)
    parts = []
    for number, (title, curves) in enumerate(groups.items()):
        anchor = f"plot-training-{number}"
        drawn[anchor] = figures.curves_figure(curves, title)
        last = ", ".join(f"{curve.value[-1]:.4g}" for curve in curves)
        parts.append(_Part(title, figure=anchor, alt=f"{title} over the epochs, at the end {last}"))
    return _Section("training", "Training", parts) if parts else None
