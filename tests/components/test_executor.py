"""What the judge leaves behind inside TFX: its files, and a blessing or none."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.retrieval_evaluator import executor
from components.retrieval_evaluator.config import GateConfig, GateRule, JudgeConfig
from components.retrieval_evaluator.metrics_file import read_metrics
from tests.components.rings import CASE, Echo
from tests.conftest import REPOSITORY

SCHEMA = json.loads((REPOSITORY / "components/retrieval_evaluator/metrics.schema.json").read_text())
GATE = GateConfig(floor=0.3)


@pytest.fixture(autouse=True)
def rings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples are those of CASE."""
    monkeypatch.setattr(executor, "load_graph", lambda uri: CASE.graph)
    monkeypatch.setattr(executor, "load_hidden_edges", lambda uri, split, ids: CASE.truth(split))


def model_in(folder: Path, echo: Echo | None) -> standard_artifacts.Model:
    """An artifact; without an Echo the model's file is broken."""
    artifact = standard_artifacts.Model()
    artifact.uri = str(folder)
    path = Path(path_utils.serving_model_path(artifact.uri))
    path.mkdir(parents=True)
    if echo:
        echo.save(str(path))
    else:
        (path / "saved_model.pb").write_bytes(b"no model")
    return artifact


def judged(folder: Path, model, blessed=None, gate=GATE) -> tuple[Path, bool]:
    """The folder of the evaluation, and whether the model was blessed."""
    evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
    for name, artifact in (("evaluation", evaluation), ("blessing", blessing)):
        artifact.uri = str(folder / name)
        Path(artifact.uri).mkdir(parents=True)
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    config = json.dumps(dataclasses.asdict(JudgeConfig(gate=gate)))
    inputs = {"examples": [examples], "model": [model]}
    executor.Executor().Do(
        inputs | ({"baseline_model": [blessed]} if blessed else {}),
        {"evaluation": [evaluation], "blessing": [blessing]},
        {"config": config},
    )
    files = {path.name for path in Path(blessing.uri).iterdir()}
    assert files in ({"BLESSED"}, {"NOT_BLESSED"})
    blessed_now = files == {"BLESSED"}
    assert blessing.get_int_custom_property("blessed") == int(blessed_now)
    return Path(evaluation.uri), blessed_now


def test_the_metrics_fit_their_schema(tmp_path):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    model = model_in(tmp_path / "model", Echo())
    ids = CASE.graph.artist_id.tolist()
    blessed = model_in(tmp_path / "blessed", Echo(artist_id=ids[:4]))
    first, _ = judged(tmp_path / "first", model)
    second, _ = judged(tmp_path / "second", model, blessed)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for evaluation in (first, second):
        metrics = read_metrics(evaluation / "metrics.json")
        validator.validate(metrics)
        assert metrics["counts"] == {"artists": 4, "queries": 4, "skipped": 0}
        verdict = json.loads((evaluation / "verdict.json").read_text())
        assert verdict["rules"] == metrics["rules"]
        report = (evaluation / "report.md").read_text()
        for rule in metrics["rules"]:
            assert f"- {rule['verdict']}, {rule['rule']}: {rule['sentence']}." in report
    assert {"blessed_model"} == {
        name
        for systems in metrics["scores"].values()
        for name in systems
        if name not in read_metrics(first / "metrics.json")["scores"]["cold"]
    }
    assert validator.is_valid({**metrics, "stability": {"not_measured": "nobody was blessed"}})
    for broken in (
        {**metrics, "beyond": {"novelty": 1}},
        {**metrics, "stability": {}},
        {**metrics, "space": {"rankme": metrics["space"]["rankme"]}},
        {**metrics, "schema_version": 2},
        {**metrics, "slices": [{**metrics["slices"][0], "colour": "red"}]},
        {key: value for key, value in metrics.items() if key != "rules"},
    ):
        assert not validator.is_valid(broken)


def test_a_model_that_cannot_be_loaded_stops_the_run_and_blesses_nothing(tmp_path):
    with pytest.raises(Exception, match="parse|SavedModel"):
        judged(tmp_path, model_in(tmp_path / "model", None))
    assert not any((tmp_path / "blessing").iterdir())
    assert not any((tmp_path / "evaluation").iterdir())


def test_a_blessed_model_that_cannot_be_loaded_blocks_until_a_person_lets_it_pass(tmp_path):
    model = model_in(tmp_path / "model", Echo())
    broken = model_in(tmp_path / "blessed", None)
    evaluation, blessed = judged(tmp_path / "first", model, broken)
    assert not blessed
    reason = json.loads((evaluation / "verdict.json").read_text())["reason"]
    assert "the blessed model cannot be judged (" in reason
    assert "`judge.gate.if_blessed_unreadable: pass` goes on without it" in reason
    gate = dataclasses.replace(GATE, if_blessed_unreadable="pass")
    assert judged(tmp_path / "second", model, broken, gate)[1]


def test_the_configuration_survives_its_way_through_the_metadata_store():
    rules = (
        GateRule(metric="gini@10", below=0.9),
        GateRule(versus="pagerank", slack=0.5, by="mean", slice="genre:jazz"),
    )
    for gate in (GateConfig(), GATE, GateConfig(rules=rules, if_blessed_unreadable="pass")):
        config = JudgeConfig(gate=gate, k=(3, 10))
        assert executor.read_config(json.loads(json.dumps(dataclasses.asdict(config)))) == config


def test_metrics_from_before_there_were_versions_are_read_as_scores(tmp_path):
    scores = {"connected": {"model": {"ndcg@200": {"value": 0.5}}}, "cold": {}}
    (tmp_path / "metrics.json").write_text(json.dumps(scores))
    assert read_metrics(tmp_path / "metrics.json") == {"scores": scores}
