"""TF Serving's REST API."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import numpy as np
from aiohttp import web
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from serving.embedded import json_tensors
from serving.embedded.authorisation import Authorisation
from serving.embedded.metrics import CONTENT_TYPE
from serving.embedded.model_info import model_metadata, model_status
from serving.embedded.predictor import Predictor, Servable, Signature, refuse_method
from serving.embedded.status import (
    INTERNAL,
    INVALID_ARGUMENT,
    NOT_FOUND,
    Refused,
)
from serving.explorer.api import ExplorerApi
from serving.explorer.pages import Pages, is_page

_log = logging.getLogger("artist_sim.serve")

_MODEL: Final = re.compile(
    r"/v1/models/(?P<name>[^/:]+)"
    r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
    r"(?P<rest>/metadata|:[a-z]+)?"
)
_METHODS: Final = ("predict", "classify", "regress")
_MOST_VERSION: Final = 2**63 - 1

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RestApi:
    """Routes: the models', the explorer's, `/healthz` and `/metrics`.

    Args:
      predictor: that answers.
      authorisation: of those who ask.
    """

    def __init__(self, predictor: Predictor, authorisation: Authorisation):
        self._predictor, self._authorisation = predictor, authorisation

    def application(self) -> web.Application:
        """The aiohttp application."""
        # One byte more than the limit is read, so that the sentence is ours.
        app = web.Application(
            client_max_size=self._predictor.limits.body, middlewares=[self._answered]
        )
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._metrics)
        Pages().add_to(app)
        ExplorerApi(self._predictor).add_to(app)
        app.router.add_route("*", "/{path:.*}", self._model)
        return app

    @web.middleware
    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turns what goes wrong into an answer, and counts."""
        begun = time.perf_counter()
        request["asked"] = "other"
        try:
            if request.path != "/healthz" and not is_page(request.path):
                self._authorisation.check(request.headers.get("Authorization"))
            answer = await handler(request)
        except Refused as error:
            answer = _refusal(error)
        except web.HTTPRequestEntityTooLarge:
            body = self._predictor.limits.body
            answer = _refusal(
                Refused(INVALID_ARGUMENT, f"The body has more than {body} bytes.", http=413)
            )
        except web.HTTPException as error:
            answer = _refusal(Refused(INVALID_ARGUMENT, error.reason, http=error.status))
        except Exception:
            # A defect of the server: the log has it, the client gets no inner matters.
            _log.exception("a request failed")
            answer = _refusal(Refused(INTERNAL, "The server failed on this request."))
        metrics, asked = self._predictor.metrics, request["asked"]
        metrics.requests.labels("rest", asked, str(answer.status)).inc()
        metrics.latency.labels("rest", asked).observe(time.perf_counter() - begun)
        return answer

    async def _healthz(self, request: web.Request) -> web.Response:
        request["asked"] = "healthz"
        version = self._predictor.versions.current
        if version is None:
            return web.json_response({"status": "no model is loaded"}, status=503)
        return web.json_response({"status": "ok", "version": str(version)})

    async def _metrics(self, request: web.Request) -> web.Response:
        request["asked"] = "metrics"
        page = self._predictor.metrics.page()
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE})

    async def _model(self, request: web.Request) -> web.Response:
        if not request.path.startswith("/v1/"):
            raise Refused(
                NOT_FOUND, f"There is nothing at {request.path}; models are at /v1/models/."
            )
        found = _MODEL.fullmatch(request.path)
        rest = found["rest"] if found else None
        if found is None:
            raise _malformed(request)
        version = _version(found["version"], found["label"])
        name = found["name"]
        if request.method == "GET" and rest is None:
            request["asked"] = "status"
            return self._status(name, version)
        if request.method == "GET" and rest == "/metadata":
            request["asked"] = "metadata"
            return self._metadata(name, version)
        if request.method == "POST" and rest is not None and rest[1:] in _METHODS:
            request["asked"] = rest[1:]
            return await self._infer(request, name, version, rest[1:])
        raise _malformed(request)

    def _status(self, name: str, version: int | None) -> web.Response:
        asked = get_model_status_pb2.GetModelStatusRequest()
        asked.model_spec.name = name
        if version is not None:
            asked.model_spec.version.value = version
        return _message(model_status(self._predictor, asked))

    def _metadata(self, name: str, version: int | None) -> web.Response:
        asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        asked.model_spec.name = name
        if version is not None:
            asked.model_spec.version.value = version
        return _message(model_metadata(self._predictor, asked))

    async def _infer(
        self, request: web.Request, name: str, version: int | None, method: str
    ) -> web.Response:
        self._predictor.check_model(name, version)
        given = json_tensors.parse_request(await request.read())
        signature_name = given.get("signature_name", "")
        if not isinstance(signature_name, str):
            raise Refused(INVALID_ARGUMENT, "'signature_name' must be a string.")
        if method != "predict":
            with self._predictor.servable(name, version) as servable:
                raise refuse_method(servable, signature_name, method)
        by_row = "instances" in given

        def read(signature: Signature) -> Mapping[str, np.ndarray]:
            return json_tensors.read_inputs(given, signature)

        def write(servable: Servable, outputs: Mapping[str, np.ndarray]) -> bytes:
            return json_tensors.write_outputs(outputs, by_row)

        body = await self._predictor.predict(name, version, signature_name, read, write)
        return web.Response(body=body, content_type="application/json")


def _version(version: str | None, label: str | None) -> int | None:
    if label is not None:
        raise Refused(INVALID_ARGUMENT, f"Unrecognized servable version label: {label}")
    if version is None:
        return None
    if int(version) > _MOST_VERSION:
        raise Refused(INVALID_ARGUMENT, "The version is no 64-bit number.")
    return int(version)


def _malformed(request: web.Request) -> Refused:
    return Refused(INVALID_ARGUMENT, f"Malformed request: {request.method} {request.path}")


def _message(message: Any) -> web.Response:
    body = json_format.MessageToJson(
        message, preserving_proto_field_name=True, including_default_value_fields=True
    )
    return web.Response(text=body, content_type="application/json")


def _refusal(error: Refused) -> web.Response:
    return web.json_response({"error": error.message}, status=error.http)
