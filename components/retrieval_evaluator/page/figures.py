"""The page's plots, as Plotly figures. Colours and fonts are the page's own (page.js)."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from components.retrieval_evaluator.names import system_title
from components.retrieval_evaluator.page.collect import CANDIDATES, TRUTH
from components.retrieval_evaluator.page.contents import CatalogueMap, Curve, DegreeBin, Exposure

SYSTEM_COLORS: Final = {
    # Okabe and Ito's palette, which the colour-blind can tell apart.
    "model": "#0072B2",
    "model_pairwise": "#56B4E9",
    "blessed_model": "#E69F00",
    "pagerank": "#009E73",
    "common_neighbours": "#7f7f7f",
    "knn": "#CC79A7",
    "popularity": "#7f7f7f",
    "random": "#b0b0b0",
    TRUTH: "#7f7f7f",
    "candidates": "#b0b0b0",
}
_MAP_COLORS: Final = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#B8A800",
    "#6A51A3",
    "#8C564B",
    "#17BECF",
    "#AEC7E8",
    "#9a9a9a",
)
_ROW: Final = 24
"""Pixels for a line of a plot with names on its vertical axis."""
_EDGE: Final = 70
"""Pixels for the axis of such a plot."""


def scores_figure(systems: Mapping[str, Any], metric: str) -> go.Figure:
    """Every system's score with its interval, the best on top."""
    found = [(name, entries[metric]) for name, entries in systems.items() if metric in entries]
    found = sorted(
        ((name, entry) for name, entry in found if entry["value"] is not None),
        key=lambda pair: pair[1]["value"],
    )
    figure = go.Figure()
    for name, entry in found:
        figure.add_trace(
            _whisker(
                system_title(name), entry, SYSTEM_COLORS.get(name, "#7f7f7f"), name == "model", 3
            )
        )
    figure.update_xaxes(title=_metric_axis(metric), rangemode="tozero")
    return _named_rows(figure, len(found))


def slices_figure(rows: Sequence[Mapping[str, Any]], against: str) -> go.Figure:
    """Differences of the new model by slice, grouped as they come, the first on top.

    Args:
      rows: each with 'title', 'num_queries', 'small', 'significant', 'value', 'low', 'high'.
      against: the title of the other system.
    """
    figure = go.Figure()
    for row in reversed(rows):
        color = "#8a8a8a"
        if row["significant"]:
            color = "#0072B2" if row["value"] > 0 else "#D55E00"
        label = f"{row['title']} ({row['num_queries']:,})"
        figure.add_trace(_whisker(label, row, color, bool(row["significant"]), 3, row["small"]))
    figure.add_vline(x=0, line_width=1, line_color="#8a8a8a")
    figure.update_xaxes(title=f"new model − {against}")
    return _named_rows(figure, len(rows))


def degree_figure(bins: Sequence[DegreeBin], metric: str) -> go.Figure:
    """Mean score against the number of known edges."""
    figure = go.Figure()
    titles = [f"{one.title}<br>({one.num_queries:,})" for one in bins]
    for system in bins[0].scores if bins else ():
        values = [one.scores[system] for one in bins]
        mean = np.array([value.value for value in values])
        figure.add_trace(
            go.Scatter(
                x=titles,
                y=mean,
                name=system_title(system),
                mode="lines+markers",
                line={"color": SYSTEM_COLORS.get(system, "#7f7f7f")},
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": np.array([value.high for value in values]) - mean,
                    "arrayminus": mean - np.array([value.low for value in values]),
                    "thickness": 1,
                    "width": 3,
                },
                hovertemplate="%{y:.3f}<extra>%{fullData.name}</extra>",
            )
        )
    figure.update_xaxes(title="known similar artists (queries)", type="category")
    figure.update_yaxes(title=_metric_axis(metric), rangemode="tozero")
    return figure.update_layout(height=380)


