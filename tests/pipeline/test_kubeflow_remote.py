"""`artist-sim kubeflow` as a person types it, against a server that keeps what it is told.

Where the real data are, each request and each answer of that server is held against the public
description of the interface.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import kubeflow_connection
from pipeline.command_line import main
from pipeline.config import PipelineConfig, parse_config
from pipeline.kubeflow_asking import HOST_VARIABLE
from pipeline.kubeflow_connection import TOKEN_VARIABLE
from pipeline.kubeflow_runner import compile_package, package_text, version_name
from tests.conftest import REPOSITORY
from tests.pipeline.kubeflow_server import GOING, NEVER, Fault, KubeflowServer, serving
from tests.pipeline.swagger import Swagger
from tests.pipeline.test_kubeflow_package import GIVEN

SWAGGER = "kubeflow/kfp_v2beta1.swagger.json"
CRON = "0 30 3 * * *"
OTHER = {"trainer": {"training": {"epochs": 3}}}

Typed = Callable[..., tuple[int, str, str]]


def description() -> Swagger | None:
    folder = Path(os.environ.get("ARTIST_SIM_DATA") or REPOSITORY / "../shared/data")
    return Swagger(folder / SWAGGER) if (folder / SWAGGER).is_file() else None


@pytest.fixture
def server(monkeypatch, tmp_path) -> Iterator[KubeflowServer]:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    monkeypatch.setattr(kubeflow_connection, "TOKEN_FILE", str(tmp_path / "none"))
    with serving(KubeflowServer(description())) as state:
        monkeypatch.setenv(HOST_VARIABLE, state.host)
        yield state


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(GIVEN))
    return path


@pytest.fixture
def other(tmp_path) -> Path:
    """Another configuration."""
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump({**GIVEN, **OTHER}))
    return path


@pytest.fixture
def typed(capsys) -> Typed:
    """Types a command of `artist-sim kubeflow`; gives its status and what it printed."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["kubeflow", *map(str, words)])
        printed = capsys.readouterr()
        if printed.err:
            assert printed.err.startswith("artist-sim: ") and printed.err.endswith(".\n")
            assert printed.err.count("\n") == 1 and "Traceback" not in printed.err
        return status, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def compile_once() -> Callable[[PipelineConfig], list[dict[str, Any]]]:
    """compile_package, which takes seconds, with its answers kept."""
    known: dict[str, list[dict[str, Any]]] = {}

    def compiled(config: PipelineConfig) -> list[dict[str, Any]]:
        if repr(config) not in known:
            known[repr(config)] = compile_package(config)
        return known[repr(config)]

    return compiled


@pytest.fixture(autouse=True)
def _quick(monkeypatch, compile_once) -> None:
    monkeypatch.setattr("pipeline.kubeflow_runner.compile_package", compile_once)


@pytest.fixture(scope="module")
def package(compile_once) -> str:
    return package_text(compile_once(parse_config(GIVEN, "k.yaml")))


@pytest.fixture
def deployed(server, config, typed) -> KubeflowServer:
    assert typed("deploy", "--config", config)[0] == 0
    return server


def names(server: KubeflowServer) -> list[str]:
    return [one["name"] for one in server.versions.values()]


def only(kept: dict[str, Any]) -> dict[str, Any]:
    (one,) = kept.values()
    return one


