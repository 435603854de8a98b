"""Deadlines, and what is tried again before they are over."""

from __future__ import annotations

import dataclasses
import itertools
import random
import time
from collections.abc import Callable
from typing import TypeVar

from serving.errors import DeadlineExceeded, Unavailable

Answer = TypeVar("Answer")


class Deadline:
    """The moment at which a call has to be over, its retries and waits included.

    Args:
      seconds: from now.
    """

    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left; not above 0 when it is over."""
        return self._end - time.monotonic()

    def remaining(self) -> float:
        """Seconds that are left, more than 0.

        Raises:
          DeadlineExceeded: none are.
        """
        if (left := self.left()) <= 0:
            raise DeadlineExceeded()
        return left


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """How often, and how far apart, a server that is unavailable is asked.

    The wait after the i-th failure is drawn uniformly from [0, min(longest, first · 2^(i-1))]
    ("full jitter"): clients that failed together do not come back together. See Brooker,
    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

    Attributes:
      attempts: requests at most, the first one counted.
      first_wait: seconds, at most, after the first failure.
      longest_wait: seconds that no wait exceeds.
    """

    attempts: int = 5
    first_wait: float = 0.2
    longest_wait: float = 3.0

    def wait(self, failures: int) -> float:
        """Seconds to wait after so many failures."""
        return random.uniform(0, min(self.longest_wait, self.first_wait * 2 ** (failures - 1)))


def with_retries(ask: Callable[[], Answer], policy: RetryPolicy, deadline: Deadline) -> Answer:
    """Asks until there is an answer.

    Only `Unavailable` is tried again. Predictions change nothing on the server, so that it does
    no harm if a request that was lost has been computed after all.

    Raises:
      Unavailable: so was the server the last time, and the attempts are used up, or the next one
        would come after the deadline.
      ServingError: of any other kind, at once.
    """
    for failures in itertools.count(1):
        deadline.remaining()
        try:
            return ask()
        except Unavailable:
            wait = policy.wait(failures)
            if failures >= policy.attempts or wait >= deadline.left():
                raise
            time.sleep(wait)
    raise AssertionError("unreachable")
