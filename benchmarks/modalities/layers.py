"""The ladders of graph layers (004, figure 1): trained as any suite, on a page of their own."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402, the backend comes first

from benchmarks.figures import summarise  # noqa: E402
from benchmarks.modalities.content_worth import content_worth, worth_section  # noqa: E402
from benchmarks.page import figure, machines, table  # noqa: E402
from benchmarks.plan import clock  # noqa: E402
from benchmarks.store import Store, write_json, write_whole  # noqa: E402
from benchmarks.suite import Suite  # noqa: E402

KINDS: Final[Mapping[str, str]] = {"sage": "SAGE", "gated": "GatedGCN", "gin": "GIN"}
CONTENTS: Final[Mapping[str, str]] = {
    "random": "random vectors",
    "tags": "tags",
    "audio": "audio",
    "listening": "listening",
    "all": "all three",
}
# Okabe and Ito's colours; markers and lines differ as well.
_STYLES: Final = {
    "sage": ("#0072B2", "o", "solid"),
    "gated": ("#D55E00", "s", "dashed"),
    "gin": ("#009E73", "^", "dashdot"),
}


def write_layers_page(suite: Suite, digest: str, store: Store, tell: Callable[[str], None]) -> bool:
    """Writes the JSON, the plot and the page of the ladders; False while there is nothing to."""
    summary = summarise(suite, digest, store)
    if summary is None or not any(system["ladder"] for system in summary["systems"]):
        return False
    summary["content_against_graph"] = content_worth(suite, digest, store)
    # Baselines are not part of it.
    baselines = {system.name for system in suite.systems if system.trainer is None}
    summary["missing"] = [title for title in summary["missing"] if title not in baselines]
    source = store.folder.with_suffix(".json")
    write_json(source, summary)
    image = suite.page.with_suffix("") / "layers.png"
    write_whole(image, draw_ladders(summary))
    links = [os.path.relpath(path, suite.page.parent) for path in (image, source)]
    write_whole(suite.page, layers_page(summary, *links).encode())
    tell(f"page: {suite.page}")
    return True


def layers_page(summary: Mapping[str, Any], image: str, source: str) -> str:
    """The page's text; `image` and `source` are links."""
    systems = _by_rung(summary)
    depths = sorted({depth for _, _, depth in systems})
    missing = summary["missing"]
    parts = [
        "# Results: graph layers on each content",
        f"Written by `make benchmark SUITE=modalities` from [{Path(source).name}]({source}). The "
        "network of 000 with another graph layer, trained as 004 trains it (uniform triplets, "
        "both artists of a pair as anchors), 25 epochs, nDCG@200 on the "
        f"{summary['split']} split, {summary['queries']['judged']:,} queries, mean of the seeds "
        "that are done (in the last column); in brackets the 95% bootstrap interval over queries. "
        "Without layers all kinds are the same network.",
    ]
    if missing:
        parts.append(f"**Not complete**: {len(missing)} trainings are still to come.")
    parts += ["## Connected", f"![nDCG@200 against the number of layers]({image})"]
    for condition in ("connected", "cold"):
        if condition == "cold":
            parts.append("## Cold")
        rows = []
        for content, content_title in CONTENTS.items():
            for kind, kind_title in KINDS.items():
                cells = [systems.get((kind, content, depth)) for depth in depths]
                if not any(cells):
                    continue
                seeds = min(len(cell["seeds"]) for cell in cells if cell)
                scores = [figure(cell[condition]) if cell else "–" for cell in cells]
                rows.append([f"{kind_title}, {content_title}", *scores, str(seeds)])
        head = [
            "layer, content",
            *map(_layers, depths),
            "seeds",
        ]
        parts.append(table(head, rows))
    parts += worth_section(summary["content_against_graph"], summary["queries"])
    parts += ["## Training time", _TIME, _times(systems, depths), machines(summary)]
    return "\n\n".join(parts) + "\n"


_TIME: Final = (
    "Processor time of all cores together (minutes:seconds), mean over contents and seeds."
)


def draw_ladders(summary: Mapping[str, Any]) -> bytes:
    """A panel a content, a line a kind of layer, as a PNG."""
    systems = _by_rung(summary)
    drawn, axes = plt.subplots(
        1, len(CONTENTS), figsize=(15, 3.8), sharey=True, constrained_layout=True
    )
    for axis, (content, title) in zip(axes, CONTENTS.items(), strict=True):
        for kind, kind_title in KINDS.items():
            color, marker, line = _STYLES[kind]
            points = sorted(
                (depth, found["connected"])
                for (k, c, depth), found in systems.items()
                if (k, c) == (kind, content)
            )
            if points:
                value = [score["value"] for _, score in points]
                axis.errorbar(
                    [depth for depth, _ in points],
                    value,
                    yerr=[
                        [v - score["low"] for v, (_, score) in zip(value, points, strict=True)],
                        [score["high"] - v for v, (_, score) in zip(value, points, strict=True)],
                    ],
                    color=color,
                    marker=marker,
                    linestyle=line,
                    capsize=2,
                    label=kind_title,
                )
        axis.set_title(title)
        axis.set_xlabel("graph layers")
        axis.set_xticks(range(5))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("nDCG@200, connected")
    axes[0].legend(fontsize=8)
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=150)
    plt.close(drawn)
    return buffer.getvalue()


def _by_rung(summary: Mapping[str, Any]) -> dict[tuple[str, str, int], Mapping[str, Any]]:
    """By (kind, content, depth)."""
    found = {}
    for system in summary["systems"]:
        if system["ladder"]:
            kind, content = system["ladder"].split("-")
            found[kind, content, system["convolutions"]] = system
    return found


def _times(systems: Mapping[tuple[str, str, int], Mapping[str, Any]], depths: list[int]) -> str:
    rows = []
    for kind, title in KINDS.items():
        cells = []
        for depth in depths:
            seconds = [
                second
                for (k, _, d), found in systems.items()
                if (k, d) == (kind, depth)
                for second in found["cpu_seconds"]
            ]
            cells.append(clock(sum(seconds) / len(seconds)) if seconds else "–")
        rows.append([title, *cells])
    return table(["layer", *map(_layers, depths)], rows)


def _layers(depth: int) -> str:
    return f"{depth} layer{'s' * (depth != 1)}"
