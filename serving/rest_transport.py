"""Questions to TensorFlow Serving over its REST interface, with inputs by columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx
from numpy.typing import NDArray

from serving.errors import DeadlineExceeded, ServingError, Unavailable, error_of
from serving.protocol import ModelMetadata, Signature, TensorSpec, VersionStatus
from serving.retries import Deadline

_LONGEST_CONNECT: Final = 1.0
# What TensorFlow Serving makes of a status, read backwards. 429 and 502 are rather a proxy's, and
# unavailable is what gRPC makes of them (doc/http-grpc-status-mapping.md). TensorFlow Serving's own
# 429, out of memory, cannot be told from a proxy's. 408 and 413 are the embedded server's limits,
# and a proxy's; over gRPC they have these names.
_CODES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "RESOURCE_EXHAUSTED",
    429: "UNAVAILABLE",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class RestTransport:
    """Connections to one server. Thread-safe.

    Args:
      address: host:port or URL; one of https is encrypted.
      model: its name at the server.
      token: sent as `Authorization: Bearer <token>`.

    Raises:
      ValueError: the address is of another kind.
    """

    def __init__(self, address: str, model: str, token: str | None):
        url = httpx.URL(address if "://" in address else f"http://{address}")
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("rest_address has to be host:port or a URL of http or https.")
        self._token = token
        self._model = f"{str(url).rstrip('/')}/v1/models/{quote(model, safe='')}"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(headers=headers)

    def predict(
        self,
        signature: str,
        inputs: Mapping[str, NDArray[Any]],
        version: int | None,
        deadline: Deadline,
    ) -> dict[str, Any]:
        """Runs a signature.

        Args:
          signature: its name.
          inputs: name -> array; one of objects holds texts.
          version: the newest by default.
          deadline: for the answer; looked at whenever something of it arrives.

        Returns:
          name -> nested lists.

        Raises:
          ServingError: there is no answer, or none that can be read.
        """
        body = {
            "signature_name": signature,
            "inputs": {name: array.tolist() for name, array in inputs.items()},
        }
        answer = self._ask("POST", f"{self._of(version)}:predict", body, deadline)
        outputs = answer.get("outputs")
        if not isinstance(outputs, dict):
            raise error_of("INTERNAL", "its answer cannot be read")
        return outputs

    def metadata(self, version: int | None, deadline: Deadline) -> ModelMetadata:
        """What the server says of the model.

        Args:
          version: the newest by default.
          deadline: for the answer; looked at whenever something of it arrives.

        Raises:
          ServingError: there is no answer, or none that can be read.
        """
        answer = self._ask("GET", f"{self._of(version)}/metadata", None, deadline)
        try:
            return ModelMetadata(
                int(answer["model_spec"]["version"]),
                {
                    name: Signature(_specs(signature["inputs"]), _specs(signature["outputs"]))
                    for name, signature in answer["metadata"]["signature_def"][
                        "signature_def"
                    ].items()
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise error_of("INTERNAL", "its metadata cannot be read") from error

    def statuses(self, deadline: Deadline) -> list[VersionStatus]:
        """What the server says of the versions that it knows.

        Args:
          deadline: for the answer; looked at whenever something of it arrives.

        Raises:
          ServingError: there is no answer, or none that can be read.
        """
        answer = self._ask("GET", self._model, None, deadline)
        try:
            return [
                VersionStatus(
                    int(one["version"]),
                    one["state"],
                    one.get("status", {}).get("error_message", ""),
                )
                for one in answer["model_version_status"]
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise error_of("INTERNAL", "its status cannot be read") from error

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def _of(self, version: int | None) -> str:
        return self._model if version is None else f"{self._model}/versions/{version}"

    def _ask(self, method: str, url: str, body: Any, deadline: Deadline) -> Any:
        left = deadline.remaining()
        timeout = httpx.Timeout(left, connect=min(left, _LONGEST_CONNECT))
        chunks = []
        try:
            with self._client.stream(method, url, json=body, timeout=timeout) as response:
                # A timeout of httpx is that of a single read.
                for chunk in response.iter_bytes():
                    deadline.remaining()
                    chunks.append(chunk)
        except httpx.ConnectTimeout as error:
            raise Unavailable("The model server cannot be reached.") from error
        except httpx.TimeoutException as error:
            raise DeadlineExceeded() from error
        except httpx.HTTPError as error:
            # Refused or broken off.
            raise error_of("UNAVAILABLE", str(error), self._token) from error
        except RuntimeError as error:
            raise error_of("CANCELLED", "the client is closed") from error
        try:
            answer = json.loads(b"".join(chunks))
        except ValueError:
            answer = None  # A proxy in between may say what it likes.
        if response.status_code != httpx.codes.OK:
            raise self._error(response.status_code, answer)
        if not isinstance(answer, dict):
            raise error_of("INTERNAL", "its answer is not JSON")
        return answer

    def _error(self, status: int, answer: Any) -> ServingError:
        said = answer.get("error") if isinstance(answer, dict) else None
        detail = said if isinstance(said, str) else f"HTTP status {status}"
        return error_of(_CODES.get(status, "UNKNOWN"), detail, self._token)


def _specs(tensors: Mapping[str, Any]) -> dict[str, TensorSpec]:
    # JSON of protocol buffers writes 64-bit integers as texts.
    return {
        name: TensorSpec(
            info["dtype"], tuple(int(dim["size"]) for dim in info["tensor_shape"].get("dim", ()))
        )
        for name, info in tensors.items()
    }
