"""The simulation: each day's span arrives, every policy runs, and what it serves is judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from benchmarks.retraining.feed import Event, Feed, Schedule, date_of
from benchmarks.retraining.running import POLICIES, Policy, Ran
from benchmarks.store import write_json


class Runner(Protocol):
    """Runs the pipeline of a day, those of several policies at a time."""

    def run(self, policy: Policy, event: Event) -> Ran:
        """Runs it on the newest span."""

    def stop(self) -> None:
        """Ends what runs."""


class Judge(Protocol):
    """Judges what is served."""

    def __call__(self, policy: Policy, version: str, day: int) -> Mapping[str, Any]:
        """The scores of a version that a policy pushed, against the truth of a day."""


class Simulation:
    """Thirty days or so, one after the other; a day that is done is not done again.

    Args:
      folder: keeps a record of each run and of each day.
      feed: delivers the spans.
      schedule: what happens on which day.
      runner: runs the pipeline.
      judge: judges what is served.
    """

    def __init__(self, folder: Path, feed: Feed, schedule: Schedule, runner: Runner, judge: Judge):
        self._records = folder / "days"
        self._feed, self._schedule = feed, schedule
        self._runner, self._judge = runner, judge

    def days(self, number: int, tell: Callable[[str], None]) -> list[dict[str, Any]]:
        """The records of the first days; those that are not there yet are lived through.

        Args:
          number: of days.
          tell: told one line a day.
        """
        records: list[dict[str, Any]] = []
        for day in range(1, number + 1):
            path = self._records / f"{day:03d}.json"
            if not path.exists():
                write_json(path, self._live(day, records))
                tell(line_of(json.loads(path.read_text())))
            records.append(json.loads(path.read_text()))
        return records

    def _live(self, day: int, before: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        event, truth = self._schedule.event(day), self._feed.snapshot(day)
        self._feed.deliver(day)
        policies: dict[str, dict[str, Any]] = {}
        for policy, ran in self._ran(day, event).items():
            served = {"version": ran["version"], "of_day": day}
            if not ran["version"]:
                served = _served(before, policy)
            told = {key: ran[key] for key in ("outcome", "reason", "seconds")}
            policies[policy] = {**told, **served}
        # The first model that the gated policy pushed, and no other ever after.
        first = _served(before, "never")
        policies["never"] = first if first["version"] else _version(policies["gated"])
        return {
            "day": day,
            "date": date_of(day),
            "event": event,
            "artists": len(truth.ids),
            "edges": len(truth.edges),
            "policies": self._judged(day, policies),
        }

    def _ran(self, day: int, event: Event) -> dict[Policy, dict[str, Any]]:
        """What became of each policy's run; side by side, as most of a run uses one core."""
        with ThreadPoolExecutor(len(POLICIES)) as pool:
            runs = {policy: pool.submit(self._run, day, policy, event) for policy in POLICIES}
            try:
                return {policy: run.result() for policy, run in runs.items()}
            except BaseException:
                # Before the pool waits for what nobody wants any more.
                self._runner.stop()
                raise

    def _run(self, day: int, policy: Policy, event: Event) -> dict[str, Any]:
        """What became of a run; written as soon as it is over, so that none is run twice."""
        path = self._records / f"{day:03d}-{policy}.json"
        if not path.exists():
            write_json(path, vars(self._runner.run(policy, event)))
        ran: dict[str, Any] = json.loads(path.read_text())
        return ran

    def _judged(
        self, day: int, policies: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        scores: dict[tuple[str, str], Mapping[str, Any]] = {}
        judged = {}
        for name, policy in policies.items():
            home: Policy = "blind" if name == "blind" else "gated"
            what = (home, policy["version"])
            if policy["version"] and what not in scores:
                scores[what] = self._judge(home, policy["version"], day)
            judged[name] = {**policy, "scores": scores.get(what)}
        return judged


def _served(before: Sequence[Mapping[str, Any]], policy: str) -> dict[str, Any]:
    """What a policy served when the last day ended."""
    if not before:
        return {"version": "", "of_day": None}
    return _version(before[-1]["policies"][policy])


def _version(policy: Mapping[str, Any]) -> dict[str, Any]:
    return {key: policy[key] for key in ("version", "of_day")}


def line_of(record: Mapping[str, Any]) -> str:
    """A day as a line on the console."""
    told = []
    for name, policy in record["policies"].items():
        served = f"{policy['scores']['served'][0]:.3f}" if policy["scores"] else "nothing served"
        outcome = f"{policy['outcome'].replace('_', ' ')}, " if "outcome" in policy else ""
        told.append(f"{name} {outcome}{served}")
    event = f" ({record['event']})" if record["event"] else ""
    return f"day {record['day']}, {record['date']}{event}: {'; '.join(told)}"
