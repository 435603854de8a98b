"""The plots of a suite's page, each drawn from the figures that its tables have."""

from __future__ import annotations

import dataclasses
import io
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402, the backend comes first
import matplotlib.ticker  # noqa: E402
from matplotlib.container import ErrorbarContainer  # noqa: E402

from benchmarks.catalogue import CONDITIONS  # noqa: E402
from benchmarks.page import slice_title  # noqa: E402

# Okabe and Ito's colours, told apart by colour-blind readers too; markers differ as well.
_COLORS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
_REFERENCE_LINES: Final = ((0, (5, 2)), (0, (1, 1.5)), (0, (4, 2, 1, 2)))


def draw_plots(summary: Mapping[str, Any]) -> dict[str, bytes]:
    """By name, each plot as a PNG."""
    drawn = {"time": _time(summary), "degree": _degree(summary)}
    if any(system["ladder"] for system in summary["systems"]):
        drawn["convolutions"] = _convolutions(summary)
    return drawn


def _convolutions(summary: Mapping[str, Any]) -> bytes:
    figure, axes = _panels()
    ladders = list(dict.fromkeys(s["ladder"] for s in summary["systems"] if s["ladder"]))
    places = _places(summary)
    references = [s for s in summary["systems"] if s["name"] in summary["compared_with"]]
    for axis, condition in zip(axes, CONDITIONS):
        for number, ladder in enumerate(ladders):
            rungs = [s for s in summary["systems"] if s["ladder"] == ladder]
            place = places[rungs[0]["name"]]
            shift = 0.05 * (number - (len(ladders) - 1) / 2)
            depth = [system["convolutions"] + shift for system in rungs]
            _errors(
                axis,
                depth,
                [system[condition] for system in rungs],
                f"this, {summary['ladders'][ladder]['title']}",
                place,
            )
            published = summary["ladders"][ladder]["published"]
            if condition == "connected" and published:
                axis.plot(
                    [int(depth) for depth in published],
                    list(published.values()),
                    linestyle="none",
                    marker=_MARKERS[place],
                    markersize=10,
                    markerfacecolor="none",
                    markeredgecolor=_COLORS[place],
                    label=f"the paper, {summary['ladders'][ladder]['title']}",
                )
        for number, system in enumerate(references):
            axis.axhline(
                system[condition]["value"],
                color=_COLORS[places[system["name"]] % len(_COLORS)],
                linestyle=_REFERENCE_LINES[number % len(_REFERENCE_LINES)],
                linewidth=1.8,
                label=system["title"],
            )
        axis.set_xlabel("graph convolutions (0: DNN)")
        depths = sorted({s["convolutions"] for s in summary["systems"] if s["ladder"]})
        axis.set_xticks(depths)
        axis.set_xlim(depths[0] - 0.3, depths[-1] + 0.3)
    return _finished(figure, axes, summary)


def _time(summary: Mapping[str, Any]) -> bytes:
    figure, axes = _panels()
    groups = _groups(summary)
    times = _TimeAxis.of(summary["systems"])
    for axis, condition in zip(axes, CONDITIONS):
        for place, (name, systems) in enumerate(groups.items()):
            seconds = [times.place[system["name"]] for system in systems]
            _errors(axis, seconds, [s[condition] for s in systems], name, place)
            for system, x in zip(systems, seconds):
                if system["ladder"]:
                    axis.annotate(
                        str(system["convolutions"]),
                        (x, system[condition]["value"]),
                        xytext=(7, 5),
                        textcoords="offset points",
                        fontsize=8,
                        color=_COLORS[place % len(_COLORS)],
                    )
        times.draw(axis)
    return _finished(figure, axes, summary, note="Numbers: graph convolutions.")


def _degree(summary: Mapping[str, Any]) -> bytes:
    figure, axes = _panels()
    shown, places = _telling(summary), _places(summary)
    slices = summary["degree_slices"]
    for axis, condition in zip(axes, CONDITIONS):
        for place, system in enumerate(shown):
            shift = 0.06 * (place - (len(shown) - 1) / 2)
            _errors(
                axis,
                [number + shift for number in range(len(slices))],
                system[condition]["by_degree"],
                system["title"],
                places[system["name"]],
                hollow=system["convolutions"] == 0,
            )
        axis.set_xticks(range(len(slices)))
        axis.set_xticklabels([f"{slice_title(p)}\n({p['queries']:,} queries)" for p in slices])
        axis.set_xlabel("visible edges of the query")
    return _finished(figure, axes, summary)


