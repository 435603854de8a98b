"""Means and deviations are those of exact sums, to the bit, in any order and any bundling."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.catalogue_example_gen.moments import Moments, column_sums
from tests.components.catalogue_example_gen.bundles import combined

# All that examples can hold: normal, subnormal and zero, of either sign.
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
LARGEST = float(np.finfo(np.float32).max)
SMALLEST = 2.0**-149


def root(square):
    """The root of a Fraction to 60 digits, by whole numbers."""
    scale = 10**60
    return Fraction(math.isqrt(square.numerator * scale**2 // square.denominator), scale)


@settings(max_examples=200)
@given(st.data(), st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=40))
def test_any_order_and_bundling_gives_the_bits_of_fractions(data, vectors):
    shuffled = data.draw(st.permutations(vectors))
    cuts = data.draw(st.lists(st.integers(0, len(vectors)), max_size=6))
    count, mean, deviation = combined(Moments(), shuffled, cuts)
    assert count == len(vectors)
    assert (count, mean, deviation) == combined(Moments(), vectors)
    for place, column in enumerate(zip(*vectors, strict=True)):
        numbers = [Fraction(number) for number in column]
        exact = sum(numbers) / count
        # float() of a Fraction is rounded once.
        assert mean[place] == float(exact)
        spread = root(sum((number - exact) ** 2 for number in numbers) / count)
        if spread > max(abs(exact) * Fraction(1, 10**5), Fraction(1, 10**29)):
            assert deviation[place] == pytest.approx(float(spread), rel=4e-16)


@given(st.integers(0, 999), st.sampled_from([1, 255, 256, 257, 700]))
@settings(max_examples=20)
def test_more_vectors_than_are_added_at_once(seed, num_vectors):
    generator = np.random.default_rng(seed)
    # From 1e-30 to 1e30, so that a sum of 64-bit floats would lose most of them.
    scales = 10 ** generator.uniform(-30, 30, (num_vectors, 3))
    vectors = (generator.normal(0, 1, (num_vectors, 3)) * scales).astype(np.float32)
    cuts = generator.integers(0, num_vectors + 1, 3).tolist()
    shuffled = generator.permutation(vectors)
    found = combined(Moments(), shuffled.tolist(), cuts)
    assert found == combined(Moments(), vectors.tolist())
    # fsum rounds once, and so does the division; Python's of whole numbers rounds once in all.
    expected = [math.fsum(column) / num_vectors for column in vectors.T.tolist()]
    np.testing.assert_allclose(found[1], expected, rtol=3e-16)


@pytest.mark.parametrize("unit_bits", [149, 298])
def test_sums_of_the_smallest_and_the_largest(unit_bits):
    number, least = (LARGEST, SMALLEST) if unit_bits == 149 else (LARGEST**2, SMALLEST**2)
    rows = np.array([[number, least, -number]] * 255 + [[least, number, number]])
    whole, small = int(number) << unit_bits, 1
    assert column_sums(rows, unit_bits) == [
        255 * whole + small,
        255 * small + whole,
        -254 * whole,
    ]
    assert column_sums(np.zeros((3, 2)), unit_bits) == [0, 0]


@given(st.data(), st.integers(2, 60), st.sampled_from([0.0, -3.0, 1e8, -1e8]))
def test_far_from_zero_nothing_is_lost(data, num_vectors, offset):
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    vectors = (offset + generator.normal(0, 1000, (num_vectors, 3))).astype(np.float32)
    _, mean, deviation = combined(Moments(), vectors.tolist())
    whole = vectors.astype(np.float64)
    np.testing.assert_allclose(mean, whole.mean(axis=0), rtol=1e-12, atol=1e-9)
    expected = whole.std(axis=0)
    # What is a millionth of the mean is the rounding of 32-bit content, so a constant.
    expected[expected <= 1e-6 * np.abs(whole.mean(axis=0))] = 1
    np.testing.assert_allclose(deviation, expected, rtol=1e-6)


def test_numbers_count_as_examples_hold_them():
    # No 32-bit float lies between 1 and 1 + 2^-23.
    assert combined(Moments(), [(1.0,), (1 + 2.0**-25,)]) == (2, (1.0,), (1.0,))
    # (1 + 3) / 2 and the root of ((1 - 2)^2 + (3 - 2)^2) / 2; 0.1 is another number in 32 bits.
    assert combined(Moments(), [(1.0, 0.1), (3.0, 0.1)]) == (
        2,
        (2.0, float(np.float32(0.1))),
        (1.0, 1.0),
    )


@pytest.mark.parametrize("constant", [0.0, 1 / 3, 1e8, -1e30, LARGEST, SMALLEST])
def test_a_constant_has_deviation_one(constant):
    _, mean, deviation = combined(Moments(), [[constant]] * 7, (2, 3, 5))
    assert mean == (float(np.float32(constant)),)
    assert deviation == (1.0,)


def test_small_units_are_no_constants():
    """Once any deviation below 1e-6 counted as a constant, and seconds in nanoseconds were lost."""
    _, _, deviation = combined(Moments(), [[1e-9], [3e-9]])
    assert deviation == (pytest.approx(1e-9),)


def test_no_vector_at_all():
    assert combined(Moments(), []) == (0, (), ())
    assert combined(Moments(), [[1.0], [2.0]], (0, 0, 2)) == (2, (1.5,), (0.5,))
