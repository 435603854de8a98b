"""What the page says of a run's start, of the bound of an epoch, and of steps that wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.cost.numbers import catalogue_title, short
from benchmarks.cost.parts import bound_seconds
from benchmarks.cost.stages import BOUND, PROFILE, START, STEPS, WHOLE
from benchmarks.cost.training import TRACED


def start_table(result: Mapping[str, Any]) -> str:
    """Seconds from the command to the first training step."""
    every = result["parts"][START]
    if not every:
        return "Not run."
    lines = [
        "| configuration | seconds | range | rounds | load | began, in the first round |",
        "|" + " --- |" * 6,
    ]
    for one in every:
        began = ", ".join(f"{name} {short(second)} s" for name, second in one["before"].items())
        cells = [f"`{one['config']}`", short(one["seconds"])]
        cells += [f"{short(one['fastest'])} – {short(one['slowest'])}", str(one["rounds"])]
        lines.append(f"| {' | '.join([*cells, format(one['load'], '.1f'), began])} |")
    return "\n".join(lines)


def whole_table(result: Mapping[str, Any]) -> str:
    """A whole run, stage by stage."""
    every = result["parts"][WHOLE]
    if not every:
        return "Not run."
    (run,) = every
    lines = ["| stage | began | peak MiB |", "| --- | --- | --- |"]
    began = {"start": 0.0, **run["stages"]}
    for stage, peak in run["stage_peak_mib"].items():
        lines.append(f"| {stage} | {began[stage]:,.0f} s | {peak:,.0f} |")
    lines.append(f"| the end | {run['seconds']:,.0f} s | {run['peak_mib']:,.0f} at most |")
    said = "".join(f"\n- {line}" for line in run["said"])
    return (
        "\n".join(lines)
        + f"\n\n{run['cpu_seconds']:,.0f} processor seconds; the load at its end was "
        + f"{run['load']:.1f}.{chr(10) + said if said else ''}"
    )


def steps_table(result: Mapping[str, Any]) -> str:
    """Which share of its time the graph builder spends on what, for each catalogue."""
    every = result["parts"][STEPS]
    if not every:
        return "Not run."
    named = list(every[0]["steps"])
    lines = [f"| artists | {' | '.join(named)} | seconds |", "|" + " --- |" * (len(named) + 2)]
    for one in every:
        shares = [f"{one['steps'][name] / one['seconds']:.0%}" for name in named]
        cells = [f"{one['artists']:,}", *shares, short(one["seconds"])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def bound_table(result: Mapping[str, Any]) -> str:
    """What an epoch has to move and to multiply, at this machine's rates, beside what it takes."""
    every = result["parts"][BOUND]
    if not every:
        return "Not run."
    lines = [
        "| catalogue | steps | GB | GB/s | bound by memory | GFLOP | GFLOP/s | bound by products "
        "| an epoch takes | of the nearer bound |",
        "|" + " --- |" * 10,
    ]
    for one in every:
        memory, products = bound_seconds(one)
        trained = result["training"]["epochs"]
        same = (o for o in trained if (o["catalogue"], o["form"]) == (one["catalogue"], TRACED))
        took = next((o["seconds"] for o in same), None)
        cells = [catalogue_title(one["catalogue"]), str(one["steps"]), short(one["bytes"] / 1e9)]
        cells += [short(one["bandwidth"] / 1e9), f"{short(memory)} s", short(one["flop"] / 1e9)]
        cells += [short(one["product_rate"] / 1e9), f"{short(products)} s"]
        far = "" if took is None else f"{took / max(memory, products):.2f} ×"
        cells += ["not run" if took is None else f"{short(took)} s", far]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def profile_table(result: Mapping[str, Any]) -> str:
    """How long the steps of an epoch wait for their data."""
    every = result["parts"][PROFILE]
    if not every:
        return "Not run."
    lines = [
        "| catalogue | steps | seconds | waiting | the first step's wait alone "
        "| others that waited | making batches |",
        "|" + " --- |" * 7,
    ]
    for one in every:
        cells = [
            catalogue_title(one["catalogue"]),
            str(one["steps"]),
            short(one["seconds"]),
            f"{one['waiting']:.2%}",
        ]
        cells += [f"{one['first_wait']:.2%}", str(one["waited"]), f"{short(one['making'])} s"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def kinds_table(result: Mapping[str, Any]) -> str:
    """Which share of the time of its operations an epoch spends on each kind of them."""
    every = [one for one in result["parts"][PROFILE] if "kinds" in one]
    if not every:
        return "Not run."
    named = list(every[0]["kinds"])
    lines = [f"| catalogue | {' | '.join(named)} | together |", "|" + " --- |" * (len(named) + 2)]
    for one in every:
        total = sum(one["kinds"].values())
        shares = [f"{one['kinds'][kind] / total:.0%}" for kind in named]
        lines.append(
            f"| {' | '.join([catalogue_title(one['catalogue']), *shares, f'{short(total)} s'])} |"
        )
    return "\n".join(lines)
