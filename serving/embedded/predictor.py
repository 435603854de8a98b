"""Answers a predict request, whichever protocol brought it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import tensorflow as tf

from serving.embedded.coalescing import Coalescer
from serving.embedded.limits import Limits
from serving.embedded.metrics import Metrics
from serving.embedded.servable import Servable, Signature
from serving.embedded.status import (
    DEADLINE_EXCEEDED,
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    NOT_FOUND,
    UNAVAILABLE,
    Refused,
    from_tensorflow,
)
from serving.embedded.versions import Versions

DEFAULT_SIGNATURE: Final = "serving_default"

Inputs = Mapping[str, np.ndarray]
Read = Callable[[Signature], Inputs]

_FAILURES: Final = (tf.errors.OpError, asyncio.TimeoutError, ValueError, TypeError)
"""Of a request that is computed; anything else is a defect of the server."""

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
            wanted = _outputs(signature, output_filter)
            outputs = asking.run(signature, read(signature), wanted)
            return write(asking.servable, outputs)

        async def together(asking: Asking, hold: contextlib.ExitStack) -> Any:
            signature = find_signature(asking.servable, signature_name)
            wanted = _outputs(signature, output_filter)
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


class Asking:
    """One request's way to one version, within its time and limits.

    Args:
      servable: the version, loaded as long as the request lasts.
      limits: of an input.
      seconds: that the request may take.
      deadline: when they are over, of time.monotonic().
      counts: gets (known, unknown) artists of each answer.
    """

    def __init__(
        self,
        servable: Servable,
        limits: Limits,
        seconds: float,
        deadline: float,
        counts: list[tuple[int, int]],
    ):
        self.servable, self.limits = servable, limits
        self._seconds, self._deadline, self._counts = seconds, deadline, counts

    def run(
        self, signature: Signature, inputs: Inputs, outputs: Sequence[str] = ()
    ) -> Mapping[str, np.ndarray]:
        """The outputs, by alias.

        Args:
          signature: of the version.
          inputs: all that it takes.
          outputs: those that are wanted; all if empty.

        Raises:
          Refused: beyond a limit, or the model fails.
        """
        wanted, fetched, left = self._begin(signature, inputs, outputs)
        try:
            found = self.servable.run(signature.name, inputs, fetched, left)
        except _FAILURES as error:
            raise self._refusal(error) from error
        return self._end(signature, found, wanted)

    async def run_together(
        self,
        signature: Signature,
        inputs: Inputs,
        outputs: Sequence[str],
        coalescer: Coalescer,
        hold: contextlib.ExitStack,
    ) -> Mapping[str, np.ndarray]:
        """As `run`, put together with other requests.

        Args:
          signature: as for `run`.
          inputs: that the coalescer takes.
          outputs: as for `run`.
          coalescer: that computes.
          hold: keeps the version loaded; the coalescer takes it over.

        Raises:
          Refused: as `run` does.
        """
        wanted, fetched, _ = self._begin(signature, inputs, outputs)
        try:
            found = await coalescer.run(
                self.servable, signature, inputs, fetched, self._deadline, hold
            )
        except _FAILURES as error:
            raise self._refusal(error) from error
        return self._end(signature, found, wanted)

    def _begin(
        self, signature: Signature, inputs: Inputs, outputs: Sequence[str]
    ) -> tuple[Sequence[str], Sequence[str], float]:
        """The outputs that are wanted, those to ask for, and the seconds left."""
        self._check(inputs)
        wanted = list(outputs) or signature.outputs
        # Not wanted perhaps, and cheap: who was asked for in vain.
        counted = "known" in signature.outputs and "known" not in wanted
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise too_slow(self._seconds)
        return wanted, [*wanted, "known"] if counted else wanted, left

    def _end(
        self, signature: Signature, found: Mapping[str, np.ndarray], wanted: Sequence[str]
    ) -> Mapping[str, np.ndarray]:
        if "known" in signature.outputs:
            known = int(np.count_nonzero(found["known"]))
            self._counts.append((known, found["known"].size - known))
        return {key: found[key] for key in wanted}

    def _refusal(self, error: Exception) -> Refused:
        if isinstance(error, (tf.errors.DeadlineExceededError, asyncio.TimeoutError)):
            return too_slow(self._seconds)
        return from_tensorflow(error)

    def _check(self, inputs: Inputs) -> None:
        for name, value in inputs.items():
            if name == "k" and value.ndim == 0:
                if not 0 <= value <= self.limits.k:
                    raise Refused(
                        INVALID_ARGUMENT,
                        f"'k' must lie between 0 and {self.limits.k}, not be {value}.",
                    )
            elif value.ndim and value.shape[0] > self.limits.batch:
                raise Refused(
                    INVALID_ARGUMENT,
                    f"Input '{name}' has {value.shape[0]} rows; at most {self.limits.batch} can be "
                    "asked at once.",
                )


def _num_artists(inputs: Inputs) -> int:
    """At most in an answer."""
    rows = max((value.shape[0] for value in inputs.values() if value.ndim), default=1)
    return rows * max(1, int(inputs.get("k", 1)))


def too_slow(seconds: float) -> Refused:
    """Why a request has no answer that would have taken longer."""
    return Refused(
        DEADLINE_EXCEEDED,
        f"The request was not answered within {seconds:g} s; ask for less at once.",
    )


def find_signature(servable: Servable, name: str) -> Signature:
    """The signature of that name, the default if it is "".

    Raises:
      Refused: there is none, or it does not answer predict requests.
    """
    signature = servable.signatures.get(name or DEFAULT_SIGNATURE)
    if signature is None:
        raise Refused(
            FAILED_PRECONDITION,
            f'Serving signature key "{name or DEFAULT_SIGNATURE}" not found; there are '
            f"{', '.join(sorted(servable.signatures))}.",
        )
    return signature


def refuse_method(servable: Servable, name: str, method: str) -> Refused:
    """Why a classify or regress request cannot be answered: no signature is made for it."""
    signature = find_signature(servable, name)
    return Refused(
        INVALID_ARGUMENT,
        f"Expected {method} signature method_name to be tensorflow/serving/{method}. "
        f"Was: {signature.method}",
    )


def _outputs(signature: Signature, wanted: Sequence[str]) -> Sequence[str]:
    unknown = sorted(set(wanted) - set(signature.outputs))
    if unknown:
        raise Refused(
            INVALID_ARGUMENT,
            f"output tensor alias not found in signature: {unknown[0]} Outputs expected to be in "
            f"the set {{{','.join(signature.outputs)}}}.",
        )
    return list(dict.fromkeys(wanted)) or signature.outputs
