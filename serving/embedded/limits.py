"""What one request may ask for."""

from __future__ import annotations

import dataclasses

MIB = 2**20


@dataclasses.dataclass(frozen=True)
class Limits:
    """Beyond these, a request is refused with a sentence and a 4xx status.

    Attributes:
      body: bytes of a request.
      batch: rows of an input.
      k: artists in an answer of `similar`, `similar_filtered` and `nearest`.
      seconds: that a request may take, with its wait for a free thread.
      concurrent: requests that are computed or wait at once.
    """

    body: int = 16 * MIB
    batch: int = 4096
    k: int = 1000
    seconds: float = 10.0
    concurrent: int = 256
