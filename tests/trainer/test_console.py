"""What somebody reads in a log file while work goes on."""

from __future__ import annotations

import pytest

from trainer import console
from trainer.console import Phases


@pytest.fixture
def clock(monkeypatch):
    """Lets time pass as it is told."""

    class Clock:
        now = 100.0

        def monotonic(self) -> float:
            return self.now

    found = Clock()
    monkeypatch.setattr(console, "time", found)
    return found


def test_the_time_that_is_left_is_that_of_the_pace_so_far(clock, capsys):
    with Phases({"reading": 400, "writing": 50}) as phases:
        clock.now += 60
        phases.advance("reading", 100)
        clock.now += 180
        phases.advance("reading", 300)
        clock.now += 20
        phases.advance("writing", 10, "fast")
    assert capsys.readouterr().out.splitlines() == [
        "  reading: 100 of 400, ETA 3:00",
        "  reading: 400 of 400, ETA 0:00",
        "  writing: fast: 10 of 50, ETA 1:20",
    ]


def test_nothing_done_yet_has_no_pace(clock, capsys):
    with Phases({"judging": 10}) as phases:
        clock.now += 60
        phases.advance("judging", 0, "model")
    assert capsys.readouterr().out == "  judging: model: 0 of 10, ETA ?\n"


def test_work_that_comes_before_a_phase_does_not_bend_its_pace(clock, capsys):
    with Phases({"reading": 10, "writing": 10_000}) as phases:
        phases.advance("reading", 10)
        # Sorting, of which nobody is told.
        clock.now += 3600
        phases.advance("writing", 50)
        clock.now += 20
        phases.advance("writing", 200)
        clock.now += 20
        phases.advance("writing", 0, "slow")
    assert capsys.readouterr().out.splitlines() == [
        "  writing: 50 of 10,000, ETA ?",
        "  writing: 250 of 10,000, ETA 16:15",
        "  writing: slow: 250 of 10,000, ETA 32:30",
    ]


def test_work_before_the_first_that_is_counted_does_not_bend_the_pace_either(clock, capsys):
    """A model embeds a catalogue once its name is told, and before it ranks."""
    with Phases({"judging": 1000}) as phases:
        phases.advance("judging", 0, "model")
        clock.now += 100
        phases.advance("judging", 1)
        clock.now += 20
        phases.advance("judging", 199)
    assert capsys.readouterr().out.splitlines() == [
        "  judging: 1 of 1,000, ETA ?",
        "  judging: 200 of 1,000, ETA 1:20",
    ]


def test_lines_come_now_and_then(clock, capsys):
    with Phases({"reading": 10}) as phases:
        for _ in range(10):
            clock.now += 4
            phases.advance("reading")
    told = [line.split()[1] for line in capsys.readouterr().out.splitlines()]
    assert told == ["3", "6", "9"]


def test_there_may_be_more_to_do_than_was_thought_or_less(clock, capsys):
    with Phases({"judging": 10}) as phases:
        clock.now += 20
        phases.advance("judging", 10)
        phases.extend("judging", 10)
        clock.now += 20
        phases.advance("judging", 5)
        phases.end("judging")
        clock.now += 20
        phases.advance("judging", 0)
    assert [line.rpartition(",")[0] for line in capsys.readouterr().out.splitlines()] == [
        "  judging: 10 of 10",
        "  judging: 15 of 20",
        "  judging: 15 of 15",
    ]
