"""`artist-sim kubeflow run`: one run now, and never two at once."""

from __future__ import annotations

import json

import pytest

from tests.pipeline.kubeflow_remote.cluster import CRON, OTHER, only
from tests.pipeline.kubeflow_server import GOING, NEVER, Fault


def test_one_run_now(deployed, typed):
    words = ["--span", "2026-01-31", "--gate-floor", "0.3", "--service-account", "runner"]
    overrides = json.dumps(OTHER)
    status, told, _ = typed("run", *words, "--overrides", overrides)
    run = only(deployed.runs)
    assert status == 0 and f"run {run['run_id']} started" in told
    assert "gate_floor=0.3, overrides=" in told and "next:        artist-sim kubeflow r" in told
    assert run["pipeline_version_reference"] == {
        "pipeline_id": next(iter(deployed.pipelines)),
        "pipeline_version_id": next(iter(deployed.versions)),
    }
    given = {"span": "2026-01-31", "gate_floor": "0.3", "overrides": overrides}
    assert run["runtime_config"] == {"parameters": given}
    assert run["service_account"] == "runner"
    assert only(deployed.experiments)["display_name"] == "artist-sim"


def test_what_is_not_said_is_not_sent(deployed, typed):
    assert typed("run")[0] == 0
    run = only(deployed.runs)
    assert run["runtime_config"] == {"parameters": {}} and "service_account" not in run


def test_the_newest_version_or_the_one_that_is_named(deployed, other, typed):
    typed("deploy", "--config", other)
    first, second = deployed.versions.values()
    typed("run")
    only(deployed.runs)["state"] = "SUCCEEDED"
    typed("run", "--version", first["name"])
    taken = [
        one["pipeline_version_reference"]["pipeline_version_id"] for one in deployed.runs.values()
    ]
    assert taken == [second["pipeline_version_id"], first["pipeline_version_id"]]
    status, _, error = typed("run", "--version", "none")
    assert status == 2 and "There is no version 'none' of the pipeline" in error


@pytest.mark.parametrize("state", ["PENDING", GOING, "CANCELING", "PAUSED"])
@pytest.mark.parametrize("by", ["hand", "schedule"])
def test_not_beside_another(deployed, config, typed, state, by):
    for _ in range(3):
        deployed.add_run("SUCCEEDED")
    schedule = ""
    if by == "schedule":
        typed("schedule", "--cron", CRON, "--config", config)
        schedule = next(iter(deployed.schedules))
    going = deployed.add_run(state, schedule, finished_at=NEVER)
    status, told, error = typed("run")
    assert status == 1 and told == ""
    assert f"Run {going['run_id']} ('someone's', started 2026-11-21 03:00 UTC)" in error
    assert "two at once must not be" in error
    assert not deployed.sent("POST", "/runs")


def test_runs_of_other_pipelines_do_not_matter(deployed, typed):
    other = {"pipeline_id": "another", "pipeline_version_id": "x"}
    deployed.add_run(GOING, pipeline_version_reference=other)
    deployed.add_run(GOING, "a schedule of another pipeline")
    assert typed("run")[0] == 0


def test_of_two_that_start_in_one_moment_neither_goes_on_beside_the_other(deployed, typed):
    deployed.on_created = lambda: deployed.add_run("PENDING", finished_at=NEVER)
    status, told, error = typed("run")
    ours, theirs = deployed.runs.values()
    assert status == 1 and told == ""
    assert ours["state"] == "CANCELING" and theirs["state"] == "PENDING"
    assert f"Run {theirs['run_id']}" in error and f"run {ours['run_id']} was ended" in error


def test_when_it_cannot_be_ended_both_are_named(deployed, typed):
    deployed.on_created = lambda: deployed.add_run("PENDING", finished_at=NEVER)
    deployed.faults = [Fault(503, "{}", path=":terminate")]
    status, _, error = typed("run")
    ours, theirs = deployed.runs.values()
    assert status == 1
    assert f"Run {ours['run_id']} could not be ended" in error and theirs["run_id"] in error


def test_when_it_cannot_look_again_it_says_that_a_run_goes(deployed, typed):
    lost = Fault(403, "{}", method="GET", path="/runs")
    deployed.on_created = lambda: deployed.faults.append(lost)
    status, _, error = typed("run")
    assert status == 2
    assert f"Run {only(deployed.runs)['run_id']} was started, but whether it is" in error


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--gate-floor", "high"], "gate_floor: 'high' is not a number"),
        (["--gate-floor", "7"], "floor"),
        (["--overrides", "{catalogue: x}"], "`catalogue` cannot be changed for one run"),
        (["--overrides", "{trainer: {trainng: {epochs: 2}}}"], "did you mean 'training'"),
    ],
)
def test_what_the_first_step_would_refuse_is_not_sent(deployed, typed, words, sentence):
    status, _, error = typed("run", *words)
    assert status == 2 and sentence in error
    assert not deployed.sent("POST", "/runs")


def test_a_version_whose_steps_come_from_the_cache_is_not_run(deployed, typed):
    spec = only(deployed.versions)["pipeline_spec"]["pipeline_spec"]
    spec["root"]["dag"]["tasks"]["Trainer"]["cachingOptions"] = {"enableCache": True}
    status, _, error = typed("run")
    assert status == 2 and "take answers from the cache" in error
    assert not deployed.sent("POST", "/runs")


def test_a_version_that_is_not_ours(deployed, typed):
    only(deployed.versions)["pipeline_spec"] = {"root": {"dag": {"tasks": {"a": {}}}}}
    status, _, error = typed("run")
    assert status == 2 and "was not compiled by artist_sim" in error


def test_nothing_is_deployed(server, config, typed):
    status, _, error = typed("run")
    assert status == 2 and "upload it with `artist-sim kubeflow deploy`" in error
    typed("deploy", "--config", config)
    server.versions.clear()
    status, _, error = typed("run")
    assert status == 2 and "has no version yet" in error


def test_it_tells_when_a_schedule_would_come_in_between(deployed, config, typed):
    typed("schedule", "--cron", CRON, "--config", config)
    _, told, _ = typed("run")
    assert "'artist-sim' starts its next run on " in told and "03:30 UTC" in told
    assert "artist-sim kubeflow schedule pause artist-sim" in told
