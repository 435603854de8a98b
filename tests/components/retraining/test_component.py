"""The step that decides, as TFX calls it: what it makes of the push destination."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from components.retraining import component
from components.retraining.component import DECISION_FILE, Executor
from components.retraining.config import RetrainConfig
from components.retraining.training_record import write_record
from components.served_versions import ServedVersions
from tests.components.retraining.tagged_artists import ring, statistics
from tests.trainer.graphs import graph_of
from trainer.learnt_artists import LearntArtists
from trainer.named_weights import Weight
from trainer.starting_point import Heritage, meaning, read_starting_point, write_starting_point

DAY = 86_400
CHANGED = RetrainConfig(when="changed")
WARM = RetrainConfig(start="warm")
CONFIGURATION = {"graph": {}, "trainer": {"system": "gnn", "pretrained": "none"}}
TODAY = graph_of([(0, 1)], [0, 0, 1, 2]).graph


@pytest.fixture(scope="module")
def record():
    return ring(40, statistics(["rock", "jazz"] * 20))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "serving" / "artist_sim"


@pytest.fixture
def decided(tmp_path: Path, root: Path, record, monkeypatch: pytest.MonkeyPatch):
    """Runs the step; today's catalogue is the one that `record` is of."""
    monkeypatch.setattr(component, "todays_graph", lambda inputs: TODAY)
    monkeypatch.setattr(component, "inputs_record", lambda inputs, configuration, graph: record)

    def run(config: RetrainConfig = CHANGED) -> tuple[str, str]:
        artifact = standard_artifacts.HyperParameters()
        artifact.uri = str(tmp_path / "decision")
        told = json.dumps({**CONFIGURATION, "retrain": dataclasses.asdict(config)})
        Executor().Do({}, {"decision": [artifact]}, {"serving_root": str(root), "config": told})
        decision = artifact.get_string_custom_property("decision")
        reason = artifact.get_string_custom_property("reason")
        written = json.loads((tmp_path / "decision" / DECISION_FILE).read_text())
        start = written.pop("start", None)
        assert written == {"train": decision == "train", "reason": reason}
        assert artifact.has_custom_property("start") == (start is not None)
        if start is not None:
            assert artifact.get_string_custom_property("start") == start["reason"]
        return decision, reason

    return run


def write_version(root: Path, version: int, record=None) -> Path:
    folder = root / str(version)
    folder.mkdir(parents=True)
    if record is not None:
        write_record(record, str(folder))
    (folder / "saved_model.pb").write_text("a model")
    return folder


def test_without_a_served_model_it_trains(decided, capsys):
    assert decided() == ("train", "no model is served yet")
    assert capsys.readouterr().out == "  trains: no model is served yet\n"


def test_a_model_that_knows_all_of_it_is_enough(decided, root, record, capsys):
    version = int(time.time()) - 2 * DAY
    write_version(root, version, record)
    decision, reason = decided()
    assert decision == "stop"
    assert reason.startswith(f"since version {version} ") and reason.endswith("2.0 days old")
    assert capsys.readouterr().out == f"  nothing to do: {reason}\n"


def test_it_trains_when_it_is_told_to(decided, root, record):
    write_version(root, int(time.time()), record)
    assert decided(RetrainConfig()) == ("train", "each run does (`retrain.when: always`)")


def test_a_version_is_as_old_as_its_name_says_where_there_is_no_ledger(decided, root, record):
    write_version(root, int(time.time()) - 31 * DAY, record)
    decision, reason = decided()
    assert decision == "train" and "31 days old" in reason


def test_the_ledger_knows_better_than_the_name(decided, root, record, tmp_path):
    model = write_version(tmp_path, 1, record)
    # A clock that went wrong once: the next version still has the higher name.
    write_version(root, int(time.time()) + 1000 * DAY, record)
    served = ServedVersions(str(root))
    with served.lock("a-run") as lock:
        served.push(str(model), model="a-model", run="a-run", compared_with=0, scores={}, lock=lock)
    decision, reason = decided()
    assert decision == "stop" and reason.endswith("and it is 0.0 days old")


