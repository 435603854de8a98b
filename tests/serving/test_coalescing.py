"""Requests that are computed together: what each gets, and what none may do to another."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import tensorflow as tf

from serving.embedded.coalescing import Coalescer
from serving.embedded.servable import Input, Signature

SIGNATURE = Signature(
    "similar", "", {"x": Input(tf.int32, (None,)), "k": Input(tf.int32, ())}, ["y"]
)
FILTERED = Signature(
    "filtered",
    "",
    {"x": Input(tf.int32, (None,)), "out": Input(tf.string, (None, None))},
    ["y"],
)


class Model:
    """Answers x + k; every run is noted, and none ends before `go`."""

    row_wise = {"similar": ("x",), "filtered": ("x", "out")}

    def __init__(self) -> None:
        self.go = threading.Event()
        self.runs: list[list[int]] = []
        self.timeouts: list[float] = []

    def run(self, signature, inputs, outputs, timeout):
        self.runs.append(inputs["x"].tolist())
        self.timeouts.append(timeout)
        if not self.go.wait(timeout):
            raise tf.errors.DeadlineExceededError(None, None, "too long")
        if (inputs["x"] < 0).any():
            raise tf.errors.InvalidArgumentError(None, None, f"bad {inputs['x'].tolist()}")
        return {name: inputs["x"] + inputs.get("k", 0) for name in outputs}


class Asker:
    """One computation at once, of a model whose first run is held until `go`."""

    def __init__(self, most_rows: int = 4):
        self.model, self.released = Model(), 0
        self.coalescer = Coalescer(1, most_rows)

    def ask(
        self, *x: int, k: int = 0, seconds: float = 20.0, outputs: Sequence[str] = ("y",)
    ) -> asyncio.Task:
        hold = contextlib.ExitStack()
        hold.callback(self._release)
        inputs = {"x": np.array(x, np.int32), "k": np.array(k, np.int32)}
        deadline = time.monotonic() + seconds
        return asyncio.ensure_future(
            self.coalescer.run(self.model, SIGNATURE, inputs, outputs, deadline, hold)
        )

    def _release(self) -> None:
        self.released += 1

    async def busy(self) -> asyncio.Task:
        """A request that is being computed: all that come after it wait."""
        first = self.ask(100)
        await until(lambda: len(self.model.runs) == 1)
        return first


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def values(answers) -> list[list[int]]:
    return [answer["y"].tolist() for answer in answers]


def test_those_that_wait_are_computed_together_and_each_gets_its_rows():
    async def check() -> None:
        asker = Asker()
        first = await asker.busy()
        others = [asker.ask(1), asker.ask(2, 3), asker.ask(4)]
        await asyncio.sleep(0)
        asker.model.go.set()
        assert values(await asyncio.gather(first, *others)) == [[100], [1], [2, 3], [4]]
        assert asker.model.runs == [[100], [1, 2, 3, 4]]
        assert asker.released == 4

    asyncio.run(check())


def test_rows_are_bounded_and_nobody_is_passed_over():
    async def check() -> None:
        asker = Asker(most_rows=4)
        first = await asker.busy()
        others = [asker.ask(1, 2, 3), asker.ask(4, 5), asker.ask(6), asker.ask(7)]
        await asyncio.sleep(0)
        asker.model.go.set()
        await asyncio.gather(first, *others)
        assert asker.model.runs == [[100], [1, 2, 3], [4, 5, 6, 7]]

    asyncio.run(check())


def test_only_those_who_ask_for_the_same_are_together():
    async def check() -> None:
        asker = Asker()
        first = await asker.busy()
        others = [asker.ask(1, k=10), asker.ask(2, k=20), asker.ask(3, k=10)]
        await asyncio.sleep(0)
        asker.model.go.set()
        assert values(await asyncio.gather(first, *others)) == [[100], [11], [22], [13]]
        assert asker.model.runs == [[100], [1, 3], [2]]

    asyncio.run(check())


def test_each_gets_the_outputs_that_it_asked_for():
    async def check() -> None:
        asker = Asker()
        first = await asker.busy()
        others = [asker.ask(1), asker.ask(2, outputs=["y", "known"]), asker.ask(3)]
        await asyncio.sleep(0)
        asker.model.go.set()
        found = await asyncio.gather(first, *others)
        assert [[*one] for one in found[1:]] == [["y"], ["y", "known"], ["y"]]
        assert asker.model.runs == [[100], [1, 3], [2]]

    asyncio.run(check())


def test_a_version_does_not_answer_for_another():
    async def check() -> None:
        asker = Asker()
        first = await asker.busy()
        older = asker.ask(1)
        old, asker.model = asker.model, Model()
        asker.model.go.set()
        # Both wait, and ask for the same.
        newer = asker.ask(2)
        await asyncio.sleep(0)
        old.go.set()
        await asyncio.gather(first, older, newer)
        assert (old.runs, asker.model.runs) == ([[100], [1]], [[2]])

    asyncio.run(check())


def test_a_bad_request_fails_by_itself():
    async def check() -> None:
        asker = Asker()
        first = await asker.busy()
        others = [asker.ask(1), asker.ask(-2), asker.ask(3)]
        await asyncio.sleep(0)
        asker.model.go.set()
        found = await asyncio.gather(first, *others, return_exceptions=True)
        assert values([found[1], found[3]]) == [[1], [3]]
        assert isinstance(found[2], tf.errors.InvalidArgumentError)
        # With its own words: what others asked is not its business.
        assert found[2].message == "bad [-2]"
        assert asker.released == 4

    asyncio.run(check())


def test_each_keeps_its_deadline():
    """The computation goes on for who has time; who has none left is not computed."""

    async def check() -> None:
        asker = Asker()
        first = await asker.busy()
        late = asker.ask(1, seconds=0.02)
        patient = asker.ask(2)
        with pytest.raises(asyncio.TimeoutError):
            await late
        asker.model.go.set()
        assert values(await asyncio.gather(first, patient)) == [[100], [2]]
        assert asker.model.runs == [[100], [2]]

        asker.model.go.clear()
        hurried = asker.ask(3, seconds=0.05)
        with pytest.raises((asyncio.TimeoutError, tf.errors.DeadlineExceededError)):
            await hurried
        await until(lambda: asker.released == 4)
        assert asker.model.timeouts[-1] <= 0.05

    asyncio.run(check())


def test_the_longest_deadline_is_the_computation_s():
    async def check() -> None:
        asker = Asker()
        first = await asker.busy()
        hurried, patient = asker.ask(1, seconds=5.0), asker.ask(2, seconds=15.0)
        await asyncio.sleep(0)
        asker.model.go.set()
        await asyncio.gather(first, hurried, patient)
        assert asker.model.timeouts[1] > 5.0

    asyncio.run(check())


def test_a_version_is_held_as_long_as_it_computes_for_somebody_who_has_gone():
    async def check() -> None:
        asker = Asker()
        first = await asker.busy()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert asker.released == 0
        asker.model.go.set()
        await until(lambda: asker.released == 1)

    asyncio.run(check())


def test_who_goes_while_it_is_computed_takes_nobody_along():
    async def check() -> None:
        asker = Asker()
        first = await asker.busy()
        gone, patient = asker.ask(1), asker.ask(2)
        await asyncio.sleep(0)
        # Only the first run may end.
        begun, asker.model.go = asker.model.go, threading.Event()
        begun.set()
        await first
        await until(lambda: len(asker.model.runs) == 2)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        asker.model.go.set()
        assert values([await patient]) == [[2]]
        assert asker.model.runs == [[100], [1, 2]]
        assert asker.released == 3

    asyncio.run(check())


def test_those_who_have_gone_take_no_place():
    async def check() -> None:
        asker = Asker(most_rows=2)
        first = await asker.busy()
        late = [asker.ask(number, seconds=0.02) for number in (1, 2)]
        patient = [asker.ask(number) for number in (3, 4)]
        await asyncio.gather(*late, return_exceptions=True)
        asker.model.go.set()
        assert values(await asyncio.gather(first, *patient)) == [[100], [3], [4]]
        assert asker.model.runs == [[100], [3, 4]]
        assert asker.released == 5

    asyncio.run(check())


def test_who_waits_in_vain_is_let_go_at_once():
    """Its place is free by then: waiting on, it would be one more than the limit allows."""

    async def check() -> None:
        asker = Asker()
        first = await asker.busy()
        late = [asker.ask(number, k=number % 2, seconds=0.02) for number in range(6)]
        patient = asker.ask(7)
        gone = asker.ask(8, k=3)
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(*late, gone, return_exceptions=True)
        assert asker.released == 7
        assert asker.model.runs == [[100]]
        asker.model.go.set()
        assert values(await asyncio.gather(first, patient)) == [[100], [7]]
        assert asker.model.runs == [[100], [7]]
        assert asker.released == 9

    asyncio.run(check())


def test_at_its_end_nobody_waits_for_ever_and_no_version_is_held():
    async def check() -> None:
        asker = Asker()
        first = await asker.busy()
        waiting = asker.ask(1)
        await asyncio.sleep(0)
        asker.model.go.set()
        asker.coalescer.close()
        assert values([await first]) == [[100]]
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert asker.model.runs == [[100]]
        assert asker.released == 2

    asyncio.run(check())


def test_who_may_take_part():
    model, coalescer = Model(), Coalescer(1, 4)

    def takes(signature, **inputs) -> bool:
        return coalescer.takes(model, signature, inputs)

    one, five = np.zeros(1, np.int32), np.zeros(5, np.int32)
    assert takes(SIGNATURE, x=one)
    assert not takes(SIGNATURE, x=five)
    assert not takes(SIGNATURE, x=five[:0])
    # The model refuses these; together with one of two rows it would not.
    assert takes(FILTERED, x=one, out=np.full((1, 2), b"a", object))
    assert not takes(FILTERED, x=one, out=np.full((0, 2), b"a", object))
    assert not takes(Signature("embed_new", "", SIGNATURE.inputs, ["y"]), x=one)
