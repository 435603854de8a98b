"""The bound of an epoch: by hand for a step, and what is measured of the machine makes sense."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from benchmarks.cost import bound
from benchmarks.cost.bound import Work, bandwidth, product_rate, work_of


def test_the_work_of_a_step_by_hand():
    """Two convolutions of width 10 on content of 5 numbers: 6 artists, then 3, then 2."""
    found = work_of([(6, 3, 7), (3, 2, 4)], 5.0, 10, [8])
    # Products of content forward and for the weights, all others once more for what came in.
    first = 2 * 2 * (6 + 3) * 5 * 10 + 3 * (2 * 7 * 10 + 2 * 3 * 10 * 10)
    second = 3 * (2 * (3 + 2) * 10 * 10 + 2 * 4 * 10 + 2 * 2 * 10 * 10)
    dense = 3 * 2 * 2 * 10 * 8
    assert found.flop == first + second + dense
    # Numbers of 4 bytes: states of senders, messages written and read, sums and states.
    # The content of six and of three is read once more backwards; all else is twice more.
    content = 2 * (6 * 5 + 3 * 5)
    first = 6 * 10 + 7 * 10 + 3 * 10 + 2 * 3 * 10
    second = 3 * 10 + 3 * 10 + 4 * 10 + 2 * (10 + 10) + 2 * 2 * 10
    assert found.bytes == 4 * (content + 3 * (first + second + 2 * (10 + 8)))


def test_twice_the_graph_is_twice_the_work():
    one, two = work_of([(6, 3, 7)], 5.0, 10, [8]), work_of([(12, 6, 14)], 5.0, 10, [8])
    assert two == Work(2 * one.bytes, 2 * one.flop)


@pytest.mark.parametrize(
    ("measured", "work"),
    [
        # A mebibyte is read and written.
        (lambda: bandwidth(1, 2), 2 * 2**20),
        (lambda: product_rate(64, 2), 2 * 64**3),
    ],
)
def test_the_fastest_round_tells_the_rate(measured, work, monkeypatch):
    times = iter([10.0, 12.0, 20.0, 21.5])
    monkeypatch.setattr(bound, "time", SimpleNamespace(perf_counter=lambda: next(times)))
    assert measured() == work / 1.5
