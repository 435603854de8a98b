"""The plot of the page: what was served each day."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402, the backend comes first
from matplotlib.ticker import MaxNLocator  # noqa: E402

TITLES: Final = {
    "gated": "retraining as scheduled",
    "blind": "retraining blindly",
    "never": "never retraining",
}
# Okabe and Ito's colours, as in the other plots.
_STYLES: Final = {
    "gated": ("#0072B2", "o"),
    "blind": ("#D55E00", "s"),
    "never": ("#009E73", "^"),
}
_PANELS: Final = {"served": "as served", "connected": "with today's neighbours"}
_EVENTS: Final = {"corrupt": "corrupt\nspan", "poisoned": "poisoned\nspan", "killed": "run\nkilled"}


def draw_plot(days: Sequence[Mapping[str, Any]]) -> bytes:
    """nDCG@200 of each policy against the day, as a PNG."""
    figure, axes = plt.subplots(
        len(_PANELS), 1, figsize=(8.4, 7.2), sharex=True, layout="constrained"
    )
    for axis, (name, title) in zip(axes, _PANELS.items()):
        _draw(axis, days, name)
        axis.set_title(title, fontsize=10)
        axis.set_ylabel("nDCG@200")
        axis.grid(color="#dddddd", linewidth=0.6)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    axes[-1].set_xlabel("day")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()


def _draw(axis: Any, days: Sequence[Mapping[str, Any]], figure: str) -> None:
    for policy, (color, marker) in _STYLES.items():
        shown = [
            (day["day"], day["policies"][policy]["scores"][figure])
            for day in days
            if day["policies"][policy]["scores"]
        ]
        places = [day for day, _ in shown]
        values = [score[0] for _, score in shown]
        axis.plot(places, values, color=color, marker=marker, markersize=4, label=TITLES[policy])
        if policy == "gated":
            low, high = ([score[end] for _, score in shown] for end in (1, 2))
            axis.fill_between(
                places, low, high, color=color, alpha=0.12, linewidth=0, label="95% interval of it"
            )
    for day in days:
        if day["event"] in _EVENTS:
            axis.axvline(day["day"], color="#777777", linestyle=(0, (3, 3)), linewidth=1)
            axis.annotate(
                _EVENTS[day["event"]],
                (day["day"], 1),
                xycoords=("data", "axes fraction"),
                xytext=(3, -2),
                textcoords="offset points",
                va="top",
                fontsize=8,
                color="#555555",
            )