def _groups(summary: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """By what a legend calls them, the systems that share a colour: all rungs of a ladder do."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for system in summary["systems"]:
        name = system["title"]
        if system["ladder"]:
            name = f"DNN and GNN, {summary['ladders'][system['ladder']]['title']}"
        groups.setdefault(name, []).append(system)
    return groups


def _places(summary: Mapping[str, Any]) -> dict[str, int]:
    """By name, which colour and marker a system has in all plots."""
    groups = _groups(summary).values()
    return {system["name"]: place for place, group in enumerate(groups) for system in group}


def _telling(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those worth a line: of each ladder the DNN and the best rung by val, all else that learns,
    and what is compared with."""
    chosen = []
    for system in summary["systems"]:
        rungs = [s for s in summary["systems"] if s["ladder"] == system["ladder"]]
        best = max(rungs, key=lambda s: statistics.fmean(v or 0 for v in s["val"]["connected"]))
        is_rung = system["ladder"] is not None
        if (
            (is_rung and system is best)
            or (is_rung and system["convolutions"] == 0 and system["ladder"] != "random")
            or (not is_rung and system["seeds"] != [None])
            or system["name"] in (*summary["compared_with"], "knn")
        ):
            chosen.append(system)
    return chosen[: len(_COLORS)]


@dataclasses.dataclass(frozen=True)
class _TimeAxis:
    """A log axis of seconds with a band at its left for what hardly trains at all.

    Attributes:
      start: left end of the band.
      least: its right end; what trains for less stands in it, side by side.
      end: right end of the axis.
      place: by system, where it stands.
    """

    start: float
    least: float
    end: float
    place: Mapping[str, float]

    @classmethod
    def of(cls, systems: Sequence[Mapping[str, Any]]) -> _TimeAxis:
        seconds = {system["name"]: statistics.fmean(system["cpu_seconds"]) for system in systems}
        trained = [seconds[s["name"]] for s in systems if s["seeds"] != [None]]
        least = 10.0 ** max(0, math.floor(math.log10(max(1.0, min(trained, default=1.0)))))
        end = 1.4 * max(5 * least, *seconds.values())
        start = least * (least / end) ** 0.5
        instant = [name for name, value in seconds.items() if value < least]
        for place, name in enumerate(instant, 1):
            seconds[name] = start * (least / start) ** (place / (len(instant) + 1))
        return cls(start, least, end, seconds)

    def draw(self, axis: Any) -> None:
        """Sets scale, limits, ticks and the band."""
        axis.set_xscale("log")
        axis.set_xlim(self.start, self.end)
        steps = [digit * 10.0**power for power in range(7) for digit in (1, 2, 5)]
        ticks = [step for step in steps if self.least <= step <= self.end]
        labels = [f"under {self.least:,.0f}", *(f"{tick:,.0f}" for tick in ticks)]
        axis.set_xticks([(self.start * self.least) ** 0.5, *ticks], labels)
        axis.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
        axis.axvspan(self.start, self.least, color="#f0f0f0", zorder=-1)
        axis.set_xlabel("processor time of training (s)")


def _panels() -> tuple[Any, Any]:
    return plt.subplots(1, len(CONDITIONS), figsize=(10, 4.6), sharey=True)


def _errors(
    axis: Any,
    x: Sequence[float],
    found: Sequence[Mapping[str, float]],
    label: str,
    place: int,
    *,
    hollow: bool = False,
) -> None:
    """Points with their 95% intervals; `place` decides on colour and marker."""
    # The colours come again, hollow, where there are more systems than colours.
    hollow = hollow or place >= len(_COLORS)
    axis.errorbar(
        x,
        [entry["value"] for entry in found],
        yerr=[
            [entry["value"] - entry["low"] for entry in found],
            [entry["high"] - entry["value"] for entry in found],
        ],
        color=_COLORS[place % len(_COLORS)],
        marker=_MARKERS[place % len(_MARKERS)],
        linestyle="--" if hollow else "-",
        markerfacecolor="white" if hollow else None,
        markersize=5,
        linewidth=1.2,
        capsize=3,
        label=label,
    )


def _finished(figure: Any, axes: Any, summary: Mapping[str, Any], note: str = "") -> bytes:
    entries: dict[str, Any] = {}
    for axis, condition in zip(axes, CONDITIONS):
        axis.set_title(condition)
        axis.grid(axis="y", color="#dddddd", linewidth=0.6)
        axis.set_axisbelow(True)
        axis.set_ylim(bottom=0)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
        for handle, label in zip(*axis.get_legend_handles_labels()):
            entries.setdefault(label, handle)
    # What has an interval comes first, before lines and the paper's.
    order = sorted(entries, key=lambda label: not isinstance(entries[label], ErrorbarContainer))
    axes[0].set_ylabel(f"nDCG@200 ({summary['split']})")
    caption = f"{summary['title']}; bars: 95% interval over queries. {note}".rstrip()
    figure.text(0.01, 0.005, caption, fontsize=8, color="#555555")
    columns = 3
    rows = -(-len(entries) // columns)
    figure.tight_layout(rect=(0, 0.04 + 0.05 * rows, 1, 1))
    figure.legend(
        [entries[label] for label in order],
        order,
        loc="lower center",
        bbox_to_anchor=(0.5, 0.04),
        ncol=columns,
        fontsize=9,
        frameon=False,
    )
    buffer = io.BytesIO()
    # Without its version in the file, the same figures give the same bytes.
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()
