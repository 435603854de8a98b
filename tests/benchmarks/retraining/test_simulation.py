"""Which version is served on which day, by which policy; and days that are done stay done."""

from __future__ import annotations

import threading

import pytest

from benchmarks.retraining.feed import date_of
from benchmarks.retraining.page import values_of
from tests.benchmarks.retraining.simulations import OUTCOMES, FakeRunner, simulation


def test_what_is_served_is_the_last_version_that_was_pushed(tmp_path):
    runner, lines = FakeRunner(OUTCOMES), []
    days = simulation(tmp_path, runner, []).days(6, lines.append)
    served = {
        policy: [day["policies"][policy]["version"] for day in days]
        for policy in ("gated", "blind", "never")
    }
    assert served == {
        "gated": ["gated-1"] * 5 + ["gated-6"],
        "blind": ["blind-1", "blind-2", "blind-3", "blind-4", "blind-4", "blind-6"],
        "never": ["gated-1"] * 6,
    }
    assert [day["policies"]["gated"]["of_day"] for day in days] == [1, 1, 1, 1, 1, 6]
    assert [day["policies"]["gated"]["outcome"] for day in days] == OUTCOMES["gated"]
    assert [day["event"] for day in days] == ["", "quiet", "corrupt", "poisoned", "killed", ""]
    assert values_of(days, "gated", "served") == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.9])
    assert values_of(days, "never", "served") == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert len(lines) == 6
    assert lines[2].startswith("day 3, 2026-01-03 (corrupt): gated failed, 0.700; blind pushed")


def test_both_policies_are_told_of_the_same_mishaps_and_spans_come_one_a_day(tmp_path):
    runner = FakeRunner(OUTCOMES)
    simulation(tmp_path, runner, []).days(5, lambda line: None)
    assert sorted(runner.asked[-2:]) == [("blind", "killed"), ("gated", "killed")]
    arrived = sorted(path.name for path in (tmp_path / "spans" / "arrived").iterdir())
    assert arrived == [date_of(day) for day in range(1, 6)]


def test_the_same_version_is_judged_once_a_day(tmp_path):
    asked = []
    simulation(tmp_path, FakeRunner(OUTCOMES), asked).days(2, lambda line: None)
    assert asked == [
        ("gated", "gated-1", 1),
        ("blind", "blind-1", 1),
        ("gated", "gated-1", 2),
        ("blind", "blind-2", 2),
    ]


def test_days_that_are_done_and_runs_that_are_over_are_not_done_again(tmp_path):
    first = FakeRunner(OUTCOMES)
    before = simulation(tmp_path, first, []).days(2, lambda line: None)

    class Interrupted(FakeRunner):
        def run(self, policy, event):
            if policy == "blind":
                raise KeyboardInterrupt
            return super().run(policy, event)

    later = {policy: outcomes[2:] for policy, outcomes in OUTCOMES.items()}
    interrupted = Interrupted(later)
    with pytest.raises(KeyboardInterrupt):
        simulation(tmp_path, interrupted, []).days(3, lambda line: None)
    assert interrupted.stopped
    again = FakeRunner({"gated": ["refused"], "blind": ["failed"]})
    days = simulation(tmp_path, again, []).days(3, lambda line: None)
    assert days[:2] == before
    assert again.asked == [("blind", "corrupt")]
    assert days[2]["policies"]["gated"]["reason"] == "because of failed."


def test_nothing_is_judged_while_nothing_is_served(tmp_path):
    asked = []
    told = {"gated": ["failed", "pushed"], "blind": ["failed", "failed"]}
    days = simulation(tmp_path, FakeRunner(told), asked).days(2, lambda line: None)
    assert [day["policies"]["gated"]["scores"] is None for day in days] == [True, False]
    assert days[1]["policies"]["never"]["version"] == "gated-2"
    assert asked == [("gated", "gated-2", 2)]


def test_the_policies_of_a_day_run_side_by_side(tmp_path):
    together = threading.Barrier(2)

    class Waiting(FakeRunner):
        def run(self, policy, event):
            # Broken, and so an error, if the other does not come while this one is running.
            together.wait(timeout=60)
            return super().run(policy, event)

    (day,) = simulation(tmp_path, Waiting(OUTCOMES), []).days(1, lambda line: None)
    assert day["policies"]["gated"]["version"] == "gated-1"
    assert day["policies"]["blind"]["version"] == "blind-1"
