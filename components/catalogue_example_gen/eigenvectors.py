"""The leading eigenvectors of a Gram or covariance matrix, the same ones in every run."""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.linalg

from trainer.one_blas_thread import one_blas_thread

# Of eigenvalues: a direction with less than 1e-5 of the largest singular value is rounding.
_SMALLEST_SHARE: Final = 1e-10


def leading_eigenvectors(matrix: np.ndarray, most: int) -> np.ndarray:
    """The eigenvectors of the largest eigenvalues, the largest first.

    The same matrix gives the same bits on any number of threads. Of an eigenvector and its negative
    it is the one whose largest number in magnitude (of equally large ones the first) is positive.

    Args:
      matrix: [size, size] float64, symmetric and positive semi-definite.
      most: how many; there are fewer where the rank is lower.

    Returns:
      [size, min(most, rank)] float64, orthonormal columns.
    """
    size = len(matrix)
    if not size or not matrix.any():
        return np.zeros((size, 0))
    wanted = min(most, size)
    with one_blas_thread():
        values, vectors = scipy.linalg.eigh(matrix, subset_by_index=[size - wanted, size - 1])
    vectors = vectors[:, values > _SMALLEST_SHARE * values[-1]][:, ::-1]
    # Rounded, so that of two equally large numbers it is not the last bit that decides.
    largest = np.abs(vectors).round(9).argmax(axis=0)
    return vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
