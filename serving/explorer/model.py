"""The explorer's questions to the served model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import tensorflow as tf

from catalogues.spec import LISTENING
from serving.embedded.asking import Asking, find_signature
from serving.embedded.servable import Signature
from serving.embedded.status import FAILED_PRECONDITION, INVALID_ARGUMENT, Refused
from serving.errors import InvalidRequest
from serving.explorer.asked import NO_FILTERS, Filters
from serving.listening import (
    TAKES_NO_PLAYS,
    listening_vectors,
    tensors_of_plays,
    with_vectors,
)
from serving.new_artist import NewArtist, tensors_of

Ranking = list[tuple[str, float]]
"""(id, score) of each answer, the most similar first."""

_SIMILAR: Final = "similar"
_FILTERED: Final = "similar_filtered"
_NEAREST: Final = "nearest"
_EMBED_NEW: Final = "embed_new"
_NOT_CONTENT: Final = ("artist_id", "neighbor_id", "neighbor_weight")


def similar(
    asking: Asking, artist_id: Sequence[str], k: int, filters: Filters = NO_FILTERS
) -> list[Ranking]:
    """The most similar artists of each, in requests no larger than the server allows.

    Args:
      asking: the version.
      artist_id: of the catalogue.
      k: the most of each answer.
      filters: whom the answers may have.

    Raises:
      Refused: beyond a limit, or the version cannot filter.
    """
    if filters and _FILTERED not in asking.servable.signatures:
        raise Refused(
            FAILED_PRECONDITION,
            f"Version {asking.servable.version} of the model cannot filter; run the pipeline "
            "again, or ask without filters.",
        )
    signature = find_signature(asking.servable, _FILTERED if filters else _SIMILAR)
    rankings: list[Ranking] = []
    for start in range(0, len(artist_id), asking.limits.batch):
        part = artist_id[start : start + asking.limits.batch]
        inputs: dict[str, np.ndarray] = {"artist_id": _texts(part), "k": np.array(k, np.int32)}
        if filters:
            inputs.update(_filters(filters, len(part)))
        rankings += _rankings(asking.run(signature, inputs, ["similar_id", "score"]))
    return rankings


def with_listening(asking: Asking, new: NewArtist) -> tuple[NewArtist, int]:
    """A new artist with what its plays become as content, in place of the plays.

    Returns:
      (artist, known_listeners), the latter the number of listeners that the model knows.

    Raises:
      Refused: the model takes no plays, or the artist has what they become beside them.
    """
    if not new.plays:
        return new, 0
    if LISTENING not in asking.servable.signatures:
        raise Refused(INVALID_ARGUMENT, TAKES_NO_PLAYS)
    signature = find_signature(asking.servable, LISTENING)
    try:
        answer = asking.run(signature, tensors_of_plays([new.plays]))
        found = listening_vectors([answer], 1, 0)
        [artist] = with_vectors([new], found)
    except InvalidRequest as error:
        raise Refused(INVALID_ARGUMENT, error.message) from None
    return artist, int(found.known_listeners[0])


def similar_to_new(asking: Asking, new: NewArtist, k: int, filters: Filters) -> tuple[Ranking, int]:
    """The most similar artists of one that the catalogue does not have.

    Returns:
      (ranking, known_neighbors), the latter the number of its neighbours in the catalogue.

    Raises:
      Refused: content that the model does not take, beyond a limit, or an older version.
    """
    if _NEAREST not in asking.servable.signatures:
        raise Refused(
            FAILED_PRECONDITION,
            f"Version {asking.servable.version} of the model cannot be asked for the artists "
            "nearest to a new one; run the pipeline again.",
        )
    signature = find_signature(asking.servable, _EMBED_NEW)
    try:
        inputs = tensors_of([new], modalities_of(signature))
    except InvalidRequest as error:
        raise Refused(INVALID_ARGUMENT, error.message) from None
    embedded = asking.run(signature, inputs)
    inputs = {
        "embedding": embedded["embedding"],
        "k": np.array(k, np.int32),
        **_filters(filters, 1),
    }
    nearest = asking.run(find_signature(asking.servable, _NEAREST), inputs)
    return _rankings(nearest)[0], int(embedded["known_neighbors"][0])


def modalities_of(signature: Signature) -> dict[str, int | None]:
    """The content that `embed_new` takes: modality -> length of its vectors; None for words."""
    found: dict[str, int | None] = {}
    for name, wanted in signature.inputs.items():
        if name in _NOT_CONTENT:
            continue
        if wanted.dtype == tf.float32 and f"{name}_present" in signature.inputs:
            assert wanted.shape is not None
            found[name] = wanted.shape[-1]
        elif wanted.dtype == tf.string and f"{name}_weight" in signature.inputs:
            found[name] = None
    return found


def _filters(filters: Filters, num_asked: int) -> dict[str, np.ndarray]:
    exclude = _texts(filters.exclude or [""])
    return {
        "modality": _texts(filters.modality or [""]),
        "min_popularity": np.array(filters.min_popularity, np.float32),
        "exclude_id": np.broadcast_to(exclude, (num_asked, len(exclude))),
    }


def _texts(texts: Sequence[str]) -> np.ndarray:
    return np.array([text.encode() for text in texts], object)


def _rankings(outputs: Mapping[str, np.ndarray]) -> list[Ranking]:
    return [
        # Where fewer are left than were asked for, the rest has no id.
        [(key.decode(), float(score)) for key, score in zip(keys, scores, strict=True) if key]
        for keys, scores in zip(outputs["similar_id"], outputs["score"], strict=True)
    ]
