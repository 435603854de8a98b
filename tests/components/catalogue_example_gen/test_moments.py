"""Means and deviations are NumPy's, in any bundling and far from zero."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.catalogue_example_gen.content import Moments


def moments(vectors, cuts=()):
    combiner = Moments()
    ends = [0, *sorted(cuts), len(vectors)]
    accumulators = []
    for start, end in zip(ends, ends[1:], strict=False):
        accumulator = combiner.create_accumulator()
        for vector in vectors[start:end]:
            accumulator = combiner.add_input(accumulator, tuple(vector))
        accumulators.append(accumulator)
    return combiner.extract_output(combiner.merge_accumulators(accumulators))


@given(st.data(), st.integers(2, 60), st.sampled_from([0.0, -3.0, 1e8, -1e8]))
def test_any_bundling_gives_numpys_moments(data, num_vectors, offset):
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    vectors = offset + generator.normal(0, 1000, (num_vectors, 3))
    cuts = data.draw(st.lists(st.integers(0, num_vectors), max_size=6))
    count, mean, deviation = moments(vectors.tolist(), cuts)
    assert count == num_vectors
    np.testing.assert_allclose(mean, vectors.mean(axis=0), rtol=1e-12, atol=1e-9)
    expected = vectors.std(axis=0)
    # What is a millionth of the mean is the rounding of 32-bit content, so a constant.
    expected[expected <= 1e-6 * np.abs(vectors.mean(axis=0))] = 1
    np.testing.assert_allclose(deviation, expected, rtol=1e-6)


@pytest.mark.parametrize("constant", [0.0, 1 / 3, 1e8, -1e30])
def test_a_constant_has_deviation_one(constant):
    _, mean, deviation = moments([[constant]] * 7, (2, 3, 5))
    assert mean == (pytest.approx(constant),)
    assert deviation == (1.0,)


def test_small_units_are_no_constants():
    """Once any deviation below 1e-6 counted as a constant, and seconds in nanoseconds were lost."""
    _, _, deviation = moments([[1e-9], [3e-9]])
    assert deviation == (pytest.approx(1e-9),)


def test_no_vector_at_all():
    assert moments([]) == (0, (), ())
