"""Artists that the catalogue does not have, as the tensors that `embed_new` takes."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.errors import InvalidRequest
from serving.protocol import Signature, texts_of

Vector: TypeAlias = Sequence[float] | NDArray[Any]
Words: TypeAlias = Mapping[str, float]

_NOT_CONTENT: Final = ("artist_id", "neighbor_id", "neighbor_weight")


@dataclasses.dataclass(frozen=True, eq=False)
class NewArtist:
    """What is known of an artist that arrives today. All of it may be missing.

    Attributes:
      artist_id: matters to models of random vectors only.
      content: modality -> a vector of its length, or word -> weight for one of categories.
      neighbors: ids of similar artists of the catalogue; or id -> weight, where weights say
        how similar.
      plays: listener id -> how often; the model makes the content 'listening' of them.
    """

    artist_id: str = ""
    content: Mapping[str, Vector | Words] = dataclasses.field(default_factory=dict)
    neighbors: Mapping[str, float] | Sequence[str] = ()
    plays: Mapping[str, float] = dataclasses.field(default_factory=dict)


def modalities_of(signature: Signature) -> dict[str, int | None]:
    """The content that `embed_new` takes: modality -> length of its vectors; None for categories.

    Args:
      signature: of `embed_new`.
    """
    inputs = signature.inputs
    modalities: dict[str, int | None] = {}
    for name, spec in inputs.items():
        if name in _NOT_CONTENT:
            continue
        if f"{name}_present" in inputs and spec.dtype == "DT_FLOAT":
            modalities[name] = spec.shape[-1]
        elif f"{name}_weight" in inputs and spec.dtype == "DT_STRING":
            modalities[name] = None
    return modalities


def tensors_of(
    artists: Sequence[NewArtist], modalities: Mapping[str, int | None]
) -> dict[str, NDArray[Any]]:
    """The inputs of `embed_new`, padded to the longest of each.

    Args:
      artists: at least one; plays are not looked at.
      modalities: of `modalities_of`.

    Returns:
      Name -> array: artist_id [num_artists]; neighbor_id, neighbor_weight
      [num_artists, most_neighbors]; and for each modality a vector float32 [num_artists, dim] with
      <m>_present int64 [num_artists], or words [num_artists, most_words] with <m>_weight float32.
      Texts are objects.

    Raises:
      InvalidRequest: content is of another modality, kind or length, an id or a word is empty, or
        a number is not finite.
    """
    unknown = sorted({name for artist in artists for name in artist.content} - set(modalities))
    if unknown:
        close = difflib.get_close_matches(unknown[0], modalities, n=1)
        meant = f" (did you mean '{close[0]}'?)" if close else ""
        have = ", ".join(sorted(modalities)) or "none"
        raise InvalidRequest(f"The model has no modality '{unknown[0]}'{meant}; it has: {have}.")
    tensors: dict[str, NDArray[Any]] = {
        "artist_id": np.array(
            texts_of([artist.artist_id for artist in artists], "artist_ids"), object
        )
    }
    neighbors = [
        artist.neighbors
        if isinstance(artist.neighbors, Mapping)
        # Weights of zero mean that there are none to give.
        else dict.fromkeys(texts_of(artist.neighbors, "neighbors"), 0.0)
        for artist in artists
    ]
    tensors["neighbor_id"], tensors["neighbor_weight"] = padded("neighbors", neighbors)
    for modality, length in modalities.items():
        given = [artist.content.get(modality) for artist in artists]
        if length is None:
            tensors[modality], tensors[f"{modality}_weight"] = padded(
                f"'{modality}'", [_words(modality, content) for content in given]
            )
        else:
            tensors[modality] = np.zeros((len(artists), length), np.float32)
            for row, content in enumerate(given):
                if content is not None:
                    tensors[modality][row] = _vector(modality, length, content)
            tensors[f"{modality}_present"] = np.array(
                [content is not None for content in given], np.int64
            )
    return tensors


def _vector(modality: str, length: int, content: Vector | Words) -> NDArray[np.float32]:
    shape: tuple[int, ...] | None = None
    if not isinstance(content, Mapping):
        try:
            with np.errstate(over="ignore"):
                vector = np.asarray(content, np.float32)
            shape = vector.shape
        except OverflowError:
            raise _not_finite(modality) from None
        except (TypeError, ValueError):
            pass
    if shape != (length,):
        raise InvalidRequest(f"Content '{modality}' has to be a vector of {length} numbers.")
    if not np.isfinite(vector).all():
        raise _not_finite(modality)
    return vector


def _not_finite(modality: str) -> InvalidRequest:
    return InvalidRequest(f"Content '{modality}' has to have finite numbers.")


def _words(modality: str, content: Vector | Words | None) -> Words:
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise InvalidRequest(f"Content '{modality}' has to be words with their weights.")
    return content


def padded(
    what: str, rows: Sequence[Mapping[str, float]], numbers: str = "weights"
) -> tuple[NDArray[np.object_], NDArray[np.float32]]:
    """[rows, longest] texts and float32 numbers; at least one column, as JSON has no [rows, 0].

    Args:
      what: the texts are.
      rows: at least one.
      numbers: what the numbers are.

    Raises:
      InvalidRequest: a text is empty, or a number is none or not finite.
    """
    shape = (len(rows), max(1, *(len(row) for row in rows)))
    texts, weights = np.full(shape, "", object), np.zeros(shape, np.float32)
    for place, row in enumerate(rows):
        if "" in row:
            raise InvalidRequest(f"An empty text among the {what} would be taken for padding.")
        try:
            with np.errstate(over="ignore"):
                weights[place, : len(row)] = list(row.values())
        except OverflowError:
            # An integer beyond any float; what overflows float32 alone becomes infinite.
            weights[place] = np.inf
        except (TypeError, ValueError):
            raise InvalidRequest(f"The {numbers} of the {what} have to be numbers.") from None
        texts[place, : len(row)] = texts_of(row, what)
    if not np.isfinite(weights).all():
        raise InvalidRequest(f"The {numbers} of the {what} have to be finite.")
    return texts, weights