class TestDeploy:
    def test_first_the_pipeline_then_versions_and_the_same_one_never_twice(
        self, server, config, other, typed, package
    ):
        status, told, _ = typed("deploy", "--config", config)
        name = version_name(package)
        assert status == 0 and f"artist-sim {name}: uploaded, the first version of a new" in told
        assert "next:      artist-sim kubeflow run\n" in told
        assert f"--cron '0 30 3 * * *' --config {config}" in told
        assert [one["name"] for one in server.pipelines.values()] == ["artist-sim"]
        assert names(server) == [name]
        (sent,) = server.sent("POST", "/pipelines/upload_version")
        assert sent.file == package, "what `compile` writes"

        changes = len(server.sent("POST"))
        status, told, _ = typed("deploy", "--config", config)
        assert status == 0 and f"{name}: is there already, nothing was uploaded" in told
        assert len(server.sent("POST")) == changes

        status, told, _ = typed("deploy", "--config", other)
        assert status == 0 and "uploaded, a new version" in told
        assert len(set(names(server))) == 2 and len(server.pipelines) == 1

        # Runs take the newest, which is not this one.
        status, told, _ = typed("deploy", "--config", config)
        assert f"newest:    {names(server)[1]}, which runs take" in told
        assert f"next:      artist-sim kubeflow run --version {name}\n" in told

    def test_a_name_is_that_of_the_product_and_of_what_is_in_the_package(self, package):
        assert version_name(package) == version_name(package)
        product, _, digest = version_name(package).partition("-")
        assert product == "0.1.0" and len(digest) == 12
        assert version_name(package + " ") != version_name(package)

    def test_no_step_of_what_is_uploaded_is_answered_from_the_cache(self, package):
        spec = next(yaml.safe_load_all(package))
        tasks = spec["root"]["dag"]["tasks"].values()
        assert tasks and not any(t.get("cachingOptions", {}).get("enableCache") for t in tasks)

    def test_two_at_the_same_time(self, server, config, typed, package):
        # The other one was quicker between the look and the request, twice.
        late = Fault(404, '{"message": "no"}', method="GET", path="/names/")
        taken = Fault(409, '{"message": "exists"}', method="POST", done=True, times=2)
        server.faults = [late, taken]
        status, told, _ = typed("deploy", "--config", config)
        assert status == 0 and "is there already" in told
        assert names(server) == [version_name(package)]

    def test_a_cluster_that_says_no_is_told_before_anything_is_compiled(
        self, server, config, typed, monkeypatch
    ):
        monkeypatch.setattr("pipeline.kubeflow_runner.compile_package", None)
        server.token = "another"
        status, _, error = typed("deploy", "--config", config)
        assert status == 2 and "asks who you are" in error
        assert not server.sent("POST")

    def test_a_configuration_that_cannot_be_deployed(self, server, typed):
        status, _, error = typed("deploy")
        assert status == 2 and "has no section `kubeflow`" in error
        assert not server.requests

    def test_it_tells_what_schedules_run(self, deployed, config, other, typed):
        words = ["--cron", CRON, "--span", "2026-01-31", "--service-account", "runner"]
        assert typed("schedule", *words, "--config", config)[0] == 0
        _, told, _ = typed("deploy", "--config", other)
        assert f"schedule:  'artist-sim' ({CRON}) runs {names(deployed)[0]}" in told
        command = told.splitlines()[-1].strip()
        assert command == (
            f"artist-sim kubeflow schedule --cron '{CRON}' --name artist-sim --config {other} "
            "--span 2026-01-31 --service-account runner --replace"
        )