def test_the_newest_version_that_is_there_counts(decided, root, record):
    write_version(root, 5, ring(3, record.statistics))
    write_version(root, int(time.time()) - 60, record)
    (root / str(int(time.time()))).mkdir()
    assert decided()[0] == "stop"


def test_a_model_that_does_not_say_what_it_was_trained_on(decided, root):
    write_version(root, 17)
    assert decided() == (
        "train",
        "of the served version 17 nothing is known: it does not say what it was trained on",
    )


def test_a_broken_record(decided, root, record):
    folder = write_version(root, 17, record)
    (folder / "assets.extra" / "trained_on.npz").write_bytes(b"PK half a file")
    assert decided() == (
        "train",
        "of the served version 17 nothing is known: its trained_on.npz cannot be read",
    )


def write_warm_version(root: Path, version: int, record, graph=TODAY) -> None:
    folder = write_version(root, version, record)
    weights = [Weight("w", tf.Variable([1.0, 2.0]))]
    heritage = Heritage(meaning(CONFIGURATION), LearntArtists.of(graph))
    write_starting_point(str(folder), weights, heritage)


def start_in(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "decision" / DECISION_FILE).read_text())["start"]


def test_what_training_begins_with_lies_beside_the_decision(
    decided, root, record, tmp_path, capsys
):
    version = int(time.time()) - 2 * DAY
    write_warm_version(root, version, record)
    assert decided(WARM)[0] == "train"
    reason = f"begins at version {version}, 1 training and 2.0 days after the last that began anew"
    told = {"reason": reason, "version": version, "trained_in_full": float(version)}
    assert start_in(tmp_path) == told
    assert capsys.readouterr().out.endswith(f"  {reason}\n")
    # A copy, so that it stays when the version is taken back.
    shutil.rmtree(root)
    found = read_starting_point(str(tmp_path / "decision"))
    np.testing.assert_array_equal(found.values["w"], [1, 2])


def test_weights_that_know_a_judged_artist_are_not_handed_on(decided, root, record, tmp_path):
    # Artist 3, which is judged today, was a training artist.
    write_warm_version(root, int(time.time()), record, graph_of([(0, 1)], [0, 0, 1, 0]).graph)
    assert decided(WARM)[0] == "train"
    assert "its weights know 1 of today's 1 test artists" in start_in(tmp_path)["reason"]
    assert start_in(tmp_path)["version"] == 0
    assert not (tmp_path / "decision" / "assets.extra").exists()


def test_the_first_training_begins_anew(decided, tmp_path):
    decided(WARM)
    assert start_in(tmp_path)["reason"] == "begins anew: no model is served yet"


def test_nothing_is_handed_on_where_nobody_asks_for_it(decided, root, record, tmp_path):
    write_warm_version(root, int(time.time()), record)
    decided(RetrainConfig())
    assert "start" not in json.loads((tmp_path / "decision" / DECISION_FILE).read_text())
    assert not (tmp_path / "decision" / "assets.extra").exists()
    # Nor where a run ends before training.
    assert decided(dataclasses.replace(WARM, when="changed"))[0] == "stop"
    assert not (tmp_path / "decision" / "assets.extra").exists()


def test_a_training_that_begins_anew_is_due_though_nothing_changed(decided, root, record, tmp_path):
    config = dataclasses.replace(WARM, when="changed", full_every_days=5)
    write_warm_version(root, int(time.time()) - 6 * DAY, record)
    decision, reason = decided(config)
    due = "the last training that began anew was 6 days ago (`retrain.full_every_days` is 5)"
    assert (decision, reason.endswith(due)) == ("train", True)
    assert start_in(tmp_path) == {
        "reason": f"begins anew: {due}",
        "version": 0,
        "trained_in_full": None,
    }
