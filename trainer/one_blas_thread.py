"""Linear algebra whose last bits do not depend on how many threads BLAS has."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from typing import Final

# Each brings a BLAS of its own, which is to be there when the libraries are looked for.
import numpy as np  # noqa: F401
import scipy.linalg  # noqa: F401
import threadpoolctl

# The limit is the whole process's: the first thread that ends would lift the others'.
_LOCK: Final = threading.RLock()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Gives NumPy's and SciPy's BLAS one thread while the context is open.

    A sum that several threads share is rounded as they share it. Small systems are solved faster
    by one, too.
    """
    with _LOCK, _libraries().limit(limits=1, user_api="blas"):
        yield


@functools.lru_cache(maxsize=1)
def _libraries() -> threadpoolctl.ThreadpoolController:
    return threadpoolctl.ThreadpoolController()
