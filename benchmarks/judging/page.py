"""The page of the judging benchmark: tables and a plot from its JSON alone."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib
import numpy as np

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402, the backend comes first

from benchmarks.store import write_whole  # noqa: E402

_FIGURES: Final = (
    "seconds",
    "range",
    "processor seconds",
    "µs a query",
    "peak MiB",
    "added MiB",
)
GIVEN: Final = ", scores given"
NDCG: Final = "query_ndcg"
ALL: Final = "evaluate_ranking"
# Okabe and Ito's colours, as in the other plots.
_STYLES: Final = {
    NDCG + GIVEN: ("#0072B2", "o", "query_ndcg (nDCG@200)"),
    ALL + GIVEN: ("#56B4E9", "s", "evaluate_ranking (all metrics)"),
    "scikit-learn": ("#D55E00", "^", "scikit-learn (nDCG@200)"),
    "scikit-learn, ignore_ties": ("#E69F00", "v", "scikit-learn, ignore_ties"),
    "pytrec_eval": ("#009E73", "D", "pytrec_eval (9 figures)"),
}


def write_page(result: Mapping[str, Any], page: Path, source: Path) -> None:
    """Writes the Markdown page and its plot."""
    image = page.with_suffix("") / "time.png"
    write_whole(image, _plot(result["measurements"]))
    links = (os.path.relpath(path, page.parent) for path in (source, image))
    write_whole(page, markdown(result, *links).encode())


def markdown(result: Mapping[str, Any], source: str, image: str) -> str:
    """The page's text; `source` and `image` are links."""
    measured = result["measurements"]
    whole = [m for m in measured if m["what"] in (ALL, NDCG)]
    beside = [m for m in measured if m["what"] in _STYLES]
    versions = ", ".join(f"{name} {value}" for name, value in result["versions"].items())
    return f"""# Results: the judge's time and memory

Written by `make benchmark SUITE=judging` from [{Path(source).name}]({source}), in \
{result["took_seconds"] / 60:.0f} minutes. Random unit vectors, 5 hidden edges a query on average; \
each line is a process of its own: the median of its calls' wall time, their range, the processor \
time of all cores, the most memory that the process ever held, and how much of that the call added.

## Judging a split

`evaluate_ranking` scores the vectors and takes all metrics at 10 and 200; `query_ndcg` scores \
them and takes nDCG@200 alone.

{_table(whole, ["what", "queries", "artists", "dim"])}

Time grows as (queries × artists)^x: {_slopes(whole)}. Below 1 means that \
work which is done once for each query, whatever the size of the split, still counts.

## Beside public libraries

Scores are given to all, and nobody computes them here: the first queries of the same splits, dim \
100. `query_ndcg` and scikit-learn's `ndcg_score(k=200)` take nDCG@200 alone; `evaluate_ranking` \
takes all metrics, pytrec_eval nine figures (`ndcg_cut`, `recall` and `P` at 10 and 200, `map`, \
`recip_rank`, `Rprec`), its dictionaries of scores included, as it takes nothing else. \
scikit-learn is called with blocks of 2^22 scores: with all at once it would hold every score and \
every relevance several times. *ignore_ties* spares it the averaging over ties. The others are \
measured on as many queries as they do in minutes; nothing is extrapolated.

{_table(beside, ["what", "queries", "artists"])}

How many times the processor time (and the wall time) of ours the others take:

{_ratios(beside)}

![time by query against the size of the split]({image})

### Equal figures

{_equality(beside)}

## Machine and versions

- {result["cores"]} cores ({result["architecture"]}); load average at the end {result["load"][0]}. \
Where that is above the number of cores, wall times are those of a busy machine, and the processor \
times the ones to compare.
- {versions}.
"""


def _table(measured: Iterable[Mapping[str, Any]], keys: Sequence[str]) -> str:
    columns = [*keys, *_FIGURES]
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    for m in measured:
        first = {"what": m["what"], "queries": f"{m['queries']:,}", "dim": m["dim"]}
        first["artists"] = f"{m['candidates']:,}"
        spread = f"{m['fastest']:.3g} – {m['slowest']:.3g}" if m["repeats"] > 1 else "once"
        lines.append(
            f"| {' | '.join(str(first[key]) for key in keys)} | {m['seconds']:.3g} | {spread} | "
            f"{m['cpu_seconds']:.3g} | {1e6 * m['seconds'] / m['queries']:,.0f} | "
            f"{m['peak_mib']:,.0f} | {m['added_mib']:,.0f} |"
        )
    return "\n".join(lines)


