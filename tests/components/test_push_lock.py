"""The lock of a push destination: one at a time, and none that outlives its process for long."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
import time
from pathlib import Path

import pytest
from tfx.dsl.io import fileio

from catalogues.errors import InputError
from components import lock_file
from components import push_lock as module
from components.push_lock import push_lock


@pytest.fixture(params=["a folder", "a store"])
def path(request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(module, "_POLL", 0.01)
    monkeypatch.setattr(lock_file, "_SETTLE", 0.05)
    if request.param == "a folder":
        return str(tmp_path / "lock")
    # TensorFlow's file system in memory stands for gs://.
    folder = f"ram://{tmp_path.name}"
    fileio.makedirs(folder)
    return f"{folder}/lock"


def write(path: str, text: str) -> None:
    if fileio.exists(path):
        fileio.remove(path)  # The file system in memory would append.
    with fileio.open(path, "w") as file:
        file.write(text)


def write_entry(path: str, owner: str, token: str, lasting: float = lock_file.STALE) -> None:
    write(path, json.dumps(dataclasses.asdict(lock_file.entry_of(owner, token, lasting))))


def test_it_is_there_while_it_is_held_and_gone_after(path):
    with push_lock(path, "run-1") as lock:
        with fileio.open(path) as file:
            assert json.loads(file.read())["owner"] == "run-1"
        lock.check()
    assert not fileio.exists(path)


def test_it_is_gone_after_an_error_too(path):
    with pytest.raises(KeyError), push_lock(path, "run-1"):
        raise KeyError
    assert not fileio.exists(path)


def test_another_is_refused_and_told_who_it_is(path, monkeypatch):
    monkeypatch.setattr(module, "_WAIT", 0.05)
    with push_lock(path, "run-1"):
        refused = pytest.raises(InputError, match="'run-1' is at work at the push destination")
        with refused, push_lock(path, "run-2"):
            pass
        assert fileio.exists(path), "the refused one leaves the other's lock alone"


def test_another_waits_for_its_end(path):
    held, order = threading.Event(), []

    def second() -> None:
        held.wait()
        with push_lock(path, "run-2"):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with push_lock(path, "run-1"):
        held.set()
        order.append("first")
        time.sleep(0.1)
        order.append("first ends")
    thread.join()
    assert order == ["first", "first ends", "second"]


def test_of_many_one_at_a_time_is_at_work(path):
    at_work, most, done = [0], [0], []

    def work(owner: str) -> None:
        with push_lock(path, owner) as lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
            time.sleep(0.01)
            lock.check()
            at_work[0] -= 1
        done.append(owner)

    threads = [threading.Thread(target=work, args=(f"run-{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] and len(done) == 6


def test_a_run_that_is_tried_again_takes_over_its_own_lock(path):
    write_entry(path, "run-1", "of the killed one")
    with push_lock(path, "run-1") as lock:
        lock.check()


def test_a_lock_that_nobody_renews_is_left_over(path):
    write_entry(path, "run-1", "of the killed one", lasting=-1)
    with push_lock(path, "run-2") as lock:
        lock.check()


def test_a_holder_renews_its_lock(path, monkeypatch):
    monkeypatch.setattr(lock_file, "RENEWED_EVERY", 0.01)
    with push_lock(path, "run-1") as lock:
        first = lock_file.read(path)
        deadline = time.monotonic() + 10
        while lock_file.read(path).time == first.time and time.monotonic() < deadline:
            time.sleep(0.01)
        assert lock_file.read(path).time > first.time
        lock.check()


def test_a_holder_that_was_overtaken_notices_and_leaves_the_lock_alone(path):
    with push_lock(path, "run-1") as lock:
        write_entry(path, "run-2", "another")
        with pytest.raises(InputError, match="was taken over meanwhile"):
            lock.check()
        lock.renew()
    assert lock_file.read(path).owner == "run-2"


def test_a_process_that_was_killed_before_it_could_write_holds_nothing_for_long(path, monkeypatch):
    write(path, "")
    if "://" not in path:
        monkeypatch.setattr(module, "_WAIT", 0.05)
        refused = pytest.raises(InputError, match="'an unknown process' is at work")
        with refused, push_lock(path, "run-1"):
            pass
        long_ago = time.time() - lock_file.STALE - 1
        os.utime(path, (long_ago, long_ago))
    with push_lock(path, "run-1") as lock:
        lock.check()


def test_a_lock_that_was_taken_meanwhile_is_put_back(tmp_path):
    path = str(tmp_path / "lock")
    left_over = lock_file.LockEntry("run-1", "old", 0.0, 0.0)
    write_entry(path, "run-2", "new")
    lock_file.break_left_over(path, left_over)
    assert lock_file.read(path).token == "new"
    lock_file.break_left_over(path, lock_file.read(path))
    assert lock_file.read(path) is None
    lock_file.break_left_over(path, left_over)  # Somebody else was faster.
