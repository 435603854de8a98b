"""Questions to TensorFlow Serving over gRPC."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from serving import protocol
from serving.errors import ServingError, error_of
from serving.retries import Deadline

_PREDICTION: Final = "/tensorflow.serving.PredictionService"
_MODEL: Final = "/tensorflow.serving.ModelService"
_LONGEST_CONNECT: Final = 1.0
# A server that did not answer is not tried again so soon: a firewall that swallows packets would
# make every call wait.
_PAUSE: Final = 10.0
_OPTIONS: Final = (
    # By default answers beyond 4 MB are refused. TensorFlow Serving takes requests of up to 2 GB.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # By default a channel that failed lets up to two minutes pass before it looks again, and fails
    # what is asked meanwhile: retries would not see that the server is back.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class GrpcTransport:
    """A channel to one server. Thread-safe.

    Args:
      address: host:port.
      model: its name at the server.
      token: sent as `authorization: Bearer <token>`.
      credentials: for TLS; without them the channel is not encrypted.
    """

    def __init__(
        self,
        address: str,
        model: str,
        token: str | None,
        credentials: grpc.ChannelCredentials | None,
    ):
        self._model, self._token = model, token
        if credentials is None:
            self._channel = grpc.insecure_channel(address, _OPTIONS)
        else:
            self._channel = grpc.secure_channel(address, credentials, _OPTIONS)
        self._headers = (("authorization", f"Bearer {token}"),) if token else ()
        self._predict = self._method("Predict", protocol.PredictResponse)
        self._metadata = self._method("GetModelMetadata", protocol.GetModelMetadataResponse)
        self._status = self._method("GetModelStatus", protocol.GetModelStatusResponse, _MODEL)
        self._connecting = threading.Lock()
        self._connected, self._next_try = False, 0.0

    def _method(self, name: str, response: Any, service: str = _PREDICTION) -> Callable[..., Any]:
        method: Callable[..., Any] = self._channel.unary_unary(
            f"{service}/{name}",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=response.FromString,
        )
        return method

    def reachable(self, deadline: Deadline) -> bool:
        """Whether there is a connection, or can be one within a second or half of the time left.

        After a failure the answer stays False for a while, or until `look_again`.
        """
        with self._connecting:
            if self._connected:
                return True
            if time.monotonic() < self._next_try:
                return False
            patience = min(_LONGEST_CONNECT, deadline.remaining() / 2)
            settled = threading.Event()

            def on_state(state: grpc.ChannelConnectivity) -> None:
                if state is grpc.ChannelConnectivity.READY:
                    self._connected = True
                if state not in (
                    grpc.ChannelConnectivity.IDLE,
                    grpc.ChannelConnectivity.CONNECTING,
                ):
                    settled.set()

            self._channel.subscribe(on_state, try_to_connect=True)
            settled.wait(patience)
            self._channel.unsubscribe(on_state)
            if not self._connected:
                self._next_try = time.monotonic() + _PAUSE
            return self._connected

    def look_again(self) -> None:
        """Forgets whether the server was reachable."""
        self._connected, self._next_try = False, 0.0

    def predict(
        self,
        signature: str,
        inputs: Mapping[str, NDArray[Any]],
        version: int | None,
        deadline: Deadline,
    ) -> dict[str, NDArray[Any]]:
        """Runs a signature.

        Args:
          signature: its name.
          inputs: name -> array; one of objects holds texts.
          version: the newest by default.
          deadline: for the answer.

        Returns:
          name -> array.

        Raises:
          ServingError: there is no answer, or none that can be read.
        """
        request = protocol.PredictRequest()
        self._name_model(request.model_spec, version)
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(protocol.tensor_of(array))
        response = self._ask(self._predict, request, deadline)
        try:
            return {name: protocol.array_of(tensor) for name, tensor in response.outputs.items()}
        except ValueError as error:
            raise error_of("INTERNAL", "its answer cannot be read") from error

    def metadata(self, version: int | None, deadline: Deadline) -> protocol.ModelMetadata:
        """What the server says of the model.

        Args:
          version: the newest by default.
          deadline: for the answer.

        Raises:
          ServingError: there is no answer, or none that can be read.
        """
        request = protocol.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._name_model(request.model_spec, version)
        response = self._ask(self._metadata, request, deadline)
        try:
            return protocol.metadata_of(response)
        except (ValueError, DecodeError) as error:
            raise error_of("INTERNAL", "its metadata cannot be read") from error

    def statuses(self, deadline: Deadline) -> list[protocol.VersionStatus]:
        """What the server says of the versions that it knows.

        Args:
          deadline: for the answer.

        Raises:
          ServingError: there is no answer.
        """
        request = protocol.GetModelStatusRequest()
        self._name_model(request.model_spec, None)
        return protocol.statuses_of(self._ask(self._status, request, deadline))

    def close(self) -> None:
        """Ends the connection, and what is still asked over it."""
        self._channel.close()

    def _name_model(self, spec: Any, version: int | None) -> None:
        spec.name = self._model
        if version is not None:
            spec.version.value = version

    def _ask(self, method: Callable[..., Any], request: Any, deadline: Deadline) -> Any:
        try:
            return method(request, timeout=deadline.remaining(), metadata=self._headers)
        except grpc.RpcError as error:
            raise self._error(error) from None  # Its text has the request's metadata.
        except ValueError as error:
            raise error_of("CANCELLED", "the client is closed") from error

    def _error(self, error: Any) -> ServingError:
        return error_of(error.code().name, error.details() or "", self._token)
