"""The page of a suite: its figures as Markdown tables, beside the plots."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.catalogue import CONDITIONS
from benchmarks.plan import clock

Summary = Mapping[str, Any]


def figure(found: Mapping[str, float | None] | None, *, signed: bool = False) -> str:
    """'0.518 [0.498, 0.538]', with signs for a difference; '–' where there is none."""
    if not found or found["value"] is None:
        return "–"
    form = "+.3f" if signed else ".3f"
    value, low, high = (f"{found[key]:{form}}" for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def markdown_page(summary: Summary, plots: Mapping[str, str], source: str) -> str:
    """The whole page.

    Args:
      summary: as benchmarks.figures.summarise has it.
      plots: by name ('convolutions', 'time', 'degree'), the image's path relative to the page.
      source: the summary's path relative to the page.
    """
    parts = [
        _introduction(summary, source),
        "## Scores\n\n" + _scores(summary),
        _ladders(summary, plots),
        _time(summary, plots),
        _degrees(summary, plots),
        *(_compared(summary, name) for name in summary["compared_with"]),
        "## Seeds\n\n" + _seeds(summary),
        machines(summary),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _introduction(summary: Summary, source: str) -> str:
    queries, seeds = summary["queries"], summary["seeds"]
    name = summary["suite"]
    missing = summary["missing"]
    lines = [
        f"# Results: {summary['title']}",
        "",
        f"Written by `make benchmark SUITE={name}` from "
        f"[benchmarks/results/{name}.json]({source}).",
        "",
        f"{summary['catalogue']['artists']:,} artists; nDCG@200 of the {queries['judged']:,} "
        f"artists of the {summary['split']} split that have a hidden positive (the other "
        f"{queries['skipped']:,} have none); {queries['with_content']:,} of them have content. "
        "*Connected*: a judged artist is embedded with its edges to training artists. *Cold*: "
        f"without any edge. Each trained system is trained {len(seeds)} times, with the seeds "
        f"{', '.join(map(str, seeds))}; each query's nDCG is averaged over the seeds first. In "
        "brackets the 95% bootstrap interval over queries; a difference is paired: the mean over "
        "the same queries, with the interval of that. Epochs and constants were chosen on the val "
        f"split{'; nothing was chosen on test' if summary['split'] == 'test' else ''}.",
    ]
    if missing:
        lines += [
            "",
            f"**Not complete**: {len(missing)} trainings or baselines are still to come "
            f"(`make benchmark SUITE={name} OPTIONS=--list` names them).",
        ]
    return "\n".join(lines)


def _scores(summary: Summary) -> str:
    rows = [
        [
            system["title"],
            *(figure(system[condition]) for condition in CONDITIONS),
            *(figure(system[condition]["with_content"]) for condition in CONDITIONS),
        ]
        for system in summary["systems"]
    ]
    number = f"{summary['queries']['with_content']:,} queries with content"
    head = ["system", *CONDITIONS, *(f"{condition}, {number}" for condition in CONDITIONS)]
    return table(head, rows)


def _ladders(summary: Summary, plots: Mapping[str, str]) -> str:
    rungs = [system for system in summary["systems"] if system["ladder"]]
    if not rungs:
        return ""
    parts = ["## Number of graph convolutions", _image(plots, "convolutions"), _LADDER_NOTE]
    rows = []
    for system in rungs:
        published = summary["ladders"][system["ladder"]]["published"]
        # JSON has text as keys.
        known = {int(number): value for number, value in published.items()}
        value = known.get(system["convolutions"])
        rows.append(
            [
                system["title"],
                figure(system["connected"]),
                figure(system["connected"]["minus_one_convolution_fewer"], signed=True),
                figure(system["cold"]),
                figure(system["cold"]["minus_one_convolution_fewer"], signed=True),
                "–" if value is None else f"{value:.2f}",
            ]
        )
    head = ["system", "connected", "− one fewer", "cold", "− one fewer", "the paper"]
    return "\n\n".join([*filter(None, parts), table(head, rows)])


_LADDER_NOTE = (
    "As figure 4 of Korzeniowski, Oramas and Gouyon (2021). GNN-*k* has *k* convolutions; without "
    "any it is their DNN. *The paper* is connected, and its content may be another."
)


_TIME_NOTE = (
    "Processor time of all cores together (minutes:seconds): what else the machine did meanwhile "
    "does not count, nor does a GPU."
)


def _time(summary: Summary, plots: Mapping[str, str]) -> str:
    rows = []
    for system in summary["systems"]:
        seconds = system["cpu_seconds"]
        epochs = [count for count in system["epochs"] if count]
        best = [count for count in system["best_epoch"] if count]
        rows.append(
            [
                system["title"],
                clock(statistics.fmean(seconds)) if max(seconds) >= 1 else "< 0:01",
                f"{clock(min(seconds))} – {clock(max(seconds))}" if len(seconds) > 1 else "–",
                ", ".join(map(str, epochs)) or "–",
                ", ".join(map(str, best)) or "–",
            ]
        )
    head = ["system", "processor time", "over seeds", "epochs, by seed", "best epoch, by seed"]
    image = _image(plots, "time")
    return "\n\n".join(filter(None, ["## Training time", image, _TIME_NOTE, table(head, rows)]))


def _degrees(summary: Summary, plots: Mapping[str, str]) -> str:
    slices = summary["degree_slices"]
    head = ["system", *(f"{slice_title(part)} edges ({part['queries']:,})" for part in slices)]
    parts = [
        "## By degree of the query",
        _image(plots, "degree"),
        "The query's number of visible edges in the connected condition, cut at its quartiles "
        "(equal degrees stay together); behind it the number of queries.",
    ]
    for condition in CONDITIONS:
        rows = [
            [system["title"], *map(figure, system[condition]["by_degree"])]
            for system in summary["systems"]
        ]
        parts += [f"### {condition.capitalize()}", table(head, rows)]
    return "\n\n".join(filter(None, parts))


def _compared(summary: Summary, reference: str) -> str:
    systems = summary["systems"]
    title = next(system["title"] for system in systems if system["name"] == reference)
    rows = [
        [
            system["title"],
            *(figure(system[c]["minus"].get(reference), signed=True) for c in CONDITIONS),
        ]
        for system in systems
        if system["name"] != reference
    ]
    note = f"System − {title}: above zero the system is better."
    head = ["system", *CONDITIONS]
    return f"## Compared with {title}\n\n{note}\n\n{table(head, rows)}"


def _seeds(summary: Summary) -> str:
    rows = []
    for system in summary["systems"]:
        if system["seeds"] == [None]:
            continue
        row = [system["title"], ", ".join(map(str, system["seeds"]))]
        for condition in CONDITIONS:
            deviation = system[condition]["deviation_over_seeds"]
            row += [
                " / ".join(f"{value:.3f}" for value in system[condition]["by_seed"]),
                "–" if deviation is None else f"{deviation:.3f}",
            ]
        val = system["val"]["connected"]
        row.append(" / ".join("–" if value is None else f"{value:.3f}" for value in val))
        rows.append(row)
    head = ["system", "seeds", "connected", "deviation", "cold", "deviation", "val, connected"]
    note = "The mean of each seed, and their standard deviation."
    return f"{note}\n\n{table(head, rows)}"


def machines(summary: Summary) -> str:
    """A section: on what, and with which versions; as benchmarks.figures.distinct counted them."""
    lines = ["## Machine and versions", ""]
    for machine in summary["machines"]:
        processor = machine["processor"]
        lines.append(
            f"- {machine['trainings']} of the trainings and baselines on {machine['cores']} cores "
            f"({machine['architecture']}{f', {processor}' if processor else ''}), "
            f"{machine['gpus'] or 'no'} GPU."
        )
    for versions in summary["versions"]:
        named = {key: value for key, value in versions.items() if key != "trainings"}
        code = named.pop("trainer")
        lines.append(
            f"- {versions['trainings']} of them with "
            f"{', '.join(f'{name} {version}' for name, version in named.items())}, and the "
            f"trainer's code `{code}`."
        )
    return "\n".join(lines)


def slice_title(part: Mapping[str, int]) -> str:
    """The visible edges of its queries: '3–7'."""
    low, high = part["low"], part["high"]
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _image(plots: Mapping[str, str], name: str) -> str:
    return f"![{_ALTERNATIVES[name]}]({plots[name]})" if name in plots else ""


_ALTERNATIVES = {
    "convolutions": "nDCG@200 against the number of graph convolutions",
    "time": "nDCG@200 against training time",
    "degree": "nDCG@200 by the degree of the query",
}
