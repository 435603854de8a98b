"""`make benchmark SUITE=serving`: measures, and writes results and page."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import machine
from benchmarks.serving.measure import Plan, measure
from benchmarks.serving.page import markdown_page
from benchmarks.serving.plots import draw_plots
from benchmarks.serving.program import BENTOML
from benchmarks.store import write_json, write_whole
from catalogues.errors import InputError

_PAGES: Final = Path(__file__).parents[2] / "docs" / "results"
_PACKAGES: Final = ("tensorflow", "aiohttp", "grpcio")


def plan_of(args: argparse.Namespace) -> Plan:
    """The plan that the options make.

    Raises:
      InputError: a number is out of range.
    """
    plan = Plan(artists=(1000,), rounds=1, seconds=1.0) if args.quick else Plan()
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name in ("servers", "artists", "rounds", "seconds")
        if (value := getattr(args, name)) is not None
    }
    if min(given.get("artists", (10,))) < 10:
        raise InputError("--artists must be at least 10.")
    if given.get("rounds", 1) < 1 or not 0 < given.get("seconds", 1) <= 60:
        raise InputError("--rounds must be at least 1, --seconds above 0 and at most 60.")
    return Plan(**{**vars(plan), **given})


def summary_of(plan: Plan, records: Sequence[Any]) -> dict[str, Any]:
    """What is kept of a measurement."""
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    if BENTOML in plan.servers:
        pinned = (Path(__file__).parent / "requirements-bentoml.txt").read_text().split()
        versions |= dict(line.split("==") for line in pinned if line.startswith("bentoml=="))
    return {
        "plan": {
            "artists": plan.artists,
            "clients": plan.clients,
            "rounds": plan.rounds,
            "warm_up": plan.warm_up,
            "seconds": plan.seconds,
            "dim": plan.sizes.embedding_dim,
            "reach": plan.sizes.reach,
        },
        "machine": machine(),
        "versions": {"python": platform.python_version(), **versions},
        "records": list(records),
    }


def run_suite(
    args: argparse.Namespace, results: Path, folder: Path, tell: Callable[[str], None]
) -> None:
    """Measures unless the page alone is asked for, and writes.

    Args:
      args: with the options of `add_options`.
      results: the folder of the JSON file of the results.
      folder: keeps what is made once.
      tell: told what is done.

    Raises:
      InputError: something does not start, or answers wrongly.
    """
    source, page = results / "serving.json", _PAGES / "serving.md"
    if args.page_only:
        if not source.exists():
            raise InputError("Nothing is measured yet; `make benchmark SUITE=serving` begins.")
        summary = json.loads(source.read_text())
    else:
        plan = plan_of(args)
        summary = summary_of(plan, measure(plan, folder, tell))
    if args.quick:
        tell(markdown_page(summary, {"latency": "", "throughput": ""}, source.name))
        return
    if not args.page_only:
        write_json(source, summary)
    write_page(summary, page, source)
    tell(f"page: {page.relative_to(_PAGES.parents[1])}")


def write_page(summary: dict[str, Any], page: Path, source: Path) -> None:
    """Writes the page and its plots."""
    plots = {}
    for name, image in draw_plots(summary["records"]).items():
        path = page.with_suffix("") / f"{name}.png"
        write_whole(path, image)
        plots[name] = os.path.relpath(path, page.parent)
    text = markdown_page(summary, plots, os.path.relpath(source, page.parent))
    write_whole(page, text.encode())
