"""Plays of new artists: what the signature `listening` takes, and what it answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalogues.spec import LISTENING
from serving.answers import Outputs, column
from serving.errors import InvalidRequest
from serving.new_artist import NewArtist, padded

TAKES_NO_PLAYS: Final = (
    "The model takes no plays: it was trained without them, or does not read what they become, the "
    f"modality '{LISTENING}'."
)
"""What a model without the signature is said to be."""


@dataclasses.dataclass(frozen=True, eq=False)
class ListeningVectors:
    """What plays become, in the order in which they were given.

    Attributes:
      listening: [num_artists, dim] float32; zeros where it is not present.
      present: [num_artists] bool: whether a listener whom the model knows played the artist.
      known_listeners: [num_artists] int64: how many of them did.
    """

    listening: NDArray[np.float32]
    present: NDArray[np.bool_]
    known_listeners: NDArray[np.int64]


def tensors_of_plays(plays: Sequence[Mapping[str, float]]) -> dict[str, NDArray[Any]]:
    """The inputs of `listening`, padded to the longest.

    Args:
      plays: of each artist, at least one: listener id -> how often.

    Returns:
      listener_id [num_artists, most_listeners] objects, plays the same float32.

    Raises:
      InvalidRequest: a listener's id is empty, or plays are no finite numbers or below zero.
    """
    listeners, counts = padded("listeners", plays, numbers="plays")
    if (counts < 0).any():
        raise InvalidRequest("The plays of the listeners may not be below zero.")
    return {"listener_id": listeners, "plays": counts}


def listening_vectors(answers: Sequence[Outputs], num_artists: int, dim: int) -> ListeningVectors:
    """The answers to all pieces, put together.

    Args:
      answers: the outputs of each piece.
      num_artists: in all of them.
      dim: of the vectors, where there is no piece.
    """
    vectors = column(answers, LISTENING, np.float32, (num_artists, -1))
    return ListeningVectors(
        vectors if answers else np.zeros((0, dim), np.float32),
        column(answers, f"{LISTENING}_present", np.bool_, (num_artists,)),
        column(answers, "known_listeners", np.int64, (num_artists,)),
    )


def with_vectors(artists: Sequence[NewArtist], found: ListeningVectors) -> tuple[NewArtist, ...]:
    """Artists with what their plays become as content, where it is present, and without the plays.

    Raises:
      InvalidRequest: an artist has both.
    """
    replaced = []
    for artist, vector, present in zip(artists, found.listening, found.present, strict=True):
        if artist.plays and LISTENING in artist.content:
            raise InvalidRequest(
                f"An artist has both plays and the content '{LISTENING}', which is made of them; "
                "give one of the two."
            )
        content = {**artist.content, LISTENING: vector} if present else artist.content
        replaced.append(dataclasses.replace(artist, content=content, plays={}))
    return tuple(replaced)