class TestRun:
    def test_one_run_now(self, deployed, typed):
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

    def test_what_is_not_said_is_not_sent(self, deployed, typed):
        assert typed("run")[0] == 0
        run = only(deployed.runs)
        assert run["runtime_config"] == {"parameters": {}} and "service_account" not in run

    def test_the_newest_version_or_the_one_that_is_named(self, deployed, other, typed):
        typed("deploy", "--config", other)
        first, second = deployed.versions.values()
        typed("run")
        only(deployed.runs)["state"] = "SUCCEEDED"
        typed("run", "--version", first["name"])
        taken = [
            one["pipeline_version_reference"]["pipeline_version_id"]
            for one in deployed.runs.values()
        ]
        assert taken == [second["pipeline_version_id"], first["pipeline_version_id"]]
        status, _, error = typed("run", "--version", "none")
        assert status == 2 and "There is no version 'none' of the pipeline" in error

    @pytest.mark.parametrize("state", ["PENDING", GOING, "CANCELING", "PAUSED"])
    @pytest.mark.parametrize("by", ["hand", "schedule"])
    def test_not_beside_another(self, deployed, config, typed, state, by):
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

    def test_runs_of_other_pipelines_do_not_matter(self, deployed, typed):
        other = {"pipeline_id": "another", "pipeline_version_id": "x"}
        deployed.add_run(GOING, pipeline_version_reference=other)
        deployed.add_run(GOING, "a schedule of another pipeline")
        assert typed("run")[0] == 0

    def test_of_two_that_start_in_one_moment_neither_goes_on_beside_the_other(
        self, deployed, typed
    ):
        deployed.on_created = lambda: deployed.add_run("PENDING", finished_at=NEVER)
        status, told, error = typed("run")
        ours, theirs = deployed.runs.values()
        assert status == 1 and told == ""
        assert ours["state"] == "CANCELING" and theirs["state"] == "PENDING"
        assert f"Run {theirs['run_id']}" in error and f"run {ours['run_id']} was ended" in error

    def test_when_it_cannot_be_ended_both_are_named(self, deployed, typed):
        deployed.on_created = lambda: deployed.add_run("PENDING", finished_at=NEVER)
        deployed.faults = [Fault(503, "{}", path=":terminate")]
        status, _, error = typed("run")
        ours, theirs = deployed.runs.values()
        assert status == 1
        assert f"Run {ours['run_id']} could not be ended" in error and theirs["run_id"] in error

    def test_when_it_cannot_look_again_it_says_that_a_run_goes(self, deployed, typed):
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
    def test_what_the_first_step_would_refuse_is_not_sent(self, deployed, typed, words, sentence):
        status, _, error = typed("run", *words)
        assert status == 2 and sentence in error
        assert not deployed.sent("POST", "/runs")

    def test_a_version_whose_steps_come_from_the_cache_is_not_run(self, deployed, typed):
        spec = only(deployed.versions)["pipeline_spec"]["pipeline_spec"]
        spec["root"]["dag"]["tasks"]["Trainer"]["cachingOptions"] = {"enableCache": True}
        status, _, error = typed("run")
        assert status == 2 and "take answers from the cache" in error
        assert not deployed.sent("POST", "/runs")

    def test_a_version_that_is_not_ours(self, deployed, typed):
        only(deployed.versions)["pipeline_spec"] = {"root": {"dag": {"tasks": {"a": {}}}}}
        status, _, error = typed("run")
        assert status == 2 and "was not compiled by artist_sim" in error

    def test_nothing_is_deployed(self, server, config, typed):
        status, _, error = typed("run")
        assert status == 2 and "upload it with `artist-sim kubeflow deploy`" in error
        typed("deploy", "--config", config)
        server.versions.clear()
        status, _, error = typed("run")
        assert status == 2 and "has no version yet" in error

    def test_it_tells_when_a_schedule_would_come_in_between(self, deployed, config, typed):
        typed("schedule", "--cron", CRON, "--config", config)
        _, told, _ = typed("run")
        assert "'artist-sim' starts its next run on " in told and "03:30 UTC" in told
        assert "artist-sim kubeflow schedule pause artist-sim" in told


