"""`artist-sim kubeflow deploy`."""

from __future__ import annotations

import yaml

from pipeline.kubeflow_runner import version_name
from tests.pipeline.kubeflow_remote.cluster import CRON, names
from tests.pipeline.kubeflow_server import Fault


def test_first_the_pipeline_then_versions_and_the_same_one_never_twice(
    server, config, other, typed, package
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


def test_a_name_is_that_of_the_product_and_of_what_is_in_the_package(package):
    assert version_name(package) == version_name(package)
    product, _, digest = version_name(package).partition("-")
    assert product == "0.1.0" and len(digest) == 12
    assert version_name(package + " ") != version_name(package)


def test_no_step_of_what_is_uploaded_is_answered_from_the_cache(package):
    spec = next(yaml.safe_load_all(package))
    tasks = spec["root"]["dag"]["tasks"].values()
    assert tasks and not any(t.get("cachingOptions", {}).get("enableCache") for t in tasks)


def test_two_at_the_same_time(server, config, typed, package):
    # The other one was quicker between the look and the request, twice.
    late = Fault(404, '{"message": "no"}', method="GET", path="/names/")
    taken = Fault(409, '{"message": "exists"}', method="POST", done=True, times=2)
    server.faults = [late, taken]
    status, told, _ = typed("deploy", "--config", config)
    assert status == 0 and "is there already" in told
    assert names(server) == [version_name(package)]


def test_a_cluster_that_says_no_is_told_before_anything_is_compiled(
    server, config, typed, monkeypatch
):
    monkeypatch.setattr("pipeline.kubeflow_runner.compile_package", None)
    server.token = "another"
    status, _, error = typed("deploy", "--config", config)
    assert status == 2 and "asks who you are" in error
    assert not server.sent("POST")


def test_a_configuration_that_cannot_be_deployed(server, typed):
    status, _, error = typed("deploy")
    assert status == 2 and "has no section `kubeflow`" in error
    assert not server.requests


def test_it_tells_what_schedules_run(deployed, config, other, typed):
    words = ["--cron", CRON, "--span", "2026-01-31", "--service-account", "runner"]
    assert typed("schedule", *words, "--config", config)[0] == 0
    _, told, _ = typed("deploy", "--config", other)
    assert f"schedule:  'artist-sim' ({CRON}) runs {names(deployed)[0]}" in told
    command = told.splitlines()[-1].strip()
    assert command == (
        f"artist-sim kubeflow schedule --cron '{CRON}' --name artist-sim --config {other} "
        "--span 2026-01-31 --service-account runner --replace"
    )
