"""When the steps of an epoch ran, when they waited, and when batches were made: a plot."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402, the backend comes first

from benchmarks.cost.numbers import catalogue_title  # noqa: E402
from benchmarks.cost.stages import PROFILE  # noqa: E402

# Okabe and Ito's colours, as in the other plots.
_ROWS: Final = {
    "batch": ("a batch is made", "#009E73"),
    "wait": ("a step waits", "#D55E00"),
    "step": ("a step", "#0072B2"),
}


def timed(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The epochs that there is a plot of; records that are older than it have no times."""
    return [one for one in result["parts"][PROFILE] if "timeline" in one]


def timeline_plot(result: Mapping[str, Any]) -> bytes | None:
    """A row of bars for each of batches, waits and steps, a panel a catalogue, as PNG.

    None: no epoch was profiled.
    """
    every = timed(result)
    if not every:
        return None
    figure, panels = plt.subplots(
        len(every), figsize=(7, 1.9 * len(every)), layout="constrained", squeeze=False
    )
    for axes, one in zip(panels[:, 0], every, strict=True):
        for place, (name, (_, colour)) in enumerate(_ROWS.items()):
            bars = [(begin, end - begin) for begin, end in one["timeline"][name]]
            # Neighbours touch; a line between them lets one count.
            axes.broken_barh(bars, (place - 0.4, 0.8), color=colour, edgecolor="white", lw=0.4)
        axes.set_yticks(range(len(_ROWS)), [label for label, _ in _ROWS.values()])
        axes.set_title(catalogue_title(one["catalogue"]), loc="left", size=10)
        axes.set_xlim(0, one["seconds"])
    panels[-1, 0].set_xlabel("seconds of the epoch")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()
