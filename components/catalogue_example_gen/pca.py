"""Principal components of wide vectors, fitted in one pass with bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import apache_beam as beam
import numpy as np

from components.catalogue_example_gen.artists import WholeArtist
from components.catalogue_example_gen.eigenvectors import leading_eigenvectors

# One product of 256 rows is far cheaper than 256 products of one row.
_ROWS_AT_ONCE: Final = 256
# Standardised numbers count as whole numbers of 2^-24, at most 4096 deviations from the mean. Of n
# artists none is farther than sqrt(n - 1).
_UNIT_BITS: Final = 24
_FARTHEST: Final = 4096.0
# Such a whole number, at most 2^36, is 2^18 times a high half and a low half, both at most 2^18.
_HALF_BITS: Final = 18


class Products(NamedTuple):
    """Of a part of the vectors, and the vectors that are not in it yet; all in whole numbers.

    With H and L the [num_vectors, dim] halves of the vectors:

    Attributes:
      num_vectors: that are in the sums.
      numbers: [dim] int64, the sum of the vectors, in units of 2^-24.
      high: [dim, dim] int64, H^T H.
      mixed: [dim, dim] int64, H^T L + L^T H.
      low: [dim, dim] int64, L^T L.
      waiting: fewer than 256 vectors, each [dim] float64.
    """

    num_vectors: int
    numbers: np.ndarray
    high: np.ndarray
    mixed: np.ndarray
    low: np.ndarray
    waiting: list[np.ndarray]


class CoMoments(beam.CombineFn):
    """Standardised [dim] vectors -> [dim, dim] float64 covariance, the same bits in any bundling.

    Numbers are rounded to 2^-24 and then never again: products of halves of 256 vectors are whole
    numbers below 2^45, which a product of 64-bit matrices adds up exactly in any order, and int64
    holds their sums over 2^27, so 134 million, vectors. An accumulator takes 24 dim^2 bytes, and up
    to 256 vectors beside: 27 MB for 1,024 numbers.
    """

    def create_accumulator(self) -> Products:
        """No vector at all."""
        none = np.zeros((0, 0), np.int64)
        return Products(0, np.zeros(0, np.int64), none, none, none, [])

    def add_input(self, accumulator: Products, vector: Iterable[float]) -> Products:
        """Adds one vector."""
        accumulator.waiting.append(np.asarray(vector, np.float64))
        if len(accumulator.waiting) < _ROWS_AT_ONCE:
            return accumulator
        return self.compact(accumulator)

    def merge_accumulators(self, accumulators: Iterable[Products]) -> Products:
        """Merges partial sums."""
        total = self.create_accumulator()
        for part in accumulators:
            total = _added(total, self.compact(part))
        return total

    def compact(self, accumulator: Products) -> Products:
        """Takes waiting vectors into the sums, before an accumulator travels."""
        if not accumulator.waiting:
            return accumulator
        near = np.clip(np.array(accumulator.waiting), -_FARTHEST, _FARTHEST)
        whole = np.rint(np.ldexp(near, _UNIT_BITS))
        high = np.rint(np.ldexp(whole, -_HALF_BITS))
        low = whole - np.ldexp(high, _HALF_BITS)
        mixed = high.T @ low
        part = Products(
            num_vectors=len(whole),
            numbers=whole.sum(axis=0).astype(np.int64),
            high=(high.T @ high).astype(np.int64),
            mixed=(mixed + mixed.T).astype(np.int64),
            low=(low.T @ low).astype(np.int64),
            waiting=[],
        )
        return _added(accumulator._replace(waiting=[]), part)

    def extract_output(self, accumulator: Products) -> np.ndarray:
        """Returns the covariance, divided by the number of vectors."""
        count, numbers, high, mixed, low, _ = self.compact(accumulator)
        if not count:
            return np.zeros((0, 0))
        squares = np.ldexp(high.astype(np.float64), 2 * (_HALF_BITS - _UNIT_BITS))
        squares += np.ldexp(mixed.astype(np.float64), _HALF_BITS - 2 * _UNIT_BITS)
        squares += np.ldexp(low.astype(np.float64), -2 * _UNIT_BITS)
        mean = np.ldexp(numbers.astype(np.float64), -_UNIT_BITS) / count
        return squares / count - np.outer(mean, mean)


def _added(one: Products, other: Products) -> Products:
    if not one.num_vectors or not other.num_vectors:
        return other if other.num_vectors else one
    return Products(
        one.num_vectors + other.num_vectors,
        one.numbers + other.numbers,
        one.high + other.high,
        one.mixed + other.mixed,
        one.low + other.low,
        [],
    )


class PrincipalComponents(beam.PTransform):
    """{'artists': training artists, 'statistics': one dictionary} -> ('<modality>.<name>', array).

    `components` for each vector modality wider than `pca_dim` that a training artist has:
    [min(pca_dim, rank), dim] float32, the leading principal components of its standardised numbers,
    orthonormal rows.

    Args:
      pca_dim: how many components, above zero.
    """

    def __init__(self, pca_dim: int):
        super().__init__("Principal components")
        self._pca_dim = pca_dim

    def expand(self, inputs):
        """Returns the named arrays."""
        statistics = beam.pvalue.AsSingleton(inputs["statistics"])
        return (
            inputs["artists"]
            | "Standardised" >> beam.ParDo(_Standardise(self._pca_dim), statistics)
            | "Covariance" >> beam.CombinePerKey(CoMoments())
            | "Components" >> beam.Map(_components, pca_dim=self._pca_dim)
        )


class _Standardise(beam.DoFn):
    """(artist id, WholeArtist) -> (modality, standardised vector), for those to be reduced."""

    def __init__(self, pca_dim: int):
        self._pca_dim = pca_dim
        self._wide: dict[str, tuple[np.ndarray, np.ndarray]] | None = None

    def start_bundle(self) -> None:
        self._wide = None

    def process(
        self, keyed: tuple[str, WholeArtist], statistics: dict[str, Any]
    ) -> Iterator[tuple[str, np.ndarray]]:
        if self._wide is None:
            self._wide = {
                entry["name"]: (np.array(entry["mean"]), np.array(entry["deviation"]))
                for entry in statistics["modalities"]
                if entry["kind"] == "vector" and entry["dim"] > self._pca_dim
            }
        for name, (mean, deviation) in self._wide.items():
            vector = keyed[1].content.get(name)
            if vector is not None:
                # As examples hold it: what the mean and the deviation are of.
                yield name, (np.array(vector, np.float32) - mean) / deviation


def _components(keyed: tuple[str, np.ndarray], pca_dim: int) -> tuple[str, np.ndarray]:
    name, covariance = keyed
    return f"{name}.components", leading_eigenvectors(covariance, pca_dim).T.astype(np.float32)
