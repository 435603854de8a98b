"""The functions of a bulk model in the process of a worker, loaded once for all its steps."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from trainer.bulk_model import load_bulk_functions

BATCH: Final = 512
"""Artists whose content is encoded at a time: numbers of all words of the vocabulary each."""


@functools.lru_cache(maxsize=1)
def _functions(path: str) -> Callable[..., Any]:
    return load_bulk_functions(path)


class BulkFunction:
    """A function of a bulk model for arrays of any length.

    Args:
      path: of the SavedModel that brings it.
      name: of the function.
    """

    def __init__(self, path: str, name: str):
        self._path, self._name = path, name

    def __call__(self, *given: np.ndarray) -> np.ndarray:
        """[num, width] float32, a batch at a time; batches depend on the arrays' length alone."""
        call = _functions(self._path)
        parts = [
            call(self._name, *(array[first : first + BATCH] for array in given))
            for first in range(0, len(given[0]), BATCH)
        ]
        return np.concatenate(parts)
