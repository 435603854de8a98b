"""The plots of the modalities page, each drawn from the figures that its tables have."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402, the backend comes first
import numpy as np  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from benchmarks.modalities.page import POPULATION_TITLES, TITLES, shown_systems  # noqa: E402
from benchmarks.modalities.rankings import POPULATIONS  # noqa: E402
from benchmarks.modalities.trials import CONTRASTIVE  # noqa: E402

# Okabe and Ito's colours, told apart by colour-blind readers too; markers differ as well.
_COLORS = ("#0072B2", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def draw_plots(summary: Mapping[str, Any]) -> dict[str, bytes]:
    """By name, each plot as a PNG."""
    return {
        "systems": _systems(summary),
        "groups": _groups(summary),
        "popularity": _popularity(summary),
        "correlations": _correlations(summary),
    }


def _systems(summary: Mapping[str, Any]) -> bytes:
    """003, figure 1: accuracy against how evenly artists are retrieved."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), constrained_layout=True)
    for axis, population in zip(axes, POPULATIONS, strict=True):
        for place, name in enumerate(shown_systems(summary)):
            found = summary["systems"][name][population]
            axis.errorbar(
                found["gini"]["mean"],
                found["value"],
                yerr=[[found["value"] - found["low"]], [found["high"] - found["value"]]],
                color=_COLORS[place],
                marker=_MARKERS[place],
                markersize=8,
                capsize=3,
                linestyle="none",
                label=TITLES[name],
            )
        size = summary["populations"][population]["artists"]
        axis.set_title(f"artists with {POPULATION_TITLES[population]} ({size:,})")
        axis.set_xlabel("Gini@200 (lower: more even)")
        axis.set_ylabel("nDCG@200")
        axis.grid(alpha=0.3)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return _png(figure)


def _groups(summary: Mapping[str, Any]) -> bytes:
    """003, figure 2: rows are the queries' groups, columns the retrieved artists'."""
    names = [name for name in (CONTRASTIVE, "pca") if name in summary["systems"]]
    figure, axes = plt.subplots(
        1, len(names), figsize=(6.2 * len(names), 5.2), constrained_layout=True, squeeze=False
    )
    most = max(np.max(summary["systems"][name]["matrix"]) for name in names)
    for axis, name in zip(axes[0], names, strict=True):
        system = summary["systems"][name]
        matrix = np.array(system["matrix"])
        image = axis.imshow(matrix, cmap="Greens", vmin=0, vmax=most)
        labels = [group.replace("listening", "listen") for group in system["groups"]]
        axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right", fontsize=8)
        axis.set_yticks(range(len(labels)), labels, fontsize=8)
        for row, column in np.ndindex(matrix.shape):
            shade = "white" if matrix[row, column] > 0.6 * most else "black"
            text = f"{matrix[row, column]:.2f}"
            axis.text(column, row, text, ha="center", va="center", color=shade, fontsize=8)
        axis.set_title(f"{TITLES[name]} (entropy {system['entropy']['mean']:.2f})")
        axis.set_xlabel("group of the retrieved")
        axis.set_ylabel("group of the query")
    figure.colorbar(image, ax=axes[0].tolist(), shrink=0.8)
    return _png(figure)


def _popularity(summary: Mapping[str, Any]) -> bytes:
    """003, figure 4: improvement over listening data, by popularity quantile."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), constrained_layout=True)
    for axis, population in zip(axes, POPULATIONS, strict=True):
        lines = summary["quantiles"][population]
        for place, name in enumerate(shown_systems(summary)):
            points = [
                (number, 100 * line["improvement"][name])
                for number, line in enumerate(lines, 1)
                if line["improvement"].get(name) is not None
            ]
            if points:
                axis.plot(
                    *zip(*points, strict=True),
                    color=_COLORS[place],
                    marker=_MARKERS[place],
                    markersize=5,
                    label=TITLES[name],
                )
        axis.axhline(0, color="grey", linestyle="dotted")
        axis.set_title(f"artists with {POPULATION_TITLES[population]}")
        axis.set_xlabel("popularity quantile, the least popular first")
        axis.set_xticks(range(1, len(lines) + 1, 3))
        axis.set_ylabel("nDCG@200 over listening alone, %")
        axis.grid(alpha=0.3)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return _png(figure)


def _correlations(summary: Mapping[str, Any]) -> bytes:
    """003, figure 5."""
    found = summary["correlations"]
    names = list(found)
    matrix = np.array(
        [[np.nan if found[a][b] is None else found[a][b] for b in names] for a in names]
    ).reshape(len(names), len(names))
    figure, axis = plt.subplots(figsize=(6.2, 5.2), constrained_layout=True)
    image = axis.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
    labels = [name.replace("_", " ") for name in names]
    axis.set_xticks(range(len(names)), labels, rotation=30, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), labels, fontsize=8)
    for row, column in np.ndindex(matrix.shape):
        shade = "white" if abs(matrix[row, column]) > 0.6 else "black"
        text = f"{matrix[row, column]:.2f}"
        axis.text(column, row, text, ha="center", va="center", color=shade, fontsize=9)
    figure.colorbar(image, ax=axis, shrink=0.8)
    axis.set_title("Kendall's tau")
    return _png(figure)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    plt.close(figure)
    return buffer.getvalue()
