"""`artist-sim kubeflow schedule`."""

from __future__ import annotations

import pytest

from tests.pipeline.kubeflow_remote.cluster import CRON, names, only
from tests.pipeline.kubeflow_server import GOING, Fault


def test_it_is_set_so_that_it_retrains_once_at_a_time(server, config, typed):
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


def test_five_fields_are_sent_as_six(server, config, typed):
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
def test_mistakes_change_nothing(server, config, typed, words):
    status, _, error = typed("schedule", *words, "--config", config)
    assert status == 2 and error
    assert not server.sent("POST")
    if "25" in words[1]:
        assert not server.requests


def test_one_that_is_there_is_not_replaced_in_silence(deployed, config, other, typed):
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


def test_the_same_again_changes_nothing(deployed, config, typed):
    typed("schedule", "--cron", CRON, "--config", config)
    changes = len(deployed.sent("POST"))
    for words in ([], ["--replace"]):
        status, told, _ = typed("schedule", "--cron", CRON, "--config", config, *words)
        assert status == 0 and "is there already, just so; nothing was changed" in told
    typed("schedule", "pause")
    status, told, _ = typed("schedule", "--cron", CRON, "--config", config)
    assert status == 0 and "just so, but paused" in told
    assert len(deployed.sent("POST")) == changes + 1


def test_a_replacement_that_is_broken_off_leaves_one_that_can_start_runs(deployed, config, typed):
    typed("schedule", "--cron", CRON, "--config", config)
    deployed.faults = [Fault(503, "{}", method="DELETE")]
    status, _, error = typed("schedule", "--cron", "@daily", "--config", config, "--replace")
    assert status == 2 and "look first" in error
    states = [one["status"] for one in deployed.schedules.values()]
    assert states == ["ENABLED", "DISABLED"]
    status, _, error = typed("schedule", "--cron", "@daily", "--config", config)
    assert status == 2 and "There are 2 schedules 'artist-sim'" in error


def test_it_is_not_replaced_while_a_run_goes_that_the_new_one_would_not_wait_for(
    deployed, config, typed
):
    typed("schedule", "--cron", CRON, "--config", config)
    run = deployed.add_run(GOING, next(iter(deployed.schedules)))
    before = dict(deployed.schedules)
    status, _, error = typed("schedule", "--cron", "@daily", "--config", config, "--replace")
    assert status == 1 and run["run_id"] in error and deployed.schedules == before


def test_no_two_are_enabled(deployed, config, typed):
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


def test_listed_paused_resumed_deleted(deployed, config, typed):
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


def test_which_one_is_meant(deployed, config, typed):
    typed("schedule", "--cron", CRON, "--config", config)
    typed("schedule", "pause")
    typed("schedule", "--cron", "@weekly", "--name", "weekly", "--config", config)
    status, _, error = typed("schedule", "delete")
    assert status == 2 and "several schedules, 'artist-sim', 'weekly'; name one." in error
    status, _, error = typed("schedule", "delete", "dayly")
    assert status == 2 and "no schedule 'dayly', but 'artist-sim', 'weekly'" in error
    assert typed("schedule", "delete", "weekly")[0] == 0
    assert only(deployed.schedules)["display_name"] == "artist-sim"


def test_schedules_that_others_made(deployed, config, typed):
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


def test_what_does_not_go_together(server, typed, capsys):
    for words in (["schedule"], ["schedule", "--cron", CRON, "list"]):
        with pytest.raises(SystemExit) as ended:
            typed(*words)
        assert ended.value.code == 2
        assert "error: " in capsys.readouterr().err
    assert not server.requests
