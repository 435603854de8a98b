"""Mean and deviation of vectors, exact: the same bits however a runner bundles them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import apache_beam as beam
import numpy as np

# A sum of 256 rows is far cheaper than 256 sums of one row.
_ROWS_AT_ONCE: Final = 256
# Every 32-bit float is a whole number of 2^-149, and its square one of 2^-298.
_UNIT_BITS: Final = 149
# Sums of 256 digits are whole numbers below 2^49, which 64-bit floats add up without rounding.
_DIGIT_BITS: Final = 40
# Below it a division in 32-bit floats is one by zero.
_SMALLEST_DEVIATION: Final = 1e-30


class Sums(NamedTuple):
    """Of a part of the vectors, and the vectors that are not in it yet.

    Attributes:
      num_vectors: in `numbers` and `squares`.
      numbers: [dim] the sum of each number, in units of 2^-149; none before the first vector.
      squares: [dim] the sum of its squares, in units of 2^-298.
      waiting: fewer than 256 vectors.
    """

    num_vectors: int
    numbers: list[int]
    squares: list[int]
    waiting: list[Sequence[float]]


class Moments(beam.CombineFn):
    """[dim] vectors -> (count, mean, standard deviation), each rounded once from exact sums.

    Numbers count as the 32-bit floats that examples hold. Sums of them and of their squares are
    Python's whole numbers, so that no order, no bundling and no number of vectors changes a bit,
    and nothing is lost far from zero. An accumulator takes some 150 bytes a number, and up to 256
    vectors beside.
    """

    def create_accumulator(self) -> Sums:
        """No vector at all."""
        return Sums(0, [], [], [])

    def add_input(self, accumulator: Sums, vector: Sequence[float]) -> Sums:
        """Adds one vector."""
        accumulator.waiting.append(vector)
        if len(accumulator.waiting) < _ROWS_AT_ONCE:
            return accumulator
        return self.compact(accumulator)

    def merge_accumulators(self, accumulators: Iterable[Sums]) -> Sums:
        """Merges partial sums."""
        total = self.create_accumulator()
        for part in accumulators:
            total = _added(total, self.compact(part))
        return total

    def compact(self, accumulator: Sums) -> Sums:
        """Takes waiting vectors into the sums, before an accumulator travels."""
        if not accumulator.waiting:
            return accumulator
        rows = np.array(accumulator.waiting, np.float32).astype(np.float64)
        # 24 bits times 24 bits are 48: a 64-bit float holds the square of a 32-bit one.
        sums = column_sums(rows, _UNIT_BITS), column_sums(rows * rows, 2 * _UNIT_BITS)
        return _added(accumulator._replace(waiting=[]), Sums(len(rows), *sums, []))

    def extract_output(self, accumulator: Sums) -> tuple[int, tuple[float, ...], tuple[float, ...]]:
        """Returns (count, mean, deviation); a constant has deviation 1, to be divided by."""
        count, numbers, squares, _ = self.compact(accumulator)
        # Python rounds a quotient of whole numbers once, however long they are.
        mean = tuple(total / (count << _UNIT_BITS) for total in numbers)
        variance = [
            (count * square - total * total) / (count * count << 2 * _UNIT_BITS)
            for total, square in zip(numbers, squares, strict=True)
        ]
        return count, mean, tuple(map(_deviation, variance, mean))


def column_sums(rows: np.ndarray, unit_bits: int) -> list[int]:
    """The exact sum of each column, in units of 2^-unit_bits.

    Each number is taken apart into digits of 40 bits, largest first, by operations of 64-bit floats
    that round nothing: scaling by a power of two, the nearest whole number, and what is left of it.

    Args:
      rows: [at most 256, dim] float64, whole numbers of 2^-unit_bits, of magnitudes below 2^300.
      unit_bits: at most 300.
    """
    totals = [0] * rows.shape[1]
    # The magnitudes are below 2^exponent.
    _, exponent = math.frexp(np.abs(rows).max(initial=0.0))
    for place in range((exponent + unit_bits) // _DIGIT_BITS, -1, -1):
        if not rows.any():
            break
        shift = place * _DIGIT_BITS
        digits = np.rint(np.ldexp(rows, unit_bits - shift))
        rows = rows - np.ldexp(digits, shift - unit_bits)
        for column, digit in enumerate(digits.sum(axis=0).tolist()):
            totals[column] += int(digit) << shift
    return totals


def _added(one: Sums, other: Sums) -> Sums:
    if not one.num_vectors or not other.num_vectors:
        return other if other.num_vectors else one
    return Sums(
        one.num_vectors + other.num_vectors,
        [a + b for a, b in zip(one.numbers, other.numbers, strict=True)],
        [a + b for a, b in zip(one.squares, other.squares, strict=True)],
        [],
    )


def _deviation(variance: float, mean: float) -> float:
    deviation = math.sqrt(variance)
    # Where numbers barely differ, rounding is all that a division would blow up.
    return deviation if deviation > max(1e-6 * abs(mean), _SMALLEST_DEVIATION) else 1.0
