"""What the page says of trainings side by side: tables and a plot."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402, the backend comes first

from benchmarks.cost.numbers import catalogue_title, short
from benchmarks.cost.stages import FORMS, SCORED  # noqa: E402
from benchmarks.cost.training import TRACED  # noqa: E402
from benchmarks.cost.trainings import time_to_score  # noqa: E402
from trainer.config import TrainingConfig  # noqa: E402

# Okabe and Ito's colours, as in the other plots.
_COLOURS: Final = dict(zip(SCORED, ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=True))
_NEAR: Final = 0.98
"""Of the best score of the project's own form: what counts as reached."""


def training_section(result: Mapping[str, Any], image: str) -> str:
    """The section's text; `image` is a link to the plot."""
    training = result["training"]
    if not training["epochs"] and not training["scores"]:
        return "Not run."
    versions = ", ".join(f"{name} {value}" for name, value in training["versions"].items())
    return f"""An epoch of `gnn` beside PyTorch Geometric{f" ({versions})" if versions else ""}: \
the same layers of the same widths, features, edges without weights, folds of training artists, \
pairs, ten negatives of each drawn by distance, Adam, and number of threads; in PyTorch a \
convolution is `SAGEConv` over the messages of a projection. Validation is not in these seconds; \
the first epoch of a process is not in the medians.

- Traced mini-batches and the neighbour loader go over all training artists once, a step for each \
fold, with 25 neighbours drawn at each of three hops. The traced form hides a fold's own edges \
before neighbours are drawn; the loader cannot do so, and they are left out afterwards.
- The loader's examples compute the states of all that it drew in each layer. *Trimmed*, a layer \
computes only what the next one reads. torch-sparse draws the neighbours; it does not say in which \
hop, and the benchmark finds that out itself.
- The whole graph, with all neighbours, *for each batch* makes as many updates as the others; \
*once* an epoch is one single update, of the same pairs and without their edges.
- Content that is mostly zeros is multiplied sparsely in the traced form, and densely in PyTorch.

{_epochs(training["epochs"])}

{_scores(training["scores"], image)}"""


def _epochs(every: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "| catalogue | form | seconds an epoch | range | beside the traced form "
        "| processor seconds | beside the traced form | waited for data | peak MiB | rounds "
        "| load |",
        "|" + " --- |" * 11,
    ]
    for one in every:
        same = (o for o in every if (o["catalogue"], o["form"]) == (one["catalogue"], TRACED))
        ours = next(same, None)

        def ratio(name: str, one: Any = one, ours: Any = ours) -> str:
            return f"{one[name] / ours[name]:.2f} ×" if ours else "not run"

        cells = [catalogue_title(one["catalogue"]), FORMS[one["form"]], short(one["seconds"])]
        cells += [f"{short(one['fastest'])} – {short(one['slowest'])}", ratio("seconds")]
        cells += [short(one["cpu_seconds"]), ratio("cpu_seconds")]
        cells += [f"{one['waited'] / one['seconds']:.1%}", f"{one['peak_mib']:,.0f}"]
        lines.append(f"| {' | '.join([*cells, str(one['rounds']), format(one['load'], '.1f')])} |")
    return "\n".join(lines)


def _scores(every: Sequence[Mapping[str, Any]], image: str) -> str:
    if not every:
        return "The way to a score is not run."
    lines = [
        "| catalogue | form | epochs | best val nDCG@200 | a score of | training seconds to it "
        "| all epochs | whole process |",
        "|" + " --- |" * 8,
    ]
    planned = TrainingConfig().epochs
    for catalogue, scored in _by_catalogue(every).items():
        ours = next((one for one in scored if one["form"] == TRACED), scored[0])
        target = _NEAR * max(ours["scores"])
        for one in scored:
            spent = time_to_score(one, target)
            epochs = len(one["scores"])
            cells = [catalogue_title(catalogue), FORMS[one["form"]]]
            cells += [str(epochs) if epochs >= planned else f"{epochs} of {planned}"]
            cells += [f"{max(one['scores']):.3f}", f"{target:.3f}"]
            cells += ["never" if spent is None else f"{short(spent)} s"]
            cells += [f"{short(sum(one['seconds']))} s"]
            cells += [f"{short(one['process_seconds'])} s" if epochs >= planned else "–"]
            lines.append(f"| {' | '.join(cells)} |")
    return f"""The way to a score, one training of each, scored on the validation artists \
(connected) after each epoch, all by the same code; the scoring is not in the seconds of training. \
The score that is to be reached is {_NEAR:.0%} of the best one of {FORMS[TRACED]}, or, without \
them, of the first form. A whole process loads the graph and embeds the validation artists after \
each epoch as well. Where there are fewer epochs than the learning rate's schedule of {planned} \
has, the training was ended there: its best score is not the last that it would reach.

{chr(10).join(lines)}

![Validation score by training seconds]({image})"""


def score_plot(result: Mapping[str, Any]) -> bytes | None:
    """Validation scores by training seconds, as PNG; None: none was measured."""
    every = _by_catalogue(result["training"]["scores"])
    if not every:
        return None
    figure, panels = plt.subplots(
        1, len(every), figsize=(3 + 4 * len(every), 4.2), layout="constrained", squeeze=False
    )
    for axes, (catalogue, scored) in zip(panels[0], every.items(), strict=True):
        for one in scored:
            look = {"color": _COLOURS[one["form"]], "label": FORMS[one["form"]].replace("`", "")}
            spent = list(accumulate(one["seconds"]))
            # A dot an epoch, where there are few of them.
            marker = "o" if len(spent) < 10 else None
            axes.plot(spent, one["scores"], marker=marker, **look)
        axes.set(xscale="log", xlabel="seconds of training", title=catalogue_title(catalogue))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    panels[0][0].set_ylabel("val nDCG@200, connected")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()


def _by_catalogue(every: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in every:
        found.setdefault(one["catalogue"], []).append(one)
    return found
