"""What a run's summary says, worked out by hand for each way in which a run can end."""

from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from catalogues.errors import InputError
from components.smoke_test.component import VersionTakenBack
from pipeline import kubeflow_summary
from pipeline.kubeflow_summary import is_last_step, nothing_to_do, summary_of
from pipeline.run_summary import local_summary
from pipeline.runs import Lineage, Run

SCORES = {
    "model": {"connected": [0.75, 0.625, 0.875]},
    "blessed_model": {"connected": [0.5, 0.25, 0.625]},
}
REASON = "nDCG@200 0.750 is above 0.2."


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    def entry(value: float, low: float, high: float) -> dict[str, Any]:
        return {"ndcg@200": {"value": value, "low": low, "high": high}}

    folder = tmp_path / "evaluation"
    folder.mkdir()
    scores = {"connected": {name: entry(*found["connected"]) for name, found in SCORES.items()}}
    scores["connected"]["popularity"] = entry(0.1, 0.0, 0.2)
    (folder / "metrics.json").write_text(json.dumps({"schema_version": 1, "scores": scores}))
    (folder / "verdict.json").write_text(json.dumps({"blessed": True, "reason": REASON}))
    return folder


def executor_input(
    step: str, evaluation: Path | None = None, pushed: dict[str, Any] | None = None
) -> dict[str, Any]:
    """As the entry point has it: local paths, numbers as doubles."""

    def one(uri: str, **metadata: Any) -> dict[str, Any]:
        return {"artifacts": [{"uri": uri, "metadata": metadata}]}

    inputs = {"run_parameters": one("/minio/x", started=1000.0)}
    if evaluation:
        inputs["evaluation"] = one(str(evaluation), span=12.0)
    if pushed is not None:
        inputs["pushed_model"] = one("/minio/y", **pushed)
    uri = f"/minio/mlpipeline/artist-sim/artist-sim/0f3a-run/{step}/5b1c/output"
    return {
        "inputs": {"artifacts": inputs},
        "outputs": {"artifacts": {"output": {"artifacts": [{"uri": uri}]}}},
    }


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubeflow_summary.time, "time", lambda: 1090.4)


def test_a_run_on_kubeflow_that_pushed(evaluation):
    given = executor_input("SmokeTest", evaluation, {"pushed": 1.0, "pushed_version": "17"})
    assert is_last_step(given)
    assert summary_of(given, None).as_json() == {
        "format": 1,
        "text": (
            "artist-sim, run 0f3a-run, span 12: pushed version 17. nDCG@200 0.750 is above 0.2.\n"
            "ndcg@200 connected: 0.750 [0.625, 0.875], before 0.500 [0.250, 0.625]\n"
            "took 90 s"
        ),
        "pipeline": "artist-sim",
        "run": "0f3a-run",
        "outcome": "pushed",
        "reason": REASON,
        "step": None,
        "span": 12,
        "version": 17,
        "scores": SCORES,
        "seconds": 90,
        "start": None,
    }


def test_a_run_that_the_gate_refused(evaluation):
    summary = summary_of(executor_input("SmokeTest", evaluation, {"pushed": 0.0}), None)
    assert (summary.outcome, summary.version, summary.reason) == ("refused", None, REASON)
    assert "span 12: not pushed. nDCG@200" in summary.text()


def test_where_a_training_began_is_told(evaluation):
    start = "begins anew: no model is served yet"
    given = executor_input("SmokeTest", evaluation, {"pushed": 0.0})
    model = {"artifacts": [{"uri": "/minio/m", "metadata": {"start": start}}]}
    given["inputs"]["artifacts"]["model"] = model
    summary = summary_of(given, None)
    assert summary.as_json()["start"] == start
    assert summary.text().splitlines()[-2] == f"training {start}"
    run = dataclasses.replace(local_run(evaluation, None), start=start)
    assert local_summary(run, 3.0, None, None).start == start


def test_a_version_that_was_taken_back(evaluation):
    error = VersionTakenBack("Version 17 was pushed and taken back: it does not load.")
    given = executor_input("SmokeTest", evaluation, {"pushed": 1.0, "pushed_version": "17"})
    summary = summary_of(given, error)
    assert (summary.outcome, summary.version) == ("taken_back", None)
    assert summary.reason == str(error) and summary.scores == SCORES


def test_a_run_with_nothing_to_do():
    given = executor_input("RetrainDecision")
    given["inputs"]["artifacts"]["examples"] = {
        "artifacts": [{"uri": "/minio/z", "metadata": {"span": 12.0}}]
    }
    told = {"decision": "stop", "reason": "since version 7 nothing came and nothing went"}

    def output(**metadata: str) -> dict[str, Any]:
        return {"artifacts": {"decision": {"artifacts": [{"uri": "x", "metadata": metadata}]}}}

    assert nothing_to_do(output(**told)) == told["reason"]
    assert nothing_to_do(output(decision="train", reason="no model is served yet")) is None
    summary = summary_of(given, None, output(**told))
    assert (summary.outcome, summary.version, summary.step) == ("nothing_to_do", None, None)
    assert summary.text() == (
        "artist-sim, run 0f3a-run, span 12: nothing to do: since version 7 nothing came and "
        "nothing went.\ntook 90 s"
    )
    run = dataclasses.replace(local_run(None, None), reason=told["reason"], ended_early=True)
    local = local_summary(run, 3.0, None, None)
    assert (local.outcome, local.reason, local.version) == (
        "nothing_to_do",
        "since version 7 nothing came and nothing went.",
        None,
    )


def test_a_step_that_failed():
    given = executor_input("Trainer")
    assert not is_last_step(given)
    summary = summary_of(given, InputError("The catalogue has no artists."))
    assert (summary.outcome, summary.step, summary.span) == ("failed", "Trainer", None)
    assert summary.text() == (
        "artist-sim, run 0f3a-run: failed in 'Trainer'. The catalogue has no artists.\ntook 90 s"
    )
    broken = summary_of(given, RuntimeError("out of memory\nand a stack of lines"))
    assert broken.reason == "RuntimeError: out of memory."


def test_the_first_step_knows_little_and_says_it():
    summary = summary_of({"inputs": {}, "outputs": {}}, InputError("No."))
    assert (summary.run, summary.seconds, summary.scores) == ("unknown", None, {})
    json.dumps(summary.as_json())


def local_run(evaluation: Path | None, pushed: Path | None, **states: str) -> Run:
    return Run(
        number=3,
        started=datetime.datetime(2026, 1, 1),
        states=states,
        evaluation=evaluation,
        model=None,
        pushed=pushed,
        lineage=Lineage(span=4),
    )


def test_a_run_on_this_machine(evaluation, tmp_path):
    pushed = tmp_path / "17"
    pushed.mkdir()
    run = local_run(evaluation, pushed, LedgerPusher="COMPLETE")
    summary = local_summary(run, 69.4, None, None)
    assert (summary.outcome, summary.version, summary.run) == ("pushed", 17, "3")
    assert summary.text().startswith("artist_sim, run 3, span 4: pushed version 17. nDCG")
    cached = local_run(evaluation, pushed, LedgerPusher="CACHED")
    assert local_summary(cached, 1.0, None, None).outcome == "unchanged"
    refused = local_run(evaluation, None, LedgerPusher="COMPLETE")
    assert local_summary(refused, 1.0, None, None).outcome == "refused"
    failed = local_summary(local_run(None, None), 1.0, InputError("No."), "training")
    assert (failed.outcome, failed.step, failed.scores) == ("failed", "training", {})
