"""What can go wrong between a client and the model server, as one family of exceptions."""

from __future__ import annotations

import re

_LONGEST_DETAIL = 200
# A path of two or more parts, but not that of a URL; its last part says enough.
_ABSOLUTE_PATH = re.compile(r"(?<![\w/:.])(?:/[\w.@+-]+)+/([\w.@+-]+)")

# How TensorFlow reports what a model refuses, with a backslash before each of these.
_ASSERTION = re.compile(r"assertion failed: \[(.*)\]")
_ESCAPED = re.compile(r"\\([\"'\\])")


class ServingError(Exception):
    """The model server gave no usable answer. What is no subclass of it says why in `code`.

    Attributes:
      code: the name of a gRPC status, as UNAUTHENTICATED or INTERNAL, over REST as well.
      message: one sentence.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message


class Unavailable(ServingError):
    """The server cannot be reached, or has no capacity now. Only this is worth a retry."""

    def __init__(self, message: str):
        super().__init__("UNAVAILABLE", message)


class InvalidRequest(ServingError):
    """The request can never succeed at this model; the server or the client refused it."""

    def __init__(self, message: str):
        super().__init__("INVALID_ARGUMENT", message)


class NotFound(ServingError):
    """The server has no such model or version."""

    def __init__(self, message: str):
        super().__init__("NOT_FOUND", message)


class DeadlineExceeded(ServingError):
    """The time that the call was given is over."""

    def __init__(self, message: str = "The model server did not answer in time."):
        super().__init__("DEADLINE_EXCEEDED", message)


def asserted(text: str) -> str:
    """The text with just the sentence of a model's own assertion, as the model has it."""
    return _ASSERTION.sub(lambda found: _ESCAPED.sub(r"\1", found[1]), text)


def error_of(code: str, detail: str, secret: str | None = None) -> ServingError:
    """The exception of a failure that the server, or the way to it, reported.

    Args:
      code: the name of a gRPC status.
      detail: what was reported with it; the first line is kept, without the secret and without
        the folders of paths.
      secret: the client's token.
    """
    lines = detail.strip().splitlines() or [""]
    said = asserted(lines[0])
    plain = said.replace(secret, "…") if secret else said
    plain = " ".join(_ABSOLUTE_PATH.sub(r"\1", plain).split()).rstrip(".")
    if len(plain) > _LONGEST_DETAIL:
        plain = plain[:_LONGEST_DETAIL] + "…"
    why = f" ({plain})" if plain else ""
    if code == "UNAVAILABLE":
        return Unavailable(f"The model server cannot be reached or is busy{why}.")
    # TensorFlow Serving's REST interface makes 400 of all three.
    if code in ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"):
        return InvalidRequest(f"The model server refused the request{why}.")
    if code == "NOT_FOUND":
        return NotFound(f"The model server does not have this model or version{why}.")
    if code == "DEADLINE_EXCEEDED":
        return DeadlineExceeded()
    return ServingError(code, f"The model server failed with {code}{why}.")
