"""`artist-sim kubeflow runs`."""

from __future__ import annotations

import json

from tests.pipeline.kubeflow_remote.cluster import CRON
from tests.pipeline.kubeflow_server import GOING


def test_states_times_and_reasons_of_all_the_newest_last(deployed, config, typed):
    typed("schedule", "--cron", CRON, "--config", config, "--span", "7")
    schedule = next(iter(deployed.schedules))
    message = "RunParameters: [artist_sim] overrides:\n `x` is unknown"
    task = {"task_id": "2", "parent_task_id": "1", "state": "FAILED", "display_name": "Trainer"}
    whole = {"task_id": "1", "state": "FAILED", "display_name": "root"}
    deployed.add_run("SUCCEEDED", finished_at="2026-11-21T04:03:07.123456789Z")
    deployed.add_run("FAILED", schedule, error={"message": message})
    deployed.add_run(
        "FAILED",
        schedule,
        run_details={"task_details": [whole, {**task, "error": {"message": "killed"}}]},
        runtime_config={"parameters": {"span": "7", "gate_floor": ""}},
    )
    deployed.add_run("FAILED", schedule, run_details={"task_details": [whole, task]})
    history = [{"state": "FAILED", "error": {"message": "no such image"}}]
    deployed.add_run("FAILED", schedule, state_history=history)
    ours = {"pipeline_version_reference": {"pipeline_id": next(iter(deployed.pipelines))}}
    deployed.add_run("FAILED", "a schedule that was deleted", **ours)
    deployed.add_run(GOING, schedule)
    status, told, _ = typed("runs")
    lines = told.splitlines()
    assert status == 0
    assert lines[0].split()[:3] == ["run", "started", "(UTC)"]
    first, refused, killed, somewhere, image, gone, going = lines[1:8]
    assert "succeeded hand" in first and " 1:03:0" in first, first
    assert "failed" in refused and "artist-sim" in refused
    assert "a schedule that is gone" in gone
    assert "running" in going and " – " in going
    ids = [one[:8] for one in deployed.runs]
    assert lines[8:] == [
        f"{ids[1]}  failed: RunParameters: [artist_sim] overrides: `x` is unknown",
        f"{ids[2]}  span=7",
        f"{ids[2]}  failed: Trainer: killed",
        f"{ids[3]}  failed: in Trainer",
        f"{ids[4]}  failed: no such image",
    ]

    _, told, _ = typed("runs", "--last", "1")
    assert [line.split() for line in told.splitlines()[1:]] == [going.split()]


def test_a_reason_that_the_list_does_not_have_is_asked_for(deployed, typed, monkeypatch):
    run = deployed.add_run("FAILED")
    task = {"state": "FAILED", "display_name": "Pusher", "parent_task_id": "1"}
    listed = deployed._page

    def without_details(*args):
        page = listed(*args)
        for one in page.get("runs", []):
            one.pop("run_details", None)
        run["run_details"] = {"task_details": [task]}
        return json.loads(json.dumps(page))

    monkeypatch.setattr(deployed, "_page", without_details)
    _, told, _ = typed("runs")
    assert "in Pusher" in told


def test_none(deployed, typed):
    status, told, _ = typed("runs")
    assert status == 0 and "There is no run of 'artist-sim' yet" in told