class TestSchedule:
    def test_it_is_set_so_that_it_retrains_once_at_a_time(self, server, config, typed):
        words = ["--span", "2026-01-31", "--service-account", "runner"]
        status, told, _ = typed("schedule", "--cron", CRON, "--config", config, *words)
        assert status == 0 and f"Schedule 'artist-sim' set: {CRON}" in told
        assert "uploaded just now" in told and "span=2026-01-31" in told
        times = [line for line in told.splitlines() if line.endswith(", 03:30 UTC")]
        assert len(times) == 3 and times[0].startswith("  starts:      ")
        (sent,) = server.sent("POST", "/recurringruns")
        assert sent.body == {
            "display_name": "artist-sim",
            "experiment_id": next(iter(server.experiments)),
            "pipeline_version_reference": {
                "pipeline_id": next(iter(server.pipelines)),
                "pipeline_version_id": next(iter(server.versions)),
            },
            "runtime_config": {"parameters": {"span": "2026-01-31"}},
            "service_account": "runner",
            "trigger": {"cron_schedule": {"cron": CRON}},
            "mode": "ENABLE",
            "max_concurrency": "1",
            "no_catchup": True,
        }

    def test_five_fields_are_sent_as_six(self, server, config, typed):
        typed("schedule", "--cron", "30 3 * * *", "--config", config)
        assert only(server.schedules)["trigger"]["cron_schedule"]["cron"] == CRON

    @pytest.mark.parametrize(
        "words",
        [
            ["--cron", "0 0 25 * * *"],
            ["--cron", CRON, "--gate-floor", "high"],
            ["--cron", CRON, "--overrides", "{catalogue: x}"],
        ],
    )
    def test_mistakes_change_nothing(self, server, config, typed, words):
        status, _, error = typed("schedule", *words, "--config", config)
        assert status == 2 and error
        assert not server.sent("POST")
        if "25" in words[1]:
            assert not server.requests

    def test_one_that_is_there_is_not_replaced_in_silence(self, deployed, config, other, typed):
        typed("schedule", "--cron", CRON, "--config", config)
        before = dict(deployed.schedules)
        status, told, error = typed("schedule", "--cron", "@daily", "--config", other)
        assert status == 1 and told == "" and deployed.schedules == before
        assert f"is there already (cron {CRON}, version {names(deployed)[0]}, enabled)" in error
        assert "add --replace" in error

        deployed.requests.clear()
        status, told, _ = typed("schedule", "--cron", "@daily", "--config", other, "--replace")
        assert status == 0 and "Schedule 'artist-sim' replaced: @daily" in told
        made = only(deployed.schedules)
        assert made["status"] == "ENABLED" and made["recurring_run_id"] not in before
        taken = made["pipeline_version_reference"]["pipeline_version_id"]
        assert deployed.versions[taken]["name"] == names(deployed)[1]
        # At no moment two that start runs, and at none nothing.
        changes = [one for one in deployed.requests if one.method != "GET"]
        (old,) = before
        assert [(one.method, one.path) for one in changes] == [
            ("POST", "/apis/v2beta1/recurringruns"),
            ("DELETE", f"/apis/v2beta1/recurringruns/{old}"),
            ("POST", f"/apis/v2beta1/recurringruns/{made['recurring_run_id']}:enable"),
        ]
        assert changes[0].body["mode"] == "DISABLE"
        assert changes[1].query == {"propagation_policy": "ORPHAN"}

    def test_the_same_again_changes_nothing(self, deployed, config, typed):
        typed("schedule", "--cron", CRON, "--config", config)
        changes = len(deployed.sent("POST"))
        for words in ([], ["--replace"]):
            status, told, _ = typed("schedule", "--cron", CRON, "--config", config, *words)
            assert status == 0 and "is there already, just so; nothing was changed" in told
        typed("schedule", "pause")
        status, told, _ = typed("schedule", "--cron", CRON, "--config", config)
        assert status == 0 and "just so, but paused" in told
        assert len(deployed.sent("POST")) == changes + 1

    def test_a_replacement_that_is_broken_off_leaves_one_that_can_start_runs(
        self, deployed, config, typed
    ):
        typed("schedule", "--cron", CRON, "--config", config)
        deployed.faults = [Fault(503, "{}", method="DELETE")]
        status, _, error = typed("schedule", "--cron", "@daily", "--config", config, "--replace")
        assert status == 2 and "look first" in error
        states = [one["status"] for one in deployed.schedules.values()]
        assert states == ["ENABLED", "DISABLED"]
        status, _, error = typed("schedule", "--cron", "@daily", "--config", config)
        assert status == 2 and "There are 2 schedules 'artist-sim'" in error

    def test_it_is_not_replaced_while_a_run_goes_that_the_new_one_would_not_wait_for(
        self, deployed, config, typed
    ):
        typed("schedule", "--cron", CRON, "--config", config)
        run = deployed.add_run(GOING, next(iter(deployed.schedules)))
        before = dict(deployed.schedules)
        status, _, error = typed("schedule", "--cron", "@daily", "--config", config, "--replace")
        assert status == 1 and run["run_id"] in error and deployed.schedules == before

    def test_no_two_are_enabled(self, deployed, config, typed):
        typed("schedule", "--cron", CRON, "--config", config)
        weekly = ["schedule", "--cron", "@weekly", "--name", "weekly", "--config", config]
        status, _, error = typed(*weekly)
        assert status == 1 and f"The schedule 'artist-sim' ({CRON}) is there and enabled" in error
        typed("schedule", "pause")
        assert typed(*weekly)[0] == 0
        status, _, error = typed("schedule", "resume", "artist-sim")
        assert status == 1 and "The schedule 'weekly' (@weekly) is there and enabled" in error
        states = {one["display_name"]: one["status"] for one in deployed.schedules.values()}
        assert states == {"artist-sim": "DISABLED", "weekly": "ENABLED"}

    def test_listed_paused_resumed_deleted(self, deployed, config, typed):
        status, told, _ = typed("schedule", "list")
        assert status == 0 and "There is no schedule of 'artist-sim'; set one:" in told
        typed("schedule", "--cron", CRON, "--config", config, "--span", "7")
        _, told, _ = typed("schedule", "list")
        title, line, note = told.splitlines()
        assert title.split()[:3] == ["schedule", "state", "cron"]
        assert line.startswith(f"artist-sim enabled {CRON} 20") and " 03:30 " in line
        assert names(deployed)[0] in line and note == "artist-sim  span=7"

        run = deployed.add_run(GOING, next(iter(deployed.schedules)))
        status, told, _ = typed("schedule", "pause")
        assert status == 0 and "Schedule 'artist-sim' paused" in told
        assert f"run:   {run['run_id']} goes on" in told
        assert only(deployed.schedules)["status"] == "DISABLED"
        line = typed("schedule", "list")[1].splitlines()[1]
        assert line.startswith(f"artist-sim paused {CRON} – ")

        status, told, _ = typed("schedule", "resume", "artist-sim")
        assert status == 0 and "resumed" in told and ", 03:30 UTC" in told
        assert only(deployed.schedules)["status"] == "ENABLED"

        status, told, _ = typed("schedule", "delete")
        assert status == 0 and "deleted" in told and "2.15 and older" in told
        assert not deployed.schedules
        status, _, error = typed("schedule", "pause")
        assert status == 2 and "There is no schedule;" in error

    def test_which_one_is_meant(self, deployed, config, typed):
        typed("schedule", "--cron", CRON, "--config", config)
        typed("schedule", "pause")
        typed("schedule", "--cron", "@weekly", "--name", "weekly", "--config", config)
        status, _, error = typed("schedule", "delete")
        assert status == 2 and "several schedules, 'artist-sim', 'weekly'; name one." in error
        status, _, error = typed("schedule", "delete", "dayly")
        assert status == 2 and "no schedule 'dayly', but 'artist-sim', 'weekly'" in error
        assert typed("schedule", "delete", "weekly")[0] == 0
        assert only(deployed.schedules)["display_name"] == "artist-sim"

    def test_schedules_that_others_made(self, deployed, config, typed):
        typed("schedule", "--cron", CRON, "--config", config)
        (ours,) = deployed.schedules.values()
        deployed.schedules["theirs"] = ours | {
            "recurring_run_id": "theirs",
            "display_name": "[red]by hand",
            "trigger": {"periodic_schedule": {"interval_second": "3600"}},
            "pipeline_version_reference": {"pipeline_id": next(iter(deployed.pipelines))},
        }
        deployed.schedules["another"] = ours | {
            "recurring_run_id": "another",
            "display_name": "of another pipeline",
            "pipeline_version_reference": {"pipeline_id": "another"},
        }
        _, told, _ = typed("schedule", "list")
        assert "[red]by hand" in told and "of another pipeline" not in told

    def test_what_does_not_go_together(self, server, typed, capsys):
        for words in (["schedule"], ["schedule", "--cron", CRON, "list"]):
            with pytest.raises(SystemExit) as ended:
                typed(*words)
            assert ended.value.code == 2
            assert "error: " in capsys.readouterr().err
        assert not server.requests


