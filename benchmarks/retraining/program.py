"""The retraining suite on the command line; imports nothing that takes time."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from catalogues.errors import InputError

if TYPE_CHECKING:
    from benchmarks.retraining.feed import Feed, Schedule
    from benchmarks.retraining.world import WorldSettings

DESCRIPTION: Final = (
    "Simulates scheduled retraining over days of dated spans, beside never retraining and beside "
    "retraining blindly; a day that is done is not done again."
)
_ROOT: Final = Path(__file__).parents[2]
_PAGE: Final = _ROOT / "docs" / "results" / "retraining.md"
_DAYS: Final = 30
_QUICK_DAYS: Final = 6


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of this suite alone."""
    parser.add_argument("--days", type=int, metavar="N", help=f"default: {_DAYS}")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"a smaller world with all mishaps in its first days ({_QUICK_DAYS} by default); its "
        "results and page stay beside its work",
    )
    parser.add_argument("--page-only", action="store_true", help="write the page from the results")


def run(args: argparse.Namespace, results: Path, folder: Path, tell: Callable[[str], None]) -> int:
    """Simulates the days that are not done yet, and writes the page; returns the exit status.

    Args:
      args: with the options above.
      results: the folder of the results' JSON files.
      folder: keeps the spans, the policies' homes and a record of each day.
      tell: told what is done.

    Raises:
      InputError: there is not a day to simulate, or a page is wanted of what is not simulated.
    """
    from benchmarks.retraining.feed import FULL, QUICK
    from benchmarks.retraining.page import write_page
    from benchmarks.retraining.world import WorldSettings
    from benchmarks.store import write_json

    days = args.days if args.days is not None else _QUICK_DAYS if args.quick else _DAYS
    if days < 1:
        raise InputError(f"--days must be at least 1, not {days}.")
    settings = WorldSettings(artists=300, scenes=6, arrivals=6) if args.quick else WorldSettings()
    schedule = QUICK if args.quick else FULL
    work = folder / f"retraining{'-quick' if args.quick else ''}-{_digest(settings, schedule)}"
    source = (work if args.quick else results) / "retraining.json"
    page = work / "retraining.md" if args.quick else _PAGE
    if not args.page_only:
        write_json(source, _simulated(settings, schedule, work, days, tell))
    elif not source.exists():
        raise InputError("Nothing is simulated yet; `make benchmark SUITE=retraining` begins.")
    write_page(json.loads(source.read_text()), page, source)
    tell(f"page: {page.relative_to(_ROOT) if page.is_relative_to(_ROOT) else page}")
    return 0


def _simulated(
    settings: WorldSettings,
    schedule: Schedule,
    work: Path,
    days: int,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    from benchmarks.measure import machine, versions
    from benchmarks.retraining.feed import Feed
    from benchmarks.retraining.running import POLICIES, PipelineRunner, configuration
    from benchmarks.retraining.simulate import Simulation

    feed = Feed(work / "spans", schedule, settings)
    runner = PipelineRunner(work, feed.arrived)
    judge = _Judge(work, feed, runner)
    records = Simulation(work, feed, schedule, runner, judge).days(days, tell)
    common = {policy: configuration(policy, Path("spans")) for policy in POLICIES}
    return {
        "world": dataclasses.asdict(settings),
        "configurations": common,
        "days": records,
        "machine": machine(),
        "versions": versions(),
    }


class _Judge:
    """Judges pushed versions against each day's clean catalogue."""

    def __init__(self, work: Path, feed: Feed, runner: Any):
        self._work, self._feed, self._runner = work, feed, runner
        self._day, self._truth = 0, None

    def __call__(self, policy: Any, version: str, day: int) -> dict[str, Any]:
        """The scores of a version of a policy on a day."""
        from benchmarks.retraining.judging import judge_pushed

        if self._day != day:
            self._day, self._truth = day, self._load(policy, day)
        assert self._truth is not None
        return judge_pushed(self._runner.home(policy), version, self._truth)

    def _load(self, policy: Any, day: int) -> Any:
        from benchmarks.catalogue import catalogue_digest, make_examples
        from benchmarks.retraining.judging import load_truth
        from benchmarks.retraining.running import configuration
        from pipeline.config import parse_config

        given = configuration(policy, self._feed.arrived)
        given["catalogue"] = {"path": str(self._feed.clean(day))}
        config = parse_config(given, "simulated")
        digest = catalogue_digest(config)
        assert digest is not None
        examples = make_examples(config, digest, self._work / "truth", lambda text: None)
        return load_truth(examples, frozenset(self._feed.snapshot(1).ids))


def _digest(settings: WorldSettings, schedule: Schedule) -> str:
    what = json.dumps([dataclasses.asdict(settings), dataclasses.asdict(schedule)])
    return hashlib.sha256(what.encode()).hexdigest()[:8]
