"""The push destination as what tells the latest blessed model, and the order of pushes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from catalogues.errors import InputError
from components import lock_file, served_versions
from components.latest_served_model import SERVED_VERSION, there_is_none
from components.served_versions import ServedVersions
from tests.components.pushing import Runs, content, push_all, saved_model, take_back


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "serving" / "artist_sim"


@pytest.fixture
def runs(tmp_path: Path, root: Path) -> Runs:
    return Runs(tmp_path / "artifacts", root)


def test_the_first_model_has_nothing_to_be_compared_with(runs, root):
    first = runs.train("first")
    latest = runs.latest(first)
    assert there_is_none(latest)
    # Something lies there: a store has no empty folders.
    assert [path.name for path in Path(latest.uri).iterdir()] == ["NO_BLESSED_MODEL"]
    pushed = runs.push(first, latest)
    assert pushed.get_int_custom_property("pushed") == 1
    (version,) = runs.versions()
    assert pushed.get_string_custom_property("pushed_version") == str(version)
    folder = pushed.get_string_custom_property("pushed_destination")
    assert Path(folder) == root / str(version)
    assert Path(folder, "variables", "data").read_text() == "first"
    entry = json.loads((root.parent / "artist_sim.ledger" / f"{version}.json").read_text())
    assert entry["model"] == first.uri and entry["run"] == "a-run"
    assert entry["version"] == version and entry["compared_with"] == 0


def test_the_latest_of_several_is_found_and_copied(runs):
    for name in ("first", "second", "third"):
        model = runs.train(name)
        runs.push(model, runs.latest(model))
    # Within one second, and each newer than the one before.
    assert len(set(runs.versions())) == 3
    latest = runs.latest(runs.train("new"))
    assert content(latest) == "third"
    assert latest.get_int_custom_property(SERVED_VERSION) == runs.versions()[-1]
    assert not there_is_none(latest)


def test_a_model_is_no_predecessor_of_itself(runs):
    first, second = runs.train("first"), runs.train("second")
    runs.push(first, runs.latest(first))
    runs.push(second, runs.latest(second))
    assert content(runs.latest(second)) == "first"


def test_a_model_that_is_not_blessed_is_not_pushed(runs, root):
    first = runs.train("first")
    pushed = runs.push(first, runs.latest(first), blessed=False)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not root.exists()
    assert there_is_none(runs.latest(runs.train("second")))


def test_a_version_whose_folder_was_deleted_does_not_count(runs, root):
    for name in ("first", "second"):
        model = runs.train(name)
        runs.push(model, runs.latest(model))
    shutil.rmtree(root / str(runs.versions()[-1]))
    assert content(runs.latest(runs.train("new"))) == "first"


def test_a_version_without_an_entry_counts(runs, root):
    # Pushed by hand, or before there was a ledger.
    saved_model(root / "17", "by hand")
    assert content(runs.latest(runs.train("new"))) == "by hand"


def test_a_clock_that_was_put_back_changes_no_order(runs, monkeypatch):
    for now, name in ((2000, "first"), (1000, "second")):
        monkeypatch.setattr(served_versions.time, "time", lambda now=now: now)
        model = runs.train(name)
        runs.push(model, runs.latest(model))
    assert runs.versions() == [2000, 2001]
    assert content(runs.latest(runs.train("new"))) == "second"


def test_what_was_compared_with_an_older_model_is_not_pushed(runs):
    slow, fast = runs.train("slow"), runs.train("fast")
    baseline = runs.latest(slow)
    runs.push(fast, runs.latest(fast))
    before = runs.versions()
    with pytest.raises(InputError, match="this model was judged beside none; nothing is pushed"):
        runs.push(slow, baseline)
    assert runs.versions() == before


def test_a_push_that_is_tried_again_pushes_once(runs):
    first = runs.train("first")
    latest = runs.latest(first)
    pushes = [runs.push(first, latest) for _ in range(2)]
    assert len(runs.versions()) == 1
    told = {push.get_string_custom_property("pushed_version") for push in pushes}
    assert told == {str(runs.versions()[0])}


def test_a_push_that_was_killed_leaves_what_is_served_and_is_taken_up_again(runs, monkeypatch):
    first, second = runs.train("first"), runs.train("second")
    runs.push(first, runs.latest(first))
    latest = runs.latest(second)

    def killed(*_, **__) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(served_versions.io_utils, "copy_file", killed)
        with pytest.raises(KeyboardInterrupt):
            runs.push(second, latest)
    # The half version is there, but no model is.
    assert len(runs.versions()) == 2
    assert content(runs.latest(runs.train("new"))) == "first"
    runs.push(second, latest)
    assert len(runs.versions()) == 2
    assert content(runs.latest(runs.train("newer"))) == "second"


def test_a_killed_push_that_was_overtaken_is_refused(runs, monkeypatch):
    second, third = runs.train("second"), runs.train("third")
    latest = runs.latest(second)
    with monkeypatch.context() as patch:
        patch.setattr(served_versions.io_utils, "copy_file", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            runs.push(second, latest)
    runs.push(third, runs.latest(third))
    with pytest.raises(InputError, match="nothing is pushed"):
        runs.push(second, latest)


def test_half_an_entry_is_never_seen(runs, root, monkeypatch):
    first = runs.train("first")
    latest = runs.latest(first)
    with monkeypatch.context() as patch:
        patch.setattr(served_versions.fileio, "rename", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            runs.push(first, latest)
    assert ServedVersions(str(root)).entries() == {}
    runs.push(first, latest)
    assert len(ServedVersions(str(root)).entries()) == 1


def test_a_version_file_that_was_half_copied_is_no_version(runs, monkeypatch):
    first = runs.train("first")
    latest = runs.latest(first)

    def half(source: str, target: str, overwrite: bool = False) -> None:
        Path(target).write_text("fir")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(served_versions.io_utils, "copy_file", half)
        with pytest.raises(KeyboardInterrupt):
            runs.push(first, latest)
    assert there_is_none(runs.latest(runs.train("new")))
    runs.push(first, latest)
    assert content(runs.latest(runs.train("newer"))) == "first"


def test_the_ledger_keeps_the_scores(runs, root, tmp_path):
    metrics = {
        "schema_version": 1,
        "scores": {
            "connected": {"model": {"ndcg@200": {"value": 0.5, "low": 0.25, "high": 0.75}}},
            "cold": {"model": {"ndcg@200": {"value": float("nan"), "low": 0.0, "high": 0.0}}},
        },
    }
    folder = tmp_path / "artifacts" / "evaluation"
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    push_all(runs, "first")
    (entry,) = ServedVersions(str(root)).entries().values()
    assert entry.scores == {"connected": [0.5, 0.25, 0.75]}


def test_an_entry_of_an_older_ledger_is_read(runs, root):
    push_all(runs, "first")
    (version,) = runs.versions()
    path = root.parent / "artist_sim.ledger" / f"{version}.json"
    told = json.loads(path.read_text())
    del told["scores"]
    path.write_text(json.dumps(told))
    assert ServedVersions(str(root)).entries()[version].scores == {}


def test_a_destination_that_is_no_folder_of_this_machine(tmp_path, monkeypatch):
    # TensorFlow's file system in memory stands for gs://, which it reads by the same interface.
    monkeypatch.setattr(lock_file, "_SETTLE", 0.0)
    source = saved_model(tmp_path / "model", "first")
    served = ServedVersions("ram://serving/artist_sim")
    assert served.latest(other_than="") == 0
    with served.lock("a-run") as lock:
        push = served.push(
            str(source), model="gs://b/1", run="a-run", compared_with=0, scores={}, lock=lock
        )
    assert ServedVersions("ram://serving/artist_sim/").latest(other_than="gs://b/2") == push.version
    assert served.latest(other_than="gs://b/1") == 0
    assert served.push_of("gs://b/1") == push
    data = served.folder(push.version) + "/variables/data"
    assert served_versions.fileio.open(data).read() == "first"

    # Taken back in the middle of a copy, and once more.
    with monkeypatch.context() as patch:
        patch.setattr(served_versions.fileio, "rmtree", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            take_back("ram://serving/artist_sim", push.version)
    assert not served.is_complete(push.version)
    take_back("ram://serving/artist_sim", push.version)
    assert served.latest() == 0 and not served_versions.fileio.isdir(served.folder(push.version))
    data = served.quarantine(push.version) + "/variables/data"
    assert served_versions.fileio.open(data).read() == "first"
    with served.lock("a-run") as lock:
        served.restore(push.version, lock)
    assert served.latest() == push.version
