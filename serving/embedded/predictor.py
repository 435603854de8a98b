"""Answers a predict request, whichever protocol brought it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from serving.embedded.asking import Asking, Inputs, find_outputs, find_signature, too_slow
from serving.embedded.coalescing import Coalescer
from serving.embedded.limits import Limits
from serving.embedded.metrics import Metrics
from serving.embedded.servable import Servable, Signature
from serving.embedded.status import NOT_FOUND, UNAVAILABLE, Refused
from serving.embedded.versions import Versions

Read = Callable[[Signature], Inputs]

_LIGHT_BYTES: Final = 4096
_LIGHT_ARTISTS: Final = 1000
"""A request of no more, and an answer with no more artists, are read and written where they came
in: handing them to a thread and back takes longer, and all threads of Python take turns anyway."""


class Predictor:
    """The served versions behind limits and metrics.

    Args:
      name: of the model.
      versions: to ask.
      limits: of a request.
      metrics: to count in.
      threads: that compute at once.
    """

    def __init__(
        self, name: str, versions: Versions, limits: Limits, metrics: Metrics, threads: int
    ):
        self.name, self.versions, self.limits, self.metrics = name, versions, limits, metrics
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, "predict")
        self._coalescer = Coalescer()
        self._in_flight = 0

    def close(self) -> None:
        """Waits for the requests that are computed."""
        self._pool.shutdown()
        self._coalescer.close()

    def check_model(self, name: str, version: int | None = None) -> None:
        """Raises Refused, as TF Serving says it, if that is not the model."""
        if name != self.name:
            asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise Refused(NOT_FOUND, f"Servable not found for request: {asked}")

    @contextlib.contextmanager
    def servable(self, name: str, version: int | None) -> Iterator[Servable]:
        """The version that a request is for.

        Raises:
          Refused: another model, or a version that is not served.
        """
        self.check_model(name, version)
        with self.versions.use(version) as servable:
            yield servable

    @contextlib.asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Holds one of the places for concurrent requests.

        Raises:
          Refused: there is none left.
        """
        if self._in_flight >= self.limits.concurrent:
            # The one refusal by number that clients may try again: TF Serving's full queues, too.
            raise Refused(
                UNAVAILABLE,
                f"{self.limits.concurrent} requests are being answered already; try again soon.",
                http=429,
            )
        self._in_flight += 1
        self.metrics.in_flight.set(self._in_flight)
        try:
            yield
        finally:
            self._in_flight -= 1
            self.metrics.in_flight.set(self._in_flight)

    async def predict(
        self,
        name: str,
        version: int | None,
        signature_name: str,
        read: Read,
        write: Callable[[Servable, Mapping[str, np.ndarray]], Any],
        *,
        num_bytes: int,
        output_filter: Sequence[str] = (),
        timeout: float | None = None,
    ) -> Any:
        """Asks a signature; light requests together with others, as far as the version allows.

        Args:
          name: of the model.
          version: None for the one that is served.
          signature_name: "" for the default.
          read: makes the inputs; called on a thread unless the request is light, as is `write`.
          write: makes the answer.
          num_bytes: of the request.
          output_filter: the outputs that are wanted; all if empty.
          timeout: in seconds, the client's; the limit's if that is shorter.

        Raises:
          Refused: with what the client did wrong, or what went wrong.
        """

        def work(asking: Asking) -> Any:
            signature = find_signature(asking.servable, signature_name)
            wanted = find_outputs(signature, output_filter)
            outputs = asking.run(signature, read(signature), wanted)
            return write(asking.servable, outputs)

        async def together(asking: Asking, hold: contextlib.ExitStack) -> Any:
            signature = find_signature(asking.servable, signature_name)
            wanted = find_outputs(signature, output_filter)
            if signature.name not in asking.servable.row_wise:
                return None
            inputs = read(signature)
            if not self._coalescer.takes(asking.servable, signature, inputs):
                return None
            if _num_artists(inputs) > _LIGHT_ARTISTS:
                return None
            outputs = await asking.run_together(signature, inputs, wanted, self._coalescer, hold)
            return write(asking.servable, outputs)

        if num_bytes <= _LIGHT_BYTES:
            answer = await self._with_others(name, version, together, timeout=timeout)
            if answer is not None:
                return answer
        return await self.on_version(name, version, work, timeout=timeout)

    async def _with_others(
        self,
        name: str,
        version: int | None,
        work: Callable[[Asking, contextlib.ExitStack], Awaitable[Any]],
        *,
        timeout: float | None,
    ) -> Any:
        """As `on_version`, of work that waits for the coalescer; None if that is not for it."""
        seconds = self._seconds(timeout)
        deadline = time.monotonic() + seconds
        counts: list[tuple[int, int]] = []
        async with self.admitted():
            with contextlib.ExitStack() as hold:
                servable = hold.enter_context(self.servable(name, version))
                if not servable.row_wise:
                    return None
                answer = await work(Asking(servable, self.limits, seconds, deadline, counts), hold)
        self._count(counts)
        return answer

    async def on_version(
        self,
        name: str,
        version: int | None,
        work: Callable[[Asking], Any],
        *,
        timeout: float | None = None,
    ) -> Any:
        """Does all of one request's work on a thread, with one version.

        Args:
          name: of the model.
          version: None for the one that is served.
          work: may ask several signatures.
          timeout: in seconds, the client's; the limit's if that is shorter.

        Raises:
          Refused: with what the client did wrong, or what went wrong.
        """
        seconds = self._seconds(timeout)
        deadline = time.monotonic() + seconds
        counts: list[tuple[int, int]] = []

        def on_thread() -> Any:
            if deadline <= time.monotonic():
                raise too_slow(seconds)
            with self.servable(name, version) as servable:
                return work(Asking(servable, self.limits, seconds, deadline, counts))

        async with self.admitted():
            future = asyncio.get_running_loop().run_in_executor(self._pool, on_thread)
            # The thread ends by itself, as TensorFlow has been told the deadline.
            answer = await future
        self._count(counts)
        return answer

    def _seconds(self, timeout: float | None) -> float:
        return self.limits.seconds if timeout is None else min(timeout, self.limits.seconds)

    def _count(self, counts: Sequence[tuple[int, int]]) -> None:
        for known, unknown in counts:
            self.metrics.count_artists(known, unknown)


def _num_artists(inputs: Inputs) -> int:
    """At most in an answer."""
    rows = max((value.shape[0] for value in inputs.values() if value.ndim), default=1)
    return rows * max(1, int(inputs.get("k", 1)))
