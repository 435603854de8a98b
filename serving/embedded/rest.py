"""TF Serving's REST API."""

from __future__ import annotations

import functools
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import numpy as np
from aiohttp import HttpVersion11, web
from google.protobuf import json_format
from google.protobuf.message import Message
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from serving.embedded import json_tensors
from serving.embedded.asking import refuse_method
from serving.embedded.authorisation import Authorisation
from serving.embedded.bodies import read_body, too_large
from serving.embedded.description import describe
from serving.embedded.metrics import CONTENT_TYPE
from serving.embedded.model_info import model_metadata, model_status
from serving.embedded.predictor import Predictor
from serving.embedded.servable import Servable, Signature
from serving.embedded.status import (
    CANCELLED,
    INTERNAL,
    INVALID_ARGUMENT,
    NOT_FOUND,
    Refused,
)
from serving.explorer.api import ExplorerApi
from serving.explorer.pages import Pages, is_page

_log = logging.getLogger("artist_sim.serve")

_MODEL: Final = "/v1/models/{model:[^/:]+}"
_VERSION: Final = _MODEL + "/versions/{version:[0-9]+}"
_LABEL: Final = re.compile(r"/v1/models/[^/:]+/labels/(?P<label>[^/:]+)(/metadata|:[a-z]+)?")
_METHODS: Final = ("predict", "classify", "regress")
_MOST_VERSION: Final = 2**63 - 1

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RestApi:
    """Routes: the models', the explorer's, `/healthz`, `/metrics`, and `/openapi.json` of them.

    Args:
      predictor: that answers.
      authorisation: of those who ask.
    """

    def __init__(self, predictor: Predictor, authorisation: Authorisation):
        self._predictor, self._authorisation = predictor, authorisation
        described = describe(predictor.name, predictor.limits, authorisation.needed)
        self._description = json.dumps(described)

    def application(self) -> web.Application:
        """The aiohttp application."""
        # One byte more than the limit is read, so that the sentence is ours.
        app = web.Application(
            client_max_size=self._predictor.limits.body, middlewares=[self._answered]
        )
        add = functools.partial(app.router.add_route, expect_handler=_continue)
        for method in ("GET", "HEAD"):
            add(method, "/healthz", self._healthz)
            add(method, "/metrics", self._metrics)
            add(method, "/openapi.json", self._openapi)
            for path in (_MODEL, _VERSION):
                add(method, path, self._status)
                add(method, path + "/metadata", self._metadata)
        for path in (_MODEL, _VERSION):
            for method in _METHODS:
                add("POST", f"{path}:{method}", self._infer)
        Pages().add_to(app)
        ExplorerApi(self._predictor).add_to(app)
        add("*", "/{path:(?s:.*)}", self._nothing)
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
            answer = _refusal(too_large(self._predictor.limits.body))
        except ConnectionError:
            # The client has gone; the answer is counted, and nobody's.
            answer = _refusal(Refused(CANCELLED, "The connection was lost."))
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

    async def _openapi(self, request: web.Request) -> web.Response:
        request["asked"] = "openapi"
        return web.Response(text=self._description, content_type="application/json")

    async def _nothing(self, request: web.Request) -> web.Response:
        """Says what is wrong with a path, or with a method, that no route has."""
        if request.path.startswith("/v1/"):
            # As TF Serving: 400, whichever of the two it is.
            label = _LABEL.fullmatch(request.path)
            if label:
                raise Refused(
                    INVALID_ARGUMENT, f"Unrecognized servable version label: {label['label']}"
                )
            raise Refused(INVALID_ARGUMENT, f"Malformed request: {request.method} {request.path}")
        allowed: set[str] = set()
        for resource in request.app.router.resources():
            allowed |= (await resource.resolve(request))[1]
        allowed.discard("*")
        if allowed:
            refused = Refused(
                INVALID_ARGUMENT,
                f"{request.path} is asked by {' or '.join(sorted(allowed))}.",
                http=405,
            )
            answer = _refusal(refused)
            answer.headers["Allow"] = ", ".join(sorted(allowed))
            return answer
        raise Refused(NOT_FOUND, f"There is nothing at {request.path}; models are at /v1/models/.")

    async def _status(self, request: web.Request) -> web.Response:
        request["asked"] = "status"
        asked = get_model_status_pb2.GetModelStatusRequest()
        asked.model_spec.name = _model(request)
        version = _version(request)
        if version is not None:
            asked.model_spec.version.value = version
        return web.json_response(_as_json(model_status(self._predictor, asked)))

    async def _metadata(self, request: web.Request) -> web.Response:
        request["asked"] = "metadata"
        asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        asked.model_spec.name = _model(request)
        version = _version(request)
        if version is not None:
            asked.model_spec.version.value = version
        answer = _as_json(model_metadata(self._predictor, asked))
        # TF Serving writes what the fields hold, and not its type.
        for field in answer["metadata"].values():
            del field["@type"]
        return web.json_response(answer)

    async def _infer(self, request: web.Request) -> web.Response:
        method = request["asked"] = request.path.rpartition(":")[2]
        name, version = _model(request), _version(request)
        self._predictor.check_model(name, version)
        asked = await read_body(request, self._predictor.limits)
        given = json_tensors.parse_request(asked)
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

        body = await self._predictor.predict(
            name, version, signature_name, read, write, num_bytes=len(asked)
        )
        return web.Response(body=body, content_type="application/json")


async def _continue(request: web.Request) -> None:
    # Other expectations are passed over, as HTTP allows; aiohttp refuses them, not in JSON.
    awaited = request.headers["Expect"].lower() == "100-continue"
    if awaited and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # aiohttp takes it for the beginning of the answer.
        request.writer.output_size = 0


def _model(request: web.Request) -> str:
    return request.match_info["model"]


def _version(request: web.Request) -> int | None:
    version = request.match_info.get("version")
    if version is None:
        return None
    # Python refuses to read thousands of digits.
    if len(version) > 1000 or int(version) > _MOST_VERSION:
        raise Refused(INVALID_ARGUMENT, "The version is no 64-bit number.")
    return int(version)


def _as_json(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json_format.MessageToDict(
        message, preserving_proto_field_name=True, including_default_value_fields=True
    )
    return found


def _refusal(error: Refused) -> web.Response:
    return web.json_response({"error": error.message}, status=error.http)
