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


class Partial(NamedTuple):
    """Moments of a part of the vectors, and the vectors that are not in them yet.

    Attributes:
      num_vectors: in `mean` and `comoments`.
      mean: [dim] float64.
      comoments: [dim, dim] float64, sum of outer products of the deviations from the mean.
      waiting: fewer than 256 vectors, each [dim] float64.
    """

    num_vectors: int
    mean: np.ndarray
    comoments: np.ndarray
    waiting: list[np.ndarray]


class CoMoments(beam.CombineFn):
    """[dim] vectors -> [dim, dim] float64 covariance, numerically stable in any bundling.

    Parts are merged after Chan, Golub and LeVeque 1979:
      C = C_a + C_b + (m_b - m_a)(m_b - m_a)^T n_a n_b / (n_a + n_b).
    An accumulator takes 8 dim^2 bytes, and up to 256 vectors beside: 9 MB for 1,024 numbers.
    """

    def create_accumulator(self) -> Partial:
        """No vector at all."""
        return Partial(0, np.zeros(0), np.zeros((0, 0)), [])

    def add_input(self, accumulator: Partial, vector: Iterable[float]) -> Partial:
        """Adds one vector."""
        accumulator.waiting.append(np.asarray(vector, np.float64))
        if len(accumulator.waiting) < _ROWS_AT_ONCE:
            return accumulator
        return self.compact(accumulator)

    def merge_accumulators(self, accumulators: Iterable[Partial]) -> Partial:
        """Merges partial moments."""
        total = self.create_accumulator()
        for part in accumulators:
            total = _merged(total, self.compact(part))
        return total

    def compact(self, accumulator: Partial) -> Partial:
        """Takes waiting vectors into the moments, before an accumulator travels."""
        if not accumulator.waiting:
            return accumulator
        rows = np.array(accumulator.waiting)
        mean = rows.mean(axis=0)
        deviations = rows - mean
        return _merged(
            accumulator._replace(waiting=[]),
            Partial(len(rows), mean, deviations.T @ deviations, []),
        )

    def extract_output(self, accumulator: Partial) -> np.ndarray:
        """Returns the covariance, divided by the number of vectors."""
        whole = self.compact(accumulator)
        return whole.comoments / max(1, whole.num_vectors)


def _merged(one: Partial, other: Partial) -> Partial:
    if not one.num_vectors or not other.num_vectors:
        return other if other.num_vectors else one
    count = one.num_vectors + other.num_vectors
    delta = other.mean - one.mean
    return Partial(
        count,
        one.mean + delta * (other.num_vectors / count),
        one.comoments
        + other.comoments
        + np.outer(delta, delta) * (one.num_vectors * other.num_vectors / count),
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
                yield name, (np.array(vector) - mean) / deviation


def _components(keyed: tuple[str, np.ndarray], pca_dim: int) -> tuple[str, np.ndarray]:
    name, covariance = keyed
    return f"{name}.components", leading_eigenvectors(covariance, pca_dim).T.astype(np.float32)
