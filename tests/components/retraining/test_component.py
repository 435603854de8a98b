"""The step that decides, as TFX calls it: what it makes of the push destination."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from components.retraining import component
from components.retraining.component import DECISION_FILE, Executor
from components.retraining.config import RetrainConfig
from components.retraining.training_record import write_record
from components.served_versions import ServedVersions
from tests.components.retraining.tagged_artists import ring, statistics

DAY = 86_400
CHANGED = RetrainConfig(when="changed")


@pytest.fixture(scope="module")
def record():
    return ring(40, statistics(["rock", "jazz"] * 20))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "serving" / "artist_sim"


@pytest.fixture
def decided(tmp_path: Path, root: Path, record, monkeypatch: pytest.MonkeyPatch):
    """Runs the step; today's catalogue is the one that `record` is of."""
    monkeypatch.setattr(component, "inputs_record", lambda inputs, configuration: record)

    def run(config: RetrainConfig = CHANGED) -> tuple[str, str]:
        artifact = standard_artifacts.HyperParameters()
        artifact.uri = str(tmp_path / "decision")
        told = json.dumps({"retrain": dataclasses.asdict(config)})
        Executor().Do({}, {"decision": [artifact]}, {"serving_root": str(root), "config": told})
        decision = artifact.get_string_custom_property("decision")
        reason = artifact.get_string_custom_property("reason")
        written = json.loads((tmp_path / "decision" / DECISION_FILE).read_text())
        assert written == {"train": decision == "train", "reason": reason}
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