class TestRuns:
    def test_states_times_and_reasons_of_all_the_newest_last(self, deployed, config, typed):
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

    def test_a_reason_that_the_list_does_not_have_is_asked_for(self, deployed, typed, monkeypatch):
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

    def test_none(self, deployed, typed):
        status, told, _ = typed("runs")
        assert status == 0 and "There is no run of 'artist-sim' yet" in told


class TestConnection:
    def test_no_host(self, monkeypatch, typed):
        monkeypatch.delenv(HOST_VARIABLE, raising=False)
        status, _, error = typed("runs")
        assert status == 2 and "Give --host, or set KF_PIPELINES_ENDPOINT" in error

    def test_options_before_and_after_a_command_and_in_what_is_to_be_typed_next(
        self, deployed, config, typed, monkeypatch
    ):
        host = deployed.host
        monkeypatch.setenv(HOST_VARIABLE, "http://127.0.0.1:1")
        assert typed("schedule", "--host", host, "list")[0] == 0
        assert typed("schedule", "list", "--host", host)[0] == 0
        _, told, _ = typed("deploy", "--host", host, "--config", config)
        assert f"next:      artist-sim kubeflow run --host {host}\n" in told

    def test_namespace_and_token_go_along_and_the_token_is_never_shown(
        self, server, config, typed, tmp_path
    ):
        secret = "a-secret-token"
        (tmp_path / "token").write_text(secret)
        server.token = secret
        words = ["--namespace", "music", "--token-file", tmp_path / "token"]
        said = ""
        for command in (
            ["deploy", "--config", config],
            ["schedule", "--cron", CRON, "--config", config],
            ["schedule", "list"],
            ["schedule", "pause"],
            ["run"],
            ["runs"],
        ):
            status, told, error = typed(*command, *words)
            assert status == 0
            said += told + error
        assert secret not in said and f"--token-file {tmp_path / 'token'}" in said
        assert only(server.pipelines)["namespace"] == "music"
        assert only(server.experiments)["namespace"] == "music"
        lists = [one for one in server.sent("GET") if not one.path.endswith("versions")]
        asked = {one.path for one in lists if one.query.get("namespace") == "music"}
        assert asked >= {
            f"/apis/v2beta1/{path}"
            for path in ("pipelines/names/artist-sim", "experiments", "runs", "recurringruns")
        }

    @pytest.mark.parametrize(
        "command", [["run"], ["runs"], ["schedule", "list"], ["schedule", "pause"]]
    )
    @pytest.mark.parametrize(
        "fault",
        [
            Fault(401, '{"message": "no"}'),
            Fault(403, '{"message": "no"}'),
            Fault(404, "<html>", "text/html"),
            Fault(200, "<html>", "text/html"),
            Fault(200, "{}"),
            Fault(400, '{"message": "no"}'),
        ],
        ids=lambda fault: f"{fault.status}-{fault.body[:3]}",
    )
    def test_every_failure_is_one_sentence(self, deployed, typed, command, fault):
        deployed.faults = [Fault(fault.status, fault.body, fault.content_type, times=99)]
        status, told, error = typed(*command)
        assert status == 2 and told == "" and error