def exposure_figure(shares: Exposure) -> go.Figure:
    """The share of the lists that each tenth of the candidates has."""
    figure = go.Figure()
    unknown = any(share[-1] for share in shares.shares.values())
    bands = [str(band) for band in range(1, 11)] + (["unknown"] if unknown else [])
    for system, share in shares.shares.items():
        figure.add_trace(
            go.Scatter(
                x=bands,
                y=share[: len(bands)],
                name=exposed_title(system),
                mode="lines+markers",
                line={
                    "color": SYSTEM_COLORS.get(system, "#7f7f7f"),
                    "dash": {TRUTH: "dash", CANDIDATES: "dot"}.get(system, "solid"),
                },
                hovertemplate="%{y:.1%}<extra>%{fullData.name}</extra>",
            )
        )
    figure.update_xaxes(title="tenth by popularity (10: the most popular)", type="category")
    figure.update_yaxes(
        title=f"share of the first {shares.cutoff}", tickformat=".0%", rangemode="tozero"
    )
    return figure.update_layout(height=380)


def exposed_title(system: str) -> str:
    """What a line of `exposure_figure` stands for."""
    titles = {TRUTH: "truly similar artists", CANDIDATES: "all candidates"}
    return titles.get(system, system_title(system))


def map_figure(places: CatalogueMap) -> go.Figure:
    """All artists, coloured by group; a query's score is in what a touch shows."""
    figure = go.Figure()
    for group, title in enumerate(places.groups):
        chosen = np.flatnonzero(places.group == group)
        if not len(chosen):
            continue
        # The name as it is, for the search, and what a touch shows beside it.
        more = [
            [str(name), "" if np.isnan(score) else f"<br>nDCG@200 {score:.3f}"]
            for name, score in zip(places.name[chosen], places.score[chosen], strict=True)
        ]
        figure.add_trace(
            go.Scattergl(
                # Lists, which the search reads; four digits are finer than a screen.
                x=np.round(places.x[chosen], 4).tolist(),
                y=np.round(places.y[chosen], 4).tolist(),
                name=_text(title),
                mode="markers",
                marker={"size": 5, "color": _MAP_COLORS[group % len(_MAP_COLORS)], "opacity": 0.7},
                text=[_text(name) for name in places.name[chosen]],
                customdata=more,
                hovertemplate="%{text}%{customdata[1]}<extra>%{fullData.name}</extra>",
            )
        )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return figure.update_layout(height=560, dragmode="pan", legend={"itemsizing": "constant"})


def curves_figure(curves: Sequence[Curve], title: str) -> go.Figure:
    """Some scalars of the training over its epochs, in one plot."""
    figure = go.Figure()
    for curve in curves:
        figure.add_trace(
            go.Scatter(
                x=curve.epoch,
                y=curve.value,
                name=curve.name.partition("/")[2].replace("_", " "),
                mode="lines" if len(curve.epoch) > 1 else "markers",
                hovertemplate="%{y:.4g}<extra>%{fullData.name}</extra>",
            )
        )
    figure.update_xaxes(title="epoch")
    figure.update_yaxes(title=title)
    return figure.update_layout(height=300)


def _text(value: object) -> str:
    """A text of the data's, in which Plotly would take <b> for its own."""
    return html.escape(str(value), quote=False)


def _whisker(
    label: str,
    entry: Mapping[str, Any],
    color: str,
    bold: bool,
    digits: int,
    open_mark: bool = False,
) -> go.Scatter:
    """One row: a mark with its interval."""
    value = entry["value"]
    shown = f"{value:.{digits}f}"
    error = None
    if entry.get("low") is not None:
        shown += f" [{entry['low']:.{digits}f}, {entry['high']:.{digits}f}]"
        error = {
            "type": "data",
            "symmetric": False,
            "array": [entry["high"] - value],
            "arrayminus": [value - entry["low"]],
            "thickness": 2 if bold else 1.5,
            "width": 4,
        }
    return go.Scatter(
        x=[value],
        y=[f"<b>{_text(label)}</b>" if bold else _text(label)],
        mode="markers",
        marker={"color": color, "size": 9, "symbol": "circle-open" if open_mark else "circle"},
        error_x=error,
        hovertemplate=f"{shown}<extra></extra>",
        showlegend=False,
    )


def _named_rows(figure: go.Figure, num_rows: int) -> go.Figure:
    figure.update_yaxes(automargin=True, type="category")
    return figure.update_layout(height=_ROW * num_rows + _EDGE, hovermode="closest")


def _metric_axis(metric: str) -> str:
    return metric.replace("ndcg", "nDCG")
