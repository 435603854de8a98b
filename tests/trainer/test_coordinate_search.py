"""Choosing constants one after the other."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from trainer.coordinate_search import coordinate_search

OPTIONS = ((0.0, 1.0, 2.0), (0.0, 10.0))


def test_each_constant_takes_its_best_value():
    target = (2.0, 10.0)
    found = coordinate_search(
        lambda c: -sum(abs(a - b) for a, b in zip(c, target, strict=True)), OPTIONS, (0.0, 0.0)
    )
    assert found == target


def test_nothing_is_changed_for_an_equal_score():
    assert coordinate_search(lambda c: 1.0, OPTIONS, (0.5, 0.7)) == (0.5, 0.7)


def test_no_combination_is_tried_twice_and_a_round_without_change_is_the_last():
    tried = []

    def score(constants):
        tried.append(constants)
        return constants[0]

    assert coordinate_search(score, OPTIONS, (0.0, 0.0), rounds=50) == (2.0, 0.0)
    # The start and five options, two of which are the start's; then (2, 0) is known already.
    assert sorted(tried) == [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (2.0, 10.0)]


def test_a_second_round_finds_what_the_first_made_possible():
    # The first constant is worth something only once the second is 10.
    def score(constants):
        return constants[1] + constants[0] * (constants[1] - 5)

    assert coordinate_search(score, OPTIONS, (0.0, 0.0)) == (0.0, 10.0)
    assert coordinate_search(score, OPTIONS, (0.0, 0.0), rounds=2) == (2.0, 10.0)


@given(st.lists(st.integers(0, 5), min_size=9, max_size=9), st.integers(1, 3))
def test_no_single_change_is_better_than_what_is_found(values, rounds):
    grid = dict(zip(itertools.product((0.0, 1.0, 2.0), repeat=2), values, strict=True))
    options = ((0.0, 1.0, 2.0),) * 2
    found = coordinate_search(grid.__getitem__, options, (0.0, 0.0), rounds=10)
    neighbours = [(v, found[1]) for v in options[0]] + [(found[0], v) for v in options[1]]
    assert grid[found] == max(grid[one] for one in neighbours)
    shorter = coordinate_search(grid.__getitem__, options, (0.0, 0.0), rounds=rounds)
    assert grid[0.0, 0.0] <= grid[shorter] <= grid[found]
