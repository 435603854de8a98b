"""Requests that come while the model computes are put together into its next computation.

As TensorFlow Serving's batching, but without its wait: what comes to an idle model is computed at
once. Only signatures take part whose answer to a row has the same bits in any batch, which a model
says of itself (serving.row_wise): nobody can tell whom a request was computed with.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Final

import numpy as np
import tensorflow as tf

from serving.embedded.servable import Servable, Signature

AT_ONCE: Final = 1
"""Computations at once: TensorFlow has all cores for one, and what comes meanwhile makes the next
one larger, which costs less than two."""

MOST_ROWS: Final = 32
"""Rows of a computation that several requests share; a request with more has one of its own."""

Arrays = Mapping[str, np.ndarray]


@dataclasses.dataclass(eq=False)
class _Waiting:
    """A request that has not been computed.

    Attributes:
      inputs: by alias.
      num_rows: of them.
      deadline: of time.monotonic().
      release: called once nothing is computed for it any more.
      answer: gets the outputs.
    """

    inputs: Arrays
    num_rows: int
    deadline: float
    release: Callable[[], None]
    answer: asyncio.Future[Arrays]


Found = tuple[_Waiting, "Arrays | Exception"]


@dataclasses.dataclass(frozen=True)
class _Group:
    """What requests must have in common to be computed together."""

    servable: Servable
    signature: str
    outputs: tuple[str, ...]
    others: Hashable


class Coalescer:
    """Computes requests, together where they may be; to be used on one event loop.

    Args:
      at_once: computations.
      most_rows: of a computation that several requests share.
    """

    def __init__(self, at_once: int = AT_ONCE, most_rows: int = MOST_ROWS):
        self._at_once, self._most_rows = at_once, most_rows
        self._pool = concurrent.futures.ThreadPoolExecutor(at_once, "coalesced")
        # Of a dictionary the first key is the oldest: groups take turns.
        self._waiting: dict[_Group, list[_Waiting]] = {}
        self._running = 0
        self._closed = False

    def close(self) -> None:
        """Waits for what is computed; lets go of what waits, which is not answered any more."""
        self._closed = True
        for waiting in self._waiting.values():
            for one in waiting:
                one.answer.cancel()
                one.release()
        self._waiting.clear()
        self._pool.shutdown()

    def takes(self, servable: Servable, signature: Signature, inputs: Arrays) -> bool:
        """Whether a request may be computed with others."""
        by_row = servable.row_wise.get(signature.name)
        if not by_row:
            return False
        # A signature of its own checks that they are as many; put together, they could come out.
        sizes = {inputs[name].shape[0] for name in by_row}
        return len(sizes) == 1 and 0 < sizes.pop() <= self._most_rows

    async def run(
        self,
        servable: Servable,
        signature: Signature,
        inputs: Arrays,
        outputs: Sequence[str],
        deadline: float,
        hold: contextlib.ExitStack,
    ) -> Arrays:
        """The outputs of a request that `takes` takes.

        Args:
          servable: the version.
          signature: of the version.
          inputs: all that it takes.
          outputs: that are wanted.
          deadline: of time.monotonic().
          hold: keeps the version loaded. It is taken over, and closed when nothing is computed for
            the request any more, which is later than its end if that is its deadline's.

        Raises:
          asyncio.TimeoutError: the deadline is over.
          tf.errors.OpError: the model refuses these inputs.
        """
        by_row = servable.row_wise[signature.name]
        group = _Group(
            servable,
            signature.name,
            tuple(outputs),
            tuple(
                (name, *(value.shape[1:] if name in by_row else _contents(value)))
                for name, value in sorted(inputs.items())
            ),
        )
        answer: asyncio.Future[Arrays] = asyncio.get_running_loop().create_future()
        num_rows = inputs[by_row[0]].shape[0]
        one = _Waiting(inputs, num_rows, deadline, hold.pop_all().close, answer)
        self._waiting.setdefault(group, []).append(one)
        self._start()
        try:
            return await asyncio.wait_for(answer, max(0.0, deadline - time.monotonic()))
        except (asyncio.TimeoutError, asyncio.CancelledError):
            self._withdraw(group, one)
            raise

    def _withdraw(self, group: _Group, one: _Waiting) -> None:
        """Lets go of a request that waits in vain: its deadline is over, or its client has gone.

        Its place among the concurrent requests comes free now, so that what is left of it would be
        beyond their limit until the computation before it ends.
        """
        waiting = self._waiting.get(group, [])
        if one in waiting:
            waiting.remove(one)
            if not waiting:
                del self._waiting[group]
            one.release()

    def _start(self) -> None:
        while self._waiting and self._running < self._at_once and not self._closed:
            group, found = next(iter(self._waiting.items()))
            waiting = [one for one in found if not one.answer.done()]
            for one in found:
                if one.answer.done():  # Its deadline is over, or the client has gone.
                    one.release()
            if not waiting:
                del self._waiting[group]
                continue
            number, rows = 0, 0
            while number < len(waiting) and rows + waiting[number].num_rows <= self._most_rows:
                rows += waiting[number].num_rows
                number += 1
            del self._waiting[group]
            if number < len(waiting):
                self._waiting[group] = waiting[number:]
            self._running += 1
            batch = waiting[:number]
            loop = asyncio.get_running_loop()
            computing = loop.run_in_executor(self._pool, _compute, group, batch)
            computing.add_done_callback(functools.partial(self._done, batch))

    def _done(self, batch: Sequence[_Waiting], computed: asyncio.Future[list[Found]]) -> None:
        self._running -= 1
        # The next goes to the cores before these are written.
        self._start()
        error = computed.exception()
        for one, found in [(one, error) for one in batch] if error else computed.result():
            if one.answer.done():
                continue  # Its deadline is over, or the client has gone.
            if isinstance(found, BaseException):
                one.answer.set_exception(found)
            else:
                one.answer.set_result(found)


def _compute(group: _Group, waiting: Sequence[_Waiting]) -> list[Found]:
    """What comes of each request whose time is not over; works on a thread."""
    try:
        live = [one for one in waiting if not one.answer.done()]
        try:
            return list(zip(live, _together(group, live), strict=True)) if live else []
        except Exception as error:
            if len(live) == 1 or isinstance(error, tf.errors.DeadlineExceededError):
                return [(one, error) for one in live]
        # One of them may be wrong: each gets what it would have got by itself.
        return [(one, _alone(group, one)) for one in live]
    finally:
        for one in waiting:
            one.release()


def _alone(group: _Group, one: _Waiting) -> Arrays | Exception:
    try:
        return _together(group, [one])[0]
    except Exception as error:
        return error


def _together(group: _Group, live: Sequence[_Waiting]) -> list[Arrays]:
    by_row = group.servable.row_wise[group.signature]
    inputs = live[0].inputs
    if len(live) > 1:
        inputs = {
            name: np.concatenate([one.inputs[name] for one in live]) if name in by_row else value
            for name, value in inputs.items()
        }
    # Others' deadlines end their own waiting, and not the computation.
    left = max(one.deadline for one in live) - time.monotonic()
    found = group.servable.run(group.signature, inputs, group.outputs, max(left, 0.001))
    if len(live) == 1:
        return [found]
    ends = np.cumsum([one.num_rows for one in live])[:-1]
    parts = {name: np.split(value, ends) for name, value in found.items()}
    return [{name: part[place] for name, part in parts.items()} for place in range(len(live))]


def _contents(value: np.ndarray) -> tuple[Hashable, ...]:
    """Equal for equal arrays of one dtype."""
    values = value.tobytes() if value.dtype != object else tuple(value.ravel().tolist())
    return value.shape, values