def slope(measured: Sequence[Mapping[str, Any]], key: str = "cpu_seconds") -> float:
    """Least squares of log time over log(queries * candidates)."""
    size = [math.log(m["queries"] * m["candidates"]) for m in measured]
    return float(np.polyfit(size, [math.log(m[key]) for m in measured], 1)[0])


def _slopes(whole: Sequence[Mapping[str, Any]]) -> str:
    texts = []
    for what, dim in dict.fromkeys((m["what"], m["dim"]) for m in whole):
        some = [m for m in whole if (m["what"], m["dim"]) == (what, dim)]
        texts.append(
            f"{what}, dim {dim}: x = {slope(some):.2f} over all sizes, {slope(some[1:]):.2f} over "
            "the two larger (processor time)"
        )
    return "; ".join(texts)


def ratio(other: Mapping[str, Any], ours: Mapping[str, Any], key: str = "seconds") -> float:
    """How many times our time the other takes."""
    return float(other[key] / ours[key])


def _ratios(beside: Sequence[Mapping[str, Any]]) -> str:
    lines = ["| artists | the other | query_ndcg | evaluate_ranking |", "| --- | --- | --- | --- |"]
    for m in beside:
        if m["what"].endswith(GIVEN):
            continue
        own = {x["what"]: x for x in beside if x["candidates"] == m["candidates"]}
        texts = (
            f"{ratio(m, own[what], 'cpu_seconds'):.1f} ({ratio(m, own[what]):.1f})"
            for what in (NDCG + GIVEN, ALL + GIVEN)
        )
        lines.append(f"| {m['candidates']:,} | {m['what']} | {' | '.join(texts)} |")
    return "\n".join(lines)


def largest_difference(ours: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, float]:
    """By metric, over the compared queries whose positives tie with nobody."""
    found = {}
    for name, values in other["values"].items():
        pairs = enumerate(zip(ours["values"][name], values))
        found[name] = max((abs(a - b) for i, (a, b) in pairs if i not in ours["tied"]), default=0.0)
    return found


def _equality(beside: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "The definitions agree: binary gain, 1 / log2(rank + 1), the ideal over all positives. "
        "They differ for equal scores: scikit-learn averages over their orders, trec_eval orders "
        "them by name, and we by a random number of the pair. So the first 100 queries are "
        "compared, those left out whose positives tie with another artist.",
        "",
        "| artists | the other | compared | left out | largest difference |",
        "| --- | --- | --- | --- | --- |",
    ]
    for m in beside:
        if not m["values"] or m["what"].endswith(GIVEN):
            continue
        own = next(
            x for x in beside if x["what"] == ALL + GIVEN and x["candidates"] == m["candidates"]
        )
        compared = len(next(iter(m["values"].values())))
        largest = max(largest_difference(own, m).items(), key=lambda pair: pair[1])
        lines.append(
            f"| {m['candidates']:,} | {m['what']} | {compared - len(own['tied'])} | "
            f"{len(own['tied'])} | {largest[1]:.1e} ({largest[0]}) |"
        )
    return "\n".join(lines)


def _plot(measured: Sequence[Mapping[str, Any]]) -> bytes:
    figure, axis = plt.subplots(figsize=(7, 4.6))
    for what, (color, marker, label) in _STYLES.items():
        some = [m for m in measured if m["what"] == what]
        axis.loglog(
            [m["candidates"] for m in some],
            [1e6 * m["cpu_seconds"] / m["queries"] for m in some],
            color=color,
            marker=marker,
            label=label,
        )
    axis.set_xlabel("artists of the split")
    axis.set_ylabel("processor time by query (µs)")
    axis.set_title("scores given")
    axis.grid(color="#dddddd", linewidth=0.6)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()
