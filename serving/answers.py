"""What a client is answered, and how it is put together from the outputs of a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from serving.errors import error_of
from serving.pushed_model import SimilarArtist

Outputs = Mapping[str, Any]
"""Of one request: name -> array or nested lists."""


@dataclasses.dataclass(frozen=True, eq=False)
class Embeddings:
    """Of artists of the catalogue, in the order in which they were asked for.

    Attributes:
      embedding: [num_artists, dim] float32; zeros for an artist that is not known.
      known: [num_artists] bool: whether the catalogue has the artist.
    """

    embedding: NDArray[np.float32]
    known: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class NewEmbeddings:
    """Of new artists, in the order in which they were given.

    Attributes:
      embedding: [num_artists, dim] float32.
      known_neighbors: [num_artists] int64: how many of the artist's neighbours the catalogue has.
    """

    embedding: NDArray[np.float32]
    known_neighbors: NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class SimilarArtists:
    """The answer to "who sounds like X?".

    Attributes:
      artist_id: who was asked for.
      known: whether the catalogue has that artist.
      artists: the most similar first; none if it is not known.
    """

    artist_id: str
    known: bool
    artists: tuple[SimilarArtist, ...]


def ranked(answers: Sequence[Outputs], num_asked: int) -> list[tuple[SimilarArtist, ...]]:
    """Those whom each answer names, without the padding where there are fewer than were asked for.

    Args:
      answers: similar_id, name and score of each piece.
      num_asked: artists or embeddings in all pieces together.

    Raises:
      ServingError: they are not what the signature says.
    """
    table = (num_asked, -1)
    similar_id = column(answers, "similar_id", object, table)
    name = column(answers, "name", object, table)
    score = column(answers, "score", np.float32, table)
    if not similar_id.shape == name.shape == score.shape:
        raise error_of("INTERNAL", "'similar_id', 'name' and 'score' differ in shape")
    return [
        tuple(
            SimilarArtist(*found)
            for found in zip(similar_id[row], name[row], score[row].tolist(), strict=True)
            if found[0]
        )
        for row in range(num_asked)
    ]


def column(
    answers: Sequence[Outputs], name: str, dtype: DTypeLike, shape: tuple[int, ...]
) -> NDArray[Any]:
    """One output of all pieces, put together.

    Args:
      answers: the outputs of each piece.
      name: of the output.
      dtype: to have.
      shape: to have; -1 where any size will do.

    Raises:
      ServingError: an answer does not have it so.
    """
    if not answers:
        return np.zeros([max(size, 0) for size in shape], dtype)
    try:
        whole = np.concatenate([np.asarray(answer[name], dtype) for answer in answers])
        if whole.ndim != len(shape) or len(whole) != shape[0]:
            raise ValueError(f"The shape is {whole.shape}.")
    except (KeyError, TypeError, ValueError) as error:
        raise error_of("INTERNAL", f"'{name}' is missing or not as the signature says") from error
    return whole
