"""How many threads linear algebra has at the moment."""

from __future__ import annotations

import threadpoolctl


def blas_threads() -> set[int]:
    """The numbers of threads of NumPy's and SciPy's BLAS."""
    libraries = threadpoolctl.threadpool_info()
    return {one["num_threads"] for one in libraries if one["user_api"] == "blas"}
