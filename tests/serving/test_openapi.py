"""The embedded server's REST API against its own description, by its routes and by fuzzing.

By hand, with many more examples, against `artist-sim serve`: `schemathesis --config-file
tests/serving/schemathesis.toml run -n 2000 http://127.0.0.1:8501/openapi.json`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import given, settings

from serving.embedded.authorisation import Authorisation
from serving.embedded.description import describe
from serving.embedded.limits import Limits
from serving.embedded.metrics import Metrics
from serving.embedded.predictor import Predictor
from serving.embedded.rest import RestApi
from serving.embedded.versions import Versions
from tests.serving.running_server import RunningServer

CONFIG = Path(__file__).with_name("schemathesis.toml")
TOKEN = {"Authorization": "Bearer seven seas"}


def test_every_route_is_described_and_nothing_else(tmp_path: Path):
    limits = Limits()
    predictor = Predictor("artist_sim", Versions(tmp_path), limits, Metrics(), 1)
    application = RestApi(predictor, Authorisation()).application()
    predictor.close()
    routes = {
        (route.resource.canonical, route.method.lower())
        for route in application.router.routes()
        # HEAD comes with every GET; the last route says what there is instead.
        if route.method not in ("HEAD", "*")
    }
    # The explorer's page, which is no API.
    routes = {(path, how) for path, how in routes if not path.startswith("/explorer/static")}
    routes.discard(("/", "get"))
    described = {
        (path, how)
        for path, item in describe("artist_sim", limits, False)["paths"].items()
        for how in item
        if how != "parameters"
    }
    assert routes == described


def test_the_description_has_the_servers_own_name_limits_and_token():
    limits = Limits(body=123, batch=7, k=3)
    open_to_all = describe("other", limits, False)
    assert {} in open_to_all["security"]
    found = describe("other", limits, True)
    assert found["security"] == [{"bearer": []}]
    parts = found["components"]
    assert parts["parameters"]["model"]["schema"]["enum"] == ["other"]
    assert "123" in parts["responses"]["Large"]["description"]
    request = {"$ref": "#/components/schemas/PredictRequest", "components": parts}
    allowed = jsonschema.Draft202012Validator(request)

    def similar(rows: int, k: int) -> dict[str, Any]:
        return {"signature_name": "similar", "inputs": {"artist_id": ["a"] * rows, "k": k}}

    assert allowed.is_valid(similar(7, 3))
    assert not allowed.is_valid(similar(8, 3))
    assert not allowed.is_valid(similar(7, 4))
    assert allowed.is_valid({"instances": ["a"] * 7})
    assert not allowed.is_valid({"instances": ["a"] * 8})
    assert not allowed.is_valid({"instances": ["a"], "inputs": ["a"]})


@pytest.fixture(scope="module")
def guarded(pushed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that wants a token, so that it is fuzzed too who may ask."""
    log = tmp_path_factory.mktemp("guarded") / "log.txt"
    options = ("--max-k", "5", "--max-batch", "64", "--max-body", "1")
    environment = {"ARTIST_SIM_TOKEN": "seven seas"}
    with RunningServer(pushed.parent, log, options, environment) as server:
        yield server
        assert "Traceback" not in server.log()
        assert server.stop() == 0


def test_fuzzed_requests_are_answered_as_the_description_says(guarded: RunningServer, tmp_path):
    assert guarded.address.get("/openapi.json").status_code == 401
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG)]
    command += ["run", guarded.address.url("/openapi.json")]
    command += ["--header", f"Authorization: {TOKEN['Authorization']}", "--max-examples", "12"]
    command += ["--generation-deterministic", "--no-color"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr


def without_point(case: schemathesis.Case) -> bool:
    """JSON Schema takes 3.0 for an integer, TF Serving does not."""
    inputs = case.body.get("inputs")
    return not (isinstance(inputs, dict) and isinstance(inputs.get("k"), float))


def test_what_the_description_allows_is_accepted(guarded: RunningServer):
    described = guarded.address.get("/openapi.json", headers=TOKEN).json()
    forms = described["components"]["schemas"]["PredictRequest"]["anyOf"]
    # What other signatures take is the model's business, and said by the metadata.
    forms[:] = [form for form in forms if not form["title"].startswith("Another signature")]
    assert len(forms) == 3
    api = schemathesis.openapi.from_dict(described)
    api.config.update(base_url=guarded.address.url(""))

    @settings(max_examples=30, deadline=None, derandomize=True, database=None)
    @given(api["/v1/models/{model}:predict"]["POST"].as_strategy().filter(without_point))
    def accepted(case: schemathesis.Case) -> None:
        answer = case.call(headers=TOKEN)
        assert answer.status_code == 200, answer.text
        case.validate_response(answer)

    accepted()
