"""Asking a signature of one version, within one request's time and limits."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import tensorflow as tf

from serving.embedded.coalescing import Coalescer
from serving.embedded.limits import Limits
from serving.embedded.servable import Servable, Signature
from serving.embedded.status import (
    DEADLINE_EXCEEDED,
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    Refused,
    from_tensorflow,
)

DEFAULT_SIGNATURE: Final = "serving_default"

Inputs = Mapping[str, np.ndarray]

_FAILURES: Final = (tf.errors.OpError, asyncio.TimeoutError, ValueError, TypeError)
"""Of a request that is computed; anything else is a defect of the server."""


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


def find_outputs(signature: Signature, wanted: Sequence[str]) -> Sequence[str]:
    """The outputs that a request asks for; all if it names none.

    Raises:
      Refused: the signature has no output of that name, or one is named twice, as TF Serving says
        it.
    """
    seen: set[str] = set()
    for name in wanted:
        if name not in signature.outputs:
            raise Refused(
                INVALID_ARGUMENT,
                f"output tensor alias not found in signature: {name} Outputs expected to be in "
                f"the set {{{','.join(signature.outputs)}}}.",
            )
        if name in seen:
            raise Refused(INVALID_ARGUMENT, f"duplicate output tensor alias: {name}")
        seen.add(name)
    return list(wanted) or signature.outputs
