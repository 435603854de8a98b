"""What a request that cannot be answered is told: TF Serving's status codes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import grpc

from serving.errors import asserted

CANCELLED: Final = grpc.StatusCode.CANCELLED
DEADLINE_EXCEEDED: Final = grpc.StatusCode.DEADLINE_EXCEEDED
FAILED_PRECONDITION: Final = grpc.StatusCode.FAILED_PRECONDITION
INTERNAL: Final = grpc.StatusCode.INTERNAL
INVALID_ARGUMENT: Final = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND: Final = grpc.StatusCode.NOT_FOUND
OK: Final = grpc.StatusCode.OK
RESOURCE_EXHAUSTED: Final = grpc.StatusCode.RESOURCE_EXHAUSTED
UNAUTHENTICATED: Final = grpc.StatusCode.UNAUTHENTICATED
UNAVAILABLE: Final = grpc.StatusCode.UNAVAILABLE
UNIMPLEMENTED: Final = grpc.StatusCode.UNIMPLEMENTED

# As TF Serving's REST API translates them, but for the deadline (there 504): the limit is the
# request's, so that the answer says "your request", not "this server".
_HTTP: Final[Mapping[grpc.StatusCode, int]] = {
    OK: 200,
    CANCELLED: 499,
    DEADLINE_EXCEEDED: 408,
    FAILED_PRECONDITION: 400,
    INTERNAL: 500,
    INVALID_ARGUMENT: 400,
    NOT_FOUND: 404,
    RESOURCE_EXHAUSTED: 429,
    UNAUTHENTICATED: 401,
    UNAVAILABLE: 503,
    UNIMPLEMENTED: 501,
}

# A path of two parts or more that does not continue a word, as REST paths in messages would.
_PATH: Final = re.compile(r"(?<![\w.>])(?:/[\w.\-+~]*\w){2,}/?")


# gRPC has 8 KiB for it, in which one character of UTF-8 takes up to 12 bytes.
_LONGEST: Final = 500


class Refused(Exception):
    """A request that gets no answer.

    Args:
      code: the canonical status.
      message: one sentence: what is wrong and how to mend it. It is cut where a client made it
        long.
      http: the REST status, where it is not the usual one of the code.
    """

    def __init__(self, code: grpc.StatusCode, message: str, *, http: int | None = None):
        if len(message) > _LONGEST:
            message = message[: _LONGEST - 1] + "…"
        super().__init__(message)
        self.code, self.message = code, message
        self.http = _HTTP.get(code, 500) if http is None else http


def from_tensorflow(error: Exception) -> Refused:
    """What a failed run of a signature is told: TensorFlow's code, the message without places.

    TensorFlow's messages go on with nodes, stack traces and paths, which are no client's business.
    """
    if isinstance(error, UnicodeDecodeError):
        # TensorFlow's message quotes what it was sent, and Python cannot read the message.
        return Refused(INVALID_ARGUMENT, "The model cannot read bytes of the request.")
    number = getattr(error, "error_code", None)
    code = next((code for code in grpc.StatusCode if code.value[0] == number), INTERNAL)
    text = str(getattr(error, "message", "") or type(error).__name__)
    # A session in Python puts this before, on a line of its own.
    text = text.removeprefix("Graph execution error:").lstrip()
    for cut in ("\n", "[[{{node", "Detected at node", "[Op:"):
        text = text.split(cut)[0]
    text = without_paths(asserted(text.strip()))
    return Refused(code, text or "The model failed on this request.")


def without_paths(text: str) -> str:
    """The text with '…' in place of absolute paths."""
    return _PATH.sub("…", text)
