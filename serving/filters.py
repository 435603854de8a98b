"""Who may be in an answer, as the tensors that `similar_filtered` and `nearest` take."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import InvalidRequest
from serving.protocol import texts_of


@dataclasses.dataclass(frozen=True)
class Filters:
    """Leaves artists out of an answer; those who pass all filters move up.

    Attributes:
      modalities: content that who passes has, all of it; names as the catalogue has them.
      min_popularity: in the catalogue's unit; who passes is known to be as popular. Not above 0,
        it asks for nothing.
      exclude: ids of artists to leave out of every answer. Those that the catalogue does not have
        say nothing.
    """

    modalities: Sequence[str] = ()
    min_popularity: float = 0.0
    exclude: Sequence[str] = ()

    def tensors(self, num_asked: int) -> dict[str, NDArray[Any]]:
        """The inputs of the filters, for so many artists or embeddings.

        Returns:
          modality [m] and exclude_id [num_asked, n] objects, with at least one column as JSON has
          no [num_asked, 0]; min_popularity [] float32.

        Raises:
          InvalidRequest: modalities or exclude are no lists of texts, or min_popularity is no
            finite number.
        """
        modalities = texts_of(self.modalities, "modalities") or [""]
        exclude = texts_of(self.exclude, "ids to exclude") or [""]
        try:
            with np.errstate(over="ignore"):
                popularity = np.asarray(self.min_popularity, np.float32)
        except (TypeError, ValueError, OverflowError):
            popularity = np.array(np.nan, np.float32)
        if popularity.ndim or not np.isfinite(popularity):
            raise InvalidRequest("min_popularity has to be a finite number.")
        return {
            "modality": np.array(modalities, object),
            "min_popularity": popularity,
            "exclude_id": np.tile(np.array(exclude, object), (num_asked, 1)),
        }
