"""The plots of the page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402, the backend comes first

from benchmarks.serving.questions import KINDS  # noqa: E402
from benchmarks.serving.servers import TITLES  # noqa: E402

# Okabe and Ito's colours, told apart by colour-blind readers too; markers differ as well.
_COLORS: Final = ("#0072B2", "#56B4E9", "#D55E00", "#009E73", "#CC79A7")
_MARKERS: Final = ("o", "s", "^", "D", "v")


def draw_plots(records: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """By name, each plot as a PNG: the p99 and the requests a second against the clients."""
    return {
        "latency": _plot(records, "p99", "p99 (ms)"),
        "throughput": _plot(records, "per_second", "requests a second"),
    }


def _plot(records: Sequence[Mapping[str, Any]], figure_name: str, label: str) -> bytes:
    artists = sorted({record["artists"] for record in records})
    lines = list(dict.fromkeys((record["server"], record["protocol"]) for record in records))
    figure, axes = plt.subplots(
        len(artists),
        len(KINDS),
        figsize=(3.2 * len(KINDS), 2.9 * len(artists)),
        squeeze=False,
        sharex=True,
        layout="constrained",
    )
    for row, number in enumerate(artists):
        for axis, kind in zip(axes[row], KINDS):
            for place, (server, protocol) in enumerate(lines):
                shown = [
                    record
                    for record in records
                    if (record["artists"], record["server"], record["protocol"], record["question"])
                    == (number, server, protocol, kind)
                ]
                middle = [record[figure_name]["median"] for record in shown]
                axis.errorbar(
                    [record["clients"] for record in shown],
                    middle,
                    [
                        [m - record[figure_name]["least"] for m, record in zip(middle, shown)],
                        [record[figure_name]["most"] - m for m, record in zip(middle, shown)],
                    ],
                    color=_COLORS[place % len(_COLORS)],
                    marker=_MARKERS[place % len(_MARKERS)],
                    capsize=2,
                    label=f"{TITLES[server]}, {protocol}",
                )
            axis.set_xscale("log", base=2)
            axis.set_yscale("log")
            axis.set_xticks(sorted({record["clients"] for record in records}))
            axis.xaxis.set_major_formatter("{x:.0f}")
            axis.grid(True, which="both", alpha=0.25)
            axis.set_title(f"{KINDS[kind].replace('`', '')}\n{number:,} artists", fontsize=9)
        axes[row][0].set_ylabel(label)
    for axis in axes[-1]:
        axis.set_xlabel("clients")
    figure.legend(
        *axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=len(lines)
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()
