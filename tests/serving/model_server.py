"""TensorFlow Serving's two interfaces over SavedModels in this process; they fail when told to."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

DECODED = np.vectorize(bytes.decode, otypes=[object])
HTTP_STATUS = {"UNAVAILABLE": 503, "INVALID_ARGUMENT": 400, "NOT_FOUND": 404}


class Refusal(Exception):
    """A status, as (its name, what is said with it)."""


class ModelServer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Serves versions of a model until it is closed.

    Attributes:
      faults: what the next requests are refused with, one each.
      delay: seconds before an answer.
      asked: of each request: the interface, what was asked (a signature, or "metadata"), the
        version, and the authorization.
    """

    def __init__(self, versions: dict[int, Path], name: str = "artist_sim"):
        self.name = name
        self.faults: deque[tuple[str, str]] = deque()
        self.delay = 0.0
        self.asked: list[tuple[str, str, int | None, str | None]] = []
        self._models: dict[int, tuple[Any, Any]] = {}
        for version, path in versions.items():
            self.push(version, path)
        self.address = "127.0.0.1:0"
        self.open_grpc()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.rest_address = f"127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def push(self, version: int, path: Path) -> None:
        file = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        self._models[version] = (tf.saved_model.load(str(path)), file.meta_graphs[0].signature_def)

    def withdraw(self, version: int) -> None:
        del self._models[version]

    def open_grpc(self, credentials: grpc.ServerCredentials | None = None) -> None:
        """Listens at its address; a port of 0 becomes a free one."""
        self._grpc = grpc.server(futures.ThreadPoolExecutor(8))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(self, self._grpc)
        port = (
            self._grpc.add_secure_port(self.address, credentials)
            if credentials
            else self._grpc.add_insecure_port(self.address)
        )
        self.address = f"{self.address.partition(':')[0]}:{port}"
        self._grpc.start()

    def close_grpc(self) -> None:
        self._grpc.stop(None).wait()

    def close(self) -> None:
        self.close_grpc()
        self._http.shutdown()
        self._http.server_close()

    def _answer(self, how, name, what, version, authorization):
        """The model that answers; raises the next fault."""
        self.asked.append((how, what, version, authorization))
        time.sleep(self.delay)
        if self.faults:
            raise Refusal(*self.faults.popleft())
        chosen = max(self._models) if version is None else version
        if name != self.name or chosen not in self._models:
            raise Refusal(
                "NOT_FOUND", f"Servable not found for request: Specific({name}, {chosen})"
            )
        return chosen, *self._models[chosen]

    # gRPC

    def Predict(self, request, context):  # noqa: N802
        try:
            chosen, model, signatures = self._answer_grpc(
                request, request.model_spec.signature_name, context
            )
            inputs = {key: tf.make_ndarray(tensor) for key, tensor in request.inputs.items()}
            outputs = run(model, signatures, request.model_spec.signature_name, inputs)
        except Refusal as refusal:
            context.abort(grpc.StatusCode[refusal.args[0]], refusal.args[1])
        response = predict_pb2.PredictResponse()
        response.model_spec.name, response.model_spec.version.value = self.name, chosen
        for key, tensor in outputs.items():
            response.outputs[key].CopyFrom(as_proto_field(tensor))
        return response

    def GetModelMetadata(self, request, context):  # noqa: N802
        try:
            chosen, _, signatures = self._answer_grpc(request, "metadata", context)
        except Refusal as refusal:
            context.abort(grpc.StatusCode[refusal.args[0]], refusal.args[1])
        assert list(request.metadata_field) == ["signature_def"]
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name, response.model_spec.version.value = self.name, chosen
        response.metadata["signature_def"].Pack(
            get_model_metadata_pb2.SignatureDefMap(signature_def=signatures)
        )
        return response

    def _answer_grpc(self, request, what, context):
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        authorization = dict(context.invocation_metadata()).get("authorization")
        return self._answer("grpc", spec.name, what, version, authorization)

    # REST

    def _handler(server):  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # noqa: N802
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.reply("predict", body.pop("signature_name"), body)

            def do_GET(self):  # noqa: N802
                self.reply("metadata", "metadata", None)

            def reply(self, verb, what, body):
                path = r"/v1/models/([^/:]+)(?:/versions/(\d+))?[/:](predict|metadata)"
                name, version, asked = re.fullmatch(path, self.path).groups()
                assert asked == verb
                status = 200
                try:
                    chosen, model, signatures = server._answer(
                        "rest", name, what, version and int(version), self.headers["Authorization"]
                    )
                    answer = (
                        server._metadata(chosen, signatures)
                        if body is None
                        else {"outputs": run_json(model, signatures, what, body["inputs"])}
                    )
                except Refusal as refusal:
                    code, said = refusal.args
                    status = HTTP_STATUS[code] if code in HTTP_STATUS else int(code)
                    answer = {"error": said}
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        return Handler

    def _metadata(self, chosen, signatures):
        signature_def = json_format.MessageToDict(
            get_model_metadata_pb2.SignatureDefMap(signature_def=signatures),
            including_default_value_fields=True,
            preserving_proto_field_name=True,
        )
        return {
            "model_spec": {"name": self.name, "signature_name": "", "version": str(chosen)},
            "metadata": {"signature_def": signature_def},
        }


def run(model, signatures, name, inputs):
    if name not in model.signatures:
        raise Refusal("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
    expected = signatures[name].inputs
    if set(inputs) != set(expected):
        raise Refusal("INVALID_ARGUMENT", "input size does not match signature")
    try:
        tensors = {
            key: tf.constant(value, tf.as_dtype(expected[key].dtype))
            for key, value in inputs.items()
        }
        return model.signatures[name](**tensors)
    except (tf.errors.InvalidArgumentError, TypeError, ValueError) as error:
        # TensorFlow Serving has no lines of Python before an assertion's.
        lines = str(error).splitlines()
        said = next((line for line in lines if line.startswith("assertion failed")), str(error))
        raise Refusal("INVALID_ARGUMENT", said) from error


def run_json(model, signatures, name, inputs):
    def listed(array):
        return (DECODED(array) if array.dtype == object else array).tolist()

    outputs = run(model, signatures, name, inputs)
    return {key: listed(tensor.numpy()) for key, tensor in outputs.items()}


def as_proto_field(tensor):
    """As TensorFlow Serving writes its answers: values in the field of their type."""
    proto = tf.make_tensor_proto([], tensor.dtype, [0])
    proto.tensor_shape.CopyFrom(tensor.shape.as_proto())
    proto.ClearField("tensor_content")
    field = {
        tf.float32: proto.float_val,
        tf.int64: proto.int64_val,
        tf.bool: proto.bool_val,
        tf.string: proto.string_val,
    }[tensor.dtype]
    field.extend(np.asarray(tensor.numpy()).ravel().tolist())
    return proto
