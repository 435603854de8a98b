"""The server of these tests, and what holds it against the public description of the interface."""

from __future__ import annotations

import pytest

from tests.pipeline.kubeflow_remote.cluster import CRON, SWAGGER
from tests.pipeline.swagger import Swagger


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
