"""Which cluster is asked, by whom, and what a person is told where it does not answer."""

from __future__ import annotations

import pytest

from pipeline.kubeflow_asking import HOST_VARIABLE
from tests.pipeline.kubeflow_remote.cluster import CRON, only
from tests.pipeline.kubeflow_server import Fault


def test_no_host(monkeypatch, typed):
    monkeypatch.delenv(HOST_VARIABLE, raising=False)
    status, _, error = typed("runs")
    assert status == 2 and "Give --host, or set KF_PIPELINES_ENDPOINT" in error


def test_options_before_and_after_a_command_and_in_what_is_to_be_typed_next(
    deployed, config, typed, monkeypatch
):
    host = deployed.host
    monkeypatch.setenv(HOST_VARIABLE, "http://127.0.0.1:1")
    assert typed("schedule", "--host", host, "list")[0] == 0
    assert typed("schedule", "list", "--host", host)[0] == 0
    _, told, _ = typed("deploy", "--host", host, "--config", config)
    assert f"next:      artist-sim kubeflow run --host {host}\n" in told


def test_namespace_and_token_go_along_and_the_token_is_never_shown(server, config, typed, tmp_path):
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
def test_every_failure_is_one_sentence(deployed, typed, command, fault):
    deployed.faults = [Fault(fault.status, fault.body, fault.content_type, times=99)]
    status, told, error = typed(*command)
    assert status == 2 and told == "" and error
