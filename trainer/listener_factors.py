"""What is learnt of listeners: a vector each, from which an artist's own is folded in.

"Collaborative filtering for implicit feedback datasets" (Hu, Koren, Volinsky 2008).
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterable
from typing import Final

import numpy as np
import scipy.linalg

from trainer.one_blas_thread import one_blas_thread

LISTENING_FILE: Final = "listening.npz"
"""Beside `content.json`, where the catalogue has plays."""


@dataclasses.dataclass(frozen=True, eq=False)
class ListenerFactors:
    """The listeners' half of a factorised matrix of plays.

    Attributes:
      listener_id: [num_listeners] text, sorted.
      factors: [num_listeners, num_factors] float32, Y.
      gram: [num_factors, num_factors] float64, Y^T Y, so that all solve with the same numbers.
      alpha, epsilon: of the confidence 1 + alpha * log(1 + plays / epsilon).
      regularization: lambda.
    """

    listener_id: np.ndarray
    factors: np.ndarray
    gram: np.ndarray
    alpha: float
    epsilon: float
    regularization: float

    @property
    def num_factors(self) -> int:
        """The length of an artist's vector."""
        return self.factors.shape[1]

    def fold_in(self, rows: np.ndarray, plays: np.ndarray) -> np.ndarray:
        """An artist's vector (Y^T C Y + lambda I)^-1 Y^T C p, equation 5 of the paper.

        C is diagonal with the confidences, which are 1 of listeners who did not play the artist;
        p is 1 of those who did, and 0 of the others.

        Args:
          rows: [num_plays] int64, the listeners who played it, each once.
          plays: [num_plays] float64, above zero.

        Returns:
          [num_factors] float32.
        """
        played = self.factors[rows].astype(np.float64)
        confidence = confidences(plays, self.alpha, self.epsilon)
        with one_blas_thread():
            # Y^T C Y is Y^T Y, the same for all artists, and what those add who played this one.
            added = (played * (confidence - 1.0)[:, None]).T @ played
            matrix = self.gram + added + self.regularization * np.eye(self.num_factors)
            vector = scipy.linalg.solve(matrix, played.T @ confidence, assume_a="pos")
        return vector.astype(np.float32)

    def to_bytes(self) -> bytes:
        """An npz archive, which nothing but these numbers decides."""
        encoded = [str(listener_id).encode() for listener_id in self.listener_id]
        offsets = np.concatenate([[0], np.cumsum([len(text) for text in encoded], dtype=np.int64)])
        file = io.BytesIO()
        np.savez(
            file,
            # Texts one after the other: NumPy's own are as wide as the longest.
            listener_id=np.frombuffer(b"".join(encoded), np.uint8),
            listener_id_offsets=offsets,
            factors=self.factors,
            gram=self.gram,
            alpha=np.float64(self.alpha),
            epsilon=np.float64(self.epsilon),
            regularization=np.float64(self.regularization),
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, archive: bytes) -> ListenerFactors:
        """What `to_bytes` wrote."""
        arrays = np.load(io.BytesIO(archive), allow_pickle=False)
        text, offsets = arrays["listener_id"].tobytes(), arrays["listener_id_offsets"]
        return cls(
            texts(text[start:end].decode() for start, end in zip(offsets, offsets[1:])),
            arrays["factors"],
            arrays["gram"],
            float(arrays["alpha"]),
            float(arrays["epsilon"]),
            float(arrays["regularization"]),
        )


def confidences(plays: np.ndarray, alpha: float, epsilon: float) -> np.ndarray:
    """How sure it is that a listener likes an artist, by the plays; equation 6 of the paper.

    Args:
      plays: float64, above zero.
      alpha: how much plays add.
      epsilon: the number of plays from which on they count as their logarithm.
    """
    return 1.0 + alpha * np.log1p(plays / epsilon)


def texts(found: Iterable[str]) -> np.ndarray:
    """[num] texts as objects: NumPy's own are as wide as the longest."""
    listed = list(found)
    array = np.empty(len(listed), object)
    array[:] = listed
    return array
