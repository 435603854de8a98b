"""Folding in, by hand and against the paper's equation with all its matrices written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import threadpoolctl
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.blas_threads import blas_threads
from trainer.listener_factors import ListenerFactors, texts


def factors_of(factors, alpha=1.0, epsilon=1.0, regularization=1.0) -> ListenerFactors:
    """Listeners 0, 1, … with these vectors."""
    kept = np.asarray(factors, np.float32)
    wide = kept.astype(np.float64)
    names = texts(f"{row:06d}" for row in range(len(kept)))
    return ListenerFactors(names, kept, wide.T @ wide, alpha, epsilon, regularization)


def slow_fold_in(known: ListenerFactors, plays: np.ndarray) -> np.ndarray:
    """(Y^T C Y + lambda I)^-1 Y^T C p over all listeners; `plays` has one number for each."""
    y = known.factors.astype(np.float64)
    c = np.diag([1 + known.alpha * math.log(1 + r / known.epsilon) for r in plays])
    p = np.array([float(r > 0) for r in plays])
    identity = np.eye(known.num_factors)
    return np.linalg.inv(y.T @ c @ y + known.regularization * identity) @ y.T @ c @ p


def test_two_listeners_by_hand():
    known = factors_of([[1, 0], [0, 1]])
    # C = diag(2, 3), so (diag(2, 3) + I)^-1 (2, 3) = (2/3, 3/4).
    both = known.fold_in(np.array([0, 1]), np.array([math.e - 1, math.e**2 - 1]))
    assert both == pytest.approx([2 / 3, 3 / 4])
    # The other did not play it, which counts for it with confidence 1, on its own axis alone.
    one = known.fold_in(np.array([0]), np.array([math.e - 1]))
    assert one == pytest.approx([2 / 3, 0])


def test_who_did_not_play_it_pulls_towards_zero():
    known = factors_of([[1], [2]])
    # 1^2 * 2 + 2^2 * 1 + 1 = 7, and 1 * 2 * 1 on the right.
    assert known.fold_in(np.array([0]), np.array([math.e - 1])) == pytest.approx([2 / 7])


@st.composite
def cases(draw):
    num_listeners, num_factors = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    number = st.floats(-3, 3, width=32)
    factors = draw(
        st.lists(
            st.lists(number, min_size=num_factors, max_size=num_factors),
            min_size=num_listeners,
            max_size=num_listeners,
        )
    )
    plays = draw(
        st.lists(
            st.one_of(st.just(0.0), st.floats(1e-3, 1e6)),
            min_size=num_listeners,
            max_size=num_listeners,
        )
    )
    positive = st.floats(0.1, 20)
    options = [draw(positive) for _ in range(3)]
    return factors_of(factors, *options), np.array(plays)


@given(cases())
def test_it_is_the_papers_equation(case):
    known, plays = case
    rows = np.flatnonzero(plays)
    folded = known.fold_in(rows, plays[rows])
    assert folded.dtype == np.float32
    np.testing.assert_allclose(folded, slow_fold_in(known, plays), rtol=1e-5, atol=1e-6)


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_plays_does_not_matter(case, generator):
    known, plays = case
    rows = np.flatnonzero(plays)
    shuffled = list(rows)
    generator.shuffle(shuffled)
    shuffled = np.array(shuffled, np.int64)
    np.testing.assert_allclose(
        known.fold_in(shuffled, plays[shuffled]), known.fold_in(rows, plays[rows]), atol=1e-6
    )


def test_blas_has_one_thread(monkeypatch):
    """With more, a solution has other last bits, which 32-bit vectors show once in millions."""
    seen, solve = [], scipy.linalg.solve

    def watched(*given, **options):
        seen.append(blas_threads())
        return solve(*given, **options)

    monkeypatch.setattr(scipy.linalg, "solve", watched)
    with threadpoolctl.threadpool_limits(3, user_api="blas"):
        factors_of(np.eye(4, 3)).fold_in(np.array([0, 2]), np.array([1.0, 5.0]))
        assert blas_threads() == {3}
    assert seen == [{1}]


def test_an_archive_gives_back_what_was_put_in():
    names = texts(sorted(["", "a", "a\u2028b", "é" * 300, "모노"]))
    known = ListenerFactors(names, np.ones((5, 3), np.float32), np.eye(3) / 3, 0.5, 2.5, 7.0)
    archive = known.to_bytes()
    found = ListenerFactors.from_bytes(archive)
    assert found.listener_id.tolist() == names.tolist()
    np.testing.assert_array_equal(found.factors, known.factors)
    np.testing.assert_array_equal(found.gram, known.gram)
    assert (found.alpha, found.epsilon, found.regularization) == (0.5, 2.5, 7.0)
    assert found.to_bytes() == archive


def test_an_archive_without_listeners():
    none = factors_of(np.zeros((0, 4)))
    assert ListenerFactors.from_bytes(none.to_bytes()).factors.shape == (0, 4)