def test_the_command_line_starts_without_what_is_slow(config):
    words = ["-X", "importtime", "-m", "pipeline.command_line", "kubeflow", "schedule", "--help"]
    ended = subprocess.run(
        [sys.executable, *words], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & {"kfp", "tfx", "tensorflow", "httpx", "croniter", "rich", "numpy"}
    assert '"0 30 3 * * *"' in ended.stdout and "--ca-file" in ended.stdout


def test_the_names_of_parameters_are_those_of_the_first_step():
    from pipeline import kubeflow_asking, run_parameters

    names = (run_parameters.SPAN, run_parameters.GATE_FLOOR, run_parameters.OVERRIDES)
    assert names == kubeflow_asking._PARAMETERS


def test_the_server_of_these_tests_is_held_against_the_real_description(
    real_data, server, config, other, typed
):
    """All commands once, with the description there for certain."""
    assert (real_data / SWAGGER).is_file() and server._swagger is not None
    for command in (
        ["deploy", "--config", config],
        ["schedule", "--cron", CRON, "--config", config],
        ["schedule", "--cron", "@daily", "--config", other, "--replace"],
        ["schedule", "list"],
        ["schedule", "pause"],
        ["schedule", "resume"],
        ["schedule", "delete"],
        ["run"],
        ["runs"],
    ):
        assert typed(*command)[0] == 0, command
    kinds = {
        server._swagger.operation(one.method, one.path)[0]["operationId"] for one in server.requests
    }
    assert len(kinds) == 14, sorted(kinds)
    assert not server.complaints


def test_the_description_finds_faults(real_data):
    swagger = Swagger(real_data / SWAGGER)
    runs = "/apis/v2beta1/runs"
    swagger.check_request("POST", runs, [], {"display_name": "x"}, [])
    for wrong in (
        ("POST", runs, [], {"name": "x"}, []),
        ("POST", runs, [], None, []),
        ("POST", runs, [("page_size", "1")], {}, []),
        ("GET", runs, [("page_size", "many")], None, []),
        ("GET", runs, [], {}, []),
        ("GET", "/apis/v2beta1/jobs", [], None, []),
        ("POST", "/apis/v2beta1/pipelines/upload_version", [], None, []),
        ("DELETE", "/apis/v2beta1/recurringruns/x", [("propagation_policy", "X")], None, []),
    ):
        with pytest.raises(Exception):  # noqa: B017 (of two libraries)
            swagger.check_request(*wrong)
    with pytest.raises(Exception):  # noqa: B017
        swagger.check_answer("GET", runs, 200, {"runs": [{"id": "x"}]})
