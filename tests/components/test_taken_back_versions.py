"""Versions that are taken back: in quarantine, remembered, never used again, and restored."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalogues.errors import InputError
from components import served_versions
from components.served_versions import ServedVersions
from tests.components.pushing import Runs, content, push_all, saved_model, take_back


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "serving" / "artist_sim"


@pytest.fixture
def runs(tmp_path: Path, root: Path) -> Runs:
    return Runs(tmp_path / "artifacts", root)


def test_a_version_that_is_taken_back_lies_in_quarantine_and_counts_no_more(runs, root):
    push_all(runs, "first", "second")
    before, newest = runs.versions()
    assert take_back(root, newest).reason == "It is broken."
    assert runs.versions() == [before]
    quarantined = root.parent / "artist_sim.quarantine" / str(newest)
    assert (quarantined / "variables" / "data").read_text() == "second"
    assert content(runs.latest(runs.train("new"))) == "first"
    served = ServedVersions(str(root))
    assert set(served.entries()) == {before, newest}, "the ledger forgets nothing"
    assert served.taken_back()[newest].by == "somebody"


def test_the_number_of_a_version_that_was_taken_back_is_never_used_again(runs, root, monkeypatch):
    monkeypatch.setattr(served_versions.time, "time", lambda: 2000)
    push_all(runs, "first")
    take_back(root, 2000)
    push_all(runs, "second")
    # Without an entry, as one that was pushed by hand.
    saved_model(root / "3000", "by hand")
    take_back(root, 3000)
    push_all(runs, "third")
    assert runs.versions() == [2001, 3001]


def test_a_model_that_was_taken_back_is_not_pushed_again(runs, root):
    (model,) = push_all(runs, "first")
    (version,) = runs.versions()
    take_back(root, version, "It answers otherwise.")
    with pytest.raises(InputError, match=f"as version {version} and taken back: It answers other"):
        runs.push(model, runs.latest(model))
    assert runs.versions() == []


def test_taking_back_that_was_killed_is_finished_by_the_next_try(runs, root, monkeypatch):
    push_all(runs, "first", "second")
    newest = runs.versions()[-1]
    with monkeypatch.context() as patch:
        patch.setattr(served_versions.os, "rename", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            take_back(root, newest, "It is broken.")
    # Its folder is still there, but nothing new is compared with it.
    assert newest in runs.versions()
    assert content(runs.latest(runs.train("new"))) == "first"
    # Why it was taken back stays what it was.
    assert take_back(root, newest, "Another reason.").reason == "It is broken."
    assert newest not in runs.versions()
    assert take_back(root, newest).reason == "It is broken.", "a third try changes nothing"


def test_a_version_is_restored_and_restoring_that_was_killed_is_finished(runs, root, monkeypatch):
    (model, _) = push_all(runs, "first", "second")
    newest = runs.versions()[-1]
    take_back(root, newest)
    served = ServedVersions(str(root))
    with monkeypatch.context() as patch:
        patch.setattr(served_versions.os, "rename", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError), served.lock("a") as lock:
            served.restore(newest, lock)
    assert content(runs.latest(runs.train("new"))) == "first"
    assert newest in served.taken_back()
    with served.lock("a") as lock:
        served.restore(newest, lock)
    assert content(runs.latest(runs.train("newer"))) == "second"
    assert not served.taken_back()
