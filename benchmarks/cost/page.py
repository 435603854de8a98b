"""The page of the cost benchmark: tables and plots from its JSON alone."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402, the backend comes first

from benchmarks.cost.goals import alike, goals_table
from benchmarks.cost.missing import missing_lines
from benchmarks.cost.numbers import short, slope
from benchmarks.cost.parts import WHOLE_EPOCHS  # noqa: E402
from benchmarks.cost.parts_page import (  # noqa: E402
    bound_table,
    kinds_table,
    profile_table,
    start_table,
    steps_table,
    whole_table,
)
from benchmarks.cost.stages import STAGES, TITLES  # noqa: E402
from benchmarks.cost.timeline import timed, timeline_plot  # noqa: E402
from benchmarks.cost.training_page import score_plot, training_section  # noqa: E402
from benchmarks.store import write_whole  # noqa: E402

# Okabe and Ito's colours, as in the other plots.
_STYLES: Final = dict(
    zip(
        STAGES,
        (
            ("#0072B2", "o"),
            ("#56B4E9", "P"),
            ("#D55E00", "^"),
            ("#E69F00", "v"),
            ("#009E73", "s"),
            ("#CC79A7", "D"),
        ),
        strict=True,
    )
)
_NOT_RUN: Final = "not run"


def write_page(result: Mapping[str, Any], page: Path, source: Path) -> None:
    """Writes the Markdown page and its plots."""
    plots = {
        "seconds.png": _plot(result),
        "scores.png": score_plot(result),
        "timeline.png": timeline_plot(result),
    }
    images = [page.with_suffix("") / name for name in plots]
    for image, plot in zip(images, plots.values(), strict=True):
        if plot:
            write_whole(image, plot)
    links = [os.path.relpath(path, page.parent) for path in (source, *images)]
    write_whole(page, markdown(result, *links).encode())


def markdown(result: Mapping[str, Any], source: str, image: str, scores: str, timeline: str) -> str:
    """The page's text; all but the first are links, to the results and to plots."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {value}" for name, value in result["versions"].items())
    return f"""# Results: what graphs, epochs and embeddings cost

Written by `make benchmark SUITE=cost` from [{Path(source).name}]({source}). Synthetic catalogues: \
communities of 200 artists with skewed degrees, nine of ten edges inside, a vector of features for \
each artist. Each figure is of a process of its own; seconds are wall time, beside them those of \
the processor, and memory is the most that the process ever held. An epoch and an embedding \
include the tracing of their functions, some seconds whatever the size. Medians of the rounds. \
{_when(result)}

## What is wanted

{goals_table(result)}

## Seconds and memory

{_table(result)}

{_slopes(result)}

![Seconds by edges]({image})

## Graph building beside others

Beside pandas:

{_beside(result, "pandas")}

Beside TF-GNN's own sampler (`tensorflow_gnn.experimental.sampler`), on Beam's direct runner too:

{_beside(result, "sampler")}

The sampler draws 25 neighbours at most of each artist from tables in its own format, which are \
made before and not counted. Its tables list all edges; it checks no row, and computes no \
statistics.

pandas holds all tables in memory and joins them; it checks no row, sets none aside, and computes \
no statistics but the mean and deviation of features.

## Where the time of graph building goes

Beam's clocks, which look several times a second at which step runs, in one process: shares of the \
seconds that the pipeline takes. What no step's clock counts is Beam's own: grouping, passing on \
between steps, planning.

{steps_table(result)}

## Training beside PyTorch Geometric

{training_section(result, scores)}

## What an epoch has to move

An epoch of the traced form, beside what its arrays and products would take at this machine's \
rates: each array read or written once for each layer that uses it, and twice more backwards, \
content once more; the loss and Adam not counted. The rates were measured in the same process: \
all cores copy arrays of 256 MiB (STREAM's copy, read and written), and NumPy multiplies dense \
matrices. Sparse content counts by its numbers that are not zero.

{bound_table(result)}

## Whether steps wait for data

TensorFlow's own profiler, over the second epoch of a training, as TensorBoard would show it: a \
batch is made by a thread of its own while the step before runs. The epoch's first batch has no \
step before it; another step *waited* where it took more than a hundredth of the median step to \
get its batch.

{profile_table(result)}

{_picture("Batches, waits and steps of an epoch", timeline, bool(timed(result)))}

## Where the time of an epoch goes

From the same profile, the time of TensorFlow's operations in the steps, by their kind. Those of \
all threads are added up, and an operation that is spread over threads counts as long as it takes.

{kinds_table(result)}

## Start-up

From the command, `python -m pipeline.run`, what `make run` runs, to the end of the first \
training step, with nothing kept of earlier runs: the imports, the catalogue, the ego graphs, \
statistics and checks come before it. The run is ended there.

{start_table(result)}

The training of `diffusion` alone, from the start of its process to the end of the first step, \
with the load of the graph, the walks of the validation artists and the compiling of the step:

{_start_up(result)}

## A whole run

`python -m pipeline.run` on the catalogue of 136,731 artists, from nothing to a pushed model, with \
the default configuration but for {WHOLE_EPOCHS} epochs: each further one takes as long as each of \
these, and no more memory. Memory is what all its processes held together, looked at each second, \
where pages that several share count once.

{whole_table(result)}

## Not measured

{missing_lines(result)}
- Runners other than Beam's direct one, and `artist-sim embed`, are not part of this suite.

## Machine and versions

- {machine["cores"]} cores ({machine["architecture"]}, {machine["processor"]}), \
{machine["gpus"]} GPUs. The load is the number of processes that wanted a core when the process \
ended: above the number of cores, wall times are those of a busy machine, and the processor's the \
ones to compare.
- {versions}.
"""


