"""The lease of a run: it outlives the run's steps, and lets no other run in until it is over."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from tfx.dsl.io import fileio

from catalogues.errors import InputError
from components import lock_file
from components.run_lease import BETWEEN_STEPS, RunLease


@pytest.fixture(params=["a folder", "a store"])
def path(request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(lock_file, "_SETTLE", 0.05)
    # TensorFlow's file system in memory stands for gs://.
    root = str(tmp_path) if request.param == "a folder" else f"ram://{tmp_path.name}"
    return f"{root}/artist_sim.ledger/run"


@pytest.fixture
def refused():
    return pytest.raises(InputError, match=r"Run 'run-1' is under way \(last seen 20.* UTC\)")


def lapse(path: str) -> None:
    """As if the time that it was left for had gone by."""
    entry = lock_file.read(path)
    lock_file.replace(path, lock_file.entry_of(entry.owner, entry.token, lasting=-1))


def test_while_a_step_is_at_work_no_other_run_begins(path, refused):
    with RunLease(path, "run-1").step():
        entry = lock_file.read(path)
        assert entry.until - entry.time == pytest.approx(lock_file.STALE)
        with refused, RunLease(path, "run-2").step():
            pass
        RunLease(path, "run-2").end()
        assert lock_file.read(path).owner == "run-1"


def test_between_two_steps_it_is_kept_for_the_next(path, refused):
    with RunLease(path, "run-1").step():
        pass
    entry = lock_file.read(path)
    assert entry.until - entry.time == pytest.approx(BETWEEN_STEPS)
    with refused, RunLease(path, "run-2").step():
        pass
    # Another process, which knows the run by its id alone.
    with RunLease(path, "run-1").step():
        pass


def test_a_run_that_is_over_lets_the_next_in(path):
    lease = RunLease(path, "run-1")
    with lease.step():
        pass
    lease.end()
    assert not fileio.exists(path)
    with RunLease(path, "run-2").step():
        assert lock_file.read(path).owner == "run-2"


def test_a_step_that_fails_leaves_nothing_for_a_next_one(path):
    lease = RunLease(path, "run-1")
    with pytest.raises(KeyError), lease.step():
        raise KeyError
    entry = lock_file.read(path)
    assert entry.until - entry.time == pytest.approx(lock_file.STALE)
    lease.end()
    assert not fileio.exists(path)


def test_steps_of_one_run_may_be_at_work_together(path, refused):
    first, second = RunLease(path, "run-1"), RunLease(path, "run-1")
    with first.step():
        with second.step():
            pass
        with refused, RunLease(path, "run-2").step():
            pass
    assert lock_file.read(path).owner == "run-1"


def test_what_a_killed_run_held_lapses(path):
    with RunLease(path, "run-1").step():
        pass
    lapse(path)
    with RunLease(path, "run-2").step():
        assert lock_file.read(path).owner == "run-2"


def test_a_run_whose_next_step_came_late_goes_on_or_is_told_who_came_between(path):
    late = RunLease(path, "run-2")
    with late.step():
        pass
    lapse(path)
    with late.step():
        pass
    lapse(path)
    with RunLease(path, "run-1").step():
        pass
    refused = pytest.raises(InputError, match="Run 'run-1' is under way")
    with refused, late.step():
        pass


def test_a_step_that_was_overtaken_takes_nothing_away_from_the_other(path):
    with RunLease(path, "run-1").step():
        lapse(path)
        with RunLease(path, "run-2").step():
            pass
    RunLease(path, "run-1").end()
    assert lock_file.read(path).owner == "run-2"


def test_it_is_renewed_while_a_step_is_at_work(path, monkeypatch):
    monkeypatch.setattr(lock_file, "RENEWED_EVERY", 0.01)
    with RunLease(path, "run-1").step():
        first = lock_file.read(path)
        deadline = time.monotonic() + 30
        while lock_file.read(path).time == first.time and time.monotonic() < deadline:
            time.sleep(0.01)
        assert lock_file.read(path).time > first.time


def test_of_many_runs_that_begin_together_one_goes_on(path):
    began, refused = [], []
    ready = threading.Barrier(6)

    def begin(run: str) -> None:
        ready.wait()
        try:
            with RunLease(path, run).step():
                began.append(run)
        except InputError:
            refused.append(run)

    threads = [threading.Thread(target=begin, args=(f"run-{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(began), len(refused)) == (1, 5)
