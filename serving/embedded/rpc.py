"""TF Serving's gRPC services."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError, Message
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.embedded.asking import refuse_method
from serving.embedded.authorisation import Authorisation
from serving.embedded.json_tensors import check_names, check_shape
from serving.embedded.model_info import asked_version, model_metadata, model_status
from serving.embedded.predictor import Predictor
from serving.embedded.servable import Input, Servable, Signature
from serving.embedded.status import (
    CANCELLED,
    DEADLINE_EXCEEDED,
    INTERNAL,
    INVALID_ARGUMENT,
    OK,
    Refused,
)

_log = logging.getLogger("artist_sim.serve")

PREDICTION: Final = "tensorflow.serving.PredictionService"
MODEL: Final = "tensorflow.serving.ModelService"

Answer = Callable[[Any, grpc.aio.ServicerContext], Awaitable[Message]]


class GrpcApi:
    """PredictionService and ModelService; what is not supported answers UNIMPLEMENTED.

    Args:
      predictor: that answers.
      authorisation: of those who ask.
    """

    def __init__(self, predictor: Predictor, authorisation: Authorisation):
        self._predictor, self._authorisation = predictor, authorisation

    def add_to(self, server: grpc.aio.Server) -> None:
        """Registers the services."""
        prediction = {
            "Predict": self._method("predict", predict_pb2.PredictRequest, self._predict),
            "Classify": self._method(
                "classify", classification_pb2.ClassificationRequest, self._refuse("classify")
            ),
            "Regress": self._method(
                "regress", regression_pb2.RegressionRequest, self._refuse("regress")
            ),
            "GetModelMetadata": self._method(
                "metadata", get_model_metadata_pb2.GetModelMetadataRequest, self._metadata
            ),
        }
        model = {
            "GetModelStatus": self._method(
                "status", get_model_status_pb2.GetModelStatusRequest, self._status
            )
        }
        server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(PREDICTION, prediction),
                grpc.method_handlers_generic_handler(MODEL, model),
            )
        )

    def _method(self, asked: str, kind: type[Message], answer: Answer) -> grpc.RpcMethodHandler:
        # Bytes come in here, not messages: what is no message gets a status, and no stack trace
        # in the log.
        async def handle(body: bytes, context: grpc.aio.ServicerContext) -> bytes:
            begun, code, reply = time.perf_counter(), OK, b""
            try:
                headers = dict(context.invocation_metadata() or ())
                self._authorisation.check(headers.get("authorization"))
                try:
                    request = kind.FromString(body)
                except DecodeError:
                    # What gRPC in C++ answers, and so TF Serving.
                    raise Refused(INTERNAL, f"The request is no {kind.__name__}.") from None
                reply = (await answer(request, context)).SerializeToString()
            except Refused as error:
                code, message = error.code, error.message
            except asyncio.CancelledError:
                # Nobody waits for the answer any more; it is counted, as a lost connection by REST.
                late = context.time_remaining() == 0
                code = DEADLINE_EXCEEDED if late else CANCELLED
                raise
            except Exception:
                _log.exception("a request failed")
                code, message = INTERNAL, "The server failed on this request."
            finally:
                metrics = self._predictor.metrics
                metrics.requests.labels("grpc", asked, code.name).inc()
                metrics.latency.labels("grpc", asked).observe(time.perf_counter() - begun)
            if code is not OK:
                await context.abort(code, message)
            return reply

        return grpc.unary_unary_rpc_method_handler(handle)

    async def _predict(
        self, request: predict_pb2.PredictRequest, context: grpc.aio.ServicerContext
    ) -> Message:
        _check_spec(request)
        most = self._predictor.limits.body

        def read(signature: Signature) -> Mapping[str, np.ndarray]:
            check_names(request.inputs, signature)
            return {
                name: from_proto(request.inputs[name], wanted, name, most)
                for name, wanted in signature.inputs.items()
            }

        def write(servable: Servable, outputs: Mapping[str, np.ndarray]) -> Message:
            answer = predict_pb2.PredictResponse()
            answer.model_spec.name = self._predictor.name
            answer.model_spec.version.value = servable.version
            answer.model_spec.signature_name = (
                request.model_spec.signature_name or "serving_default"
            )
            for name, value in outputs.items():
                answer.outputs[name].CopyFrom(tf.make_tensor_proto(value))
            return answer

        spec = request.model_spec
        return await self._predictor.predict(
            spec.name,
            asked_version(spec),
            spec.signature_name,
            read,
            write,
            num_bytes=_num_bytes(request),
            output_filter=request.output_filter,
            timeout=context.time_remaining(),
        )

    def _refuse(self, method: str) -> Answer:
        async def answer(request: Any, context: grpc.aio.ServicerContext) -> Message:
            _check_spec(request)
            spec = request.model_spec
            with self._predictor.servable(spec.name, asked_version(spec)) as servable:
                raise refuse_method(servable, spec.signature_name, method)

        return answer

    async def _metadata(self, request: Any, context: grpc.aio.ServicerContext) -> Message:
        return model_metadata(self._predictor, request)

    async def _status(self, request: Any, context: grpc.aio.ServicerContext) -> Message:
        return model_status(self._predictor, request)


def from_proto(
    proto: tensor_pb2.TensorProto, wanted: Input, name: str, most_bytes: int
) -> np.ndarray:
    """The array of a TensorProto.

    Raises:
      Refused: it has another dtype or shape than the signature takes, holds other bytes than its
        shape says, or more than `most_bytes`.
    """
    if proto.dtype != wanted.dtype.as_datatype_enum:
        try:
            given = tf.as_dtype(proto.dtype).name
        except TypeError:
            given = str(proto.dtype)
        raise Refused(INVALID_ARGUMENT, f"Input '{name}' must be {wanted.dtype.name}, not {given}.")
    sizes = [dimension.size for dimension in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or min(sizes, default=0) < 0:
        raise Refused(INVALID_ARGUMENT, f"Input '{name}' has no definite shape.")
    # A few bytes may stand for any number of equal values: counted before they are laid out.
    number = 1
    for size in sizes:
        number *= size
    laid_out = number * np.dtype(wanted.dtype.as_numpy_dtype).itemsize
    if proto.string_val:
        # Those that are missing are like the last one, of any length.
        lengths = [len(text) for text in proto.string_val]
        laid_out += sum(lengths) + max(number - len(lengths), 0) * lengths[-1]
    if laid_out > most_bytes:
        raise Refused(INVALID_ARGUMENT, f"Input '{name}' has more than {most_bytes} bytes.")
    try:
        value = np.asarray(tf.make_ndarray(proto))
    except (TypeError, ValueError):
        raise Refused(
            INVALID_ARGUMENT, f"Input '{name}' has not as many values as its shape says."
        ) from None
    check_shape(value, wanted, name)
    return value


def _num_bytes(request: predict_pb2.PredictRequest) -> int:
    """Of the request, or how many values its bytes stand for, if that is more."""
    shapes = [proto.tensor_shape.dim for proto in request.inputs.values()]
    values = [math.prod(dimension.size for dimension in shape) for shape in shapes]
    return max([request.ByteSize(), *values])


def _check_spec(request: Any) -> None:
    if not request.HasField("model_spec"):
        raise Refused(INVALID_ARGUMENT, "Missing ModelSpec")