def _picture(what: str, link: str, there: bool) -> str:
    return f"![{what}]({link})" if there else "There is no plot of it."


def _when(result: Mapping[str, Any]) -> str:
    days = " to ".join(result["days"])
    outdated = ", ".join(result["outdated"])
    other = f" The code has changed since these were measured: {outdated}." if outdated else ""
    return f"Measured {days}.{other}"


def _found(result: Mapping[str, Any], stage: str, artists: int) -> Mapping[str, Any] | None:
    every = result["measurements"]
    return next((m for m in every if (m["stage"], m["artists"]) == (stage, artists)), None)


def _table(result: Mapping[str, Any]) -> str:
    lines = [
        "| what | artists | edges | features | seconds | range | rounds | processor seconds "
        "| peak MiB | of a worker | written MiB | artists/s | load |",
        "|" + " --- |" * 13,
    ]
    for stage in STAGES:
        for size in result["sizes"]:
            first = [TITLES[stage], f"{size['artists']:,}", f"{size['edges']:,}", str(size["dim"])]
            m = _found(result, stage, size["artists"])
            if m is None:
                lines.append(_row([*first, _NOT_RUN, *[""] * 8]))
                continue
            written = f"{m['written_mib']:,.1f}" if "written_mib" in m else ""
            rate = f"{m['artists_per_second']:,.0f}" if "artists_per_second" in m else ""
            spread = f"{short(m['fastest'])} – {short(m['slowest'])}"
            figures = [short(m["seconds"]), spread, str(m["rounds"]), short(m["cpu_seconds"])]
            worker = f"{m['worker_peak_mib']:,.0f}" if "worker_peak_mib" in m else ""
            figures += [f"{m['peak_mib']:,.0f}", worker, written, rate, f"{m['load']:.1f}"]
            lines.append(_row([*first, *figures]))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _slopes(result: Mapping[str, Any]) -> str:
    """Over the catalogues with as many edges an artist as the first."""
    lines = [
        "| what | edges | processor seconds | seconds | peak memory |",
        "|" + " --- |" * 5,
    ]
    for stage in STAGES:
        edges, measured = alike(result, stage)
        if len(edges) > 1:
            keys = ("cpu_seconds", "seconds", "peak_mib")
            # Not -0.00, where all are alike.
            slopes = [f"{round(slope(measured, edges, key), 2) + 0.0:.2f}" for key in keys]
            lines.append(_row([TITLES[stage], f"{edges[0]:,} to {edges[-1]:,}", *slopes]))
    if len(lines) == 2:
        return "There is no slope of one size alone."
    return f"""Slopes of their logarithms over that of the edges; 1 is linear, 0 is flat:

{chr(10).join(lines)}"""


def _beside(result: Mapping[str, Any], stage: str) -> str:
    lines = ["| artists | processor seconds | peak memory | written |", "|" + " --- |" * 4]
    for size in result["sizes"]:
        ours, other = (_found(result, s, size["artists"]) for s in ("graph", stage))
        if ours and other:
            keys = ("cpu_seconds", "peak_mib", "written_mib")
            ratios = [f"{ours[key] / other[key]:.2f} ×" for key in keys]
            lines.append(_row([f"{size['artists']:,}", *ratios]))
    return "\n".join(lines) if len(lines) > 2 else f"The two beside each other are {_NOT_RUN}."


def _start_up(result: Mapping[str, Any]) -> str:
    lines = ["| artists | seconds |", "| --- | --- |"]
    for size in result["sizes"]:
        m = _found(result, "epoch", size["artists"])
        lines.append(
            _row([f"{size['artists']:,}", short(m["first_step_seconds"]) if m else _NOT_RUN])
        )
    return "\n".join(lines)


def _plot(result: Mapping[str, Any]) -> bytes:
    figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
    for stage, (colour, marker) in _STYLES.items():
        some = [
            (size["edges"], m["cpu_seconds"])
            for size in result["sizes"]
            if (m := _found(result, stage, size["artists"]))
        ]
        if some:
            label = TITLES[stage].replace("`", "")
            axes.plot(*zip(*sorted(some)), marker=marker, color=colour, label=label)
    axes.set(xscale="log", yscale="log", xlabel="edges", ylabel="processor seconds")
    axes.grid(alpha=0.3)
    if result["measurements"]:
        figure.legend(loc="outside center right", frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()
