"""What a request says of an artist that the catalogue does not have, checked with sentences."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any, Final

from serving.embedded.status import INVALID_ARGUMENT, Refused
from serving.explorer import asked
from serving.explorer.asked import Filters
from serving.explorer.data import ExplorerData, Words
from serving.new_artist import NewArtist

_KEYS: Final = ("content", "neighbors", "plays", "k", "modality", "min_popularity", "exclude")


@dataclasses.dataclass(frozen=True)
class NewRequest:
    """A request for artists that are similar to a new one.

    Attributes:
      artist: as it was described; what the model takes of it is checked later.
      k: the most of the answer.
      filters: whom the answer may have.
    """

    artist: NewArtist
    k: int
    filters: Filters


def read_new(given: Mapping[str, Any], default_k: int) -> NewRequest:
    """Reads the object of the request's body.

    Args:
      given: the object.
      default_k: `k` where it says none.

    Raises:
      Refused: another key, or something that cannot be.
    """
    asked.only(given, _KEYS)
    artist = NewArtist(
        content=_content(given.get("content", {})),
        neighbors=asked.checked_list(given.get("neighbors", []), "neighbors"),
        plays=_plays(given.get("plays", {})),
    )
    popularity = given.get("min_popularity", 0)
    filters = Filters(
        asked.checked_list(given.get("modality", []), "modality"),
        asked.checked_popularity(popularity, popularity),
        asked.checked_list(given.get("exclude", []), "exclude"),
    )
    k = asked.checked_whole(given.get("k", default_k), "k", asked.MOST_K)
    return NewRequest(artist, k, filters)


def is_known(data: ExplorerData, content: Mapping[str, Any]) -> bool:
    """Whether the model reads anything of the content of an artist."""
    for name, one in content.items():
        if not isinstance(one, Mapping):
            return True
        words = data.modalities.get(name)
        if isinstance(words, Words) and any(
            weight > 0 and word in words.column and words.read[words.column[word]]
            for word, weight in one.items()
        ):
            return True
    return False


def _content(given: Any) -> dict[str, Any]:
    """Words with weights, and vectors, by modality."""
    if not isinstance(given, dict):
        raise Refused(INVALID_ARGUMENT, "'content' must be an object, {modality: …}.")
    for name, one in given.items():
        asked.checked_text(name, "A modality's name")
        numbers = list(one.values()) if isinstance(one, dict) else one
        if not isinstance(numbers, list) or not all(map(_is_number, numbers)):
            raise Refused(
                INVALID_ARGUMENT,
                f"Content '{asked.shortened(name)}' must be words with weights, {{word: number}}, "
                "or a vector, [numbers].",
            )
        if isinstance(one, dict):
            asked.checked_list(list(one), f"content.{asked.shortened(name)}")
    return given


def _plays(given: Any) -> dict[str, float]:
    if not isinstance(given, dict) or not all(
        _is_number(count) and count >= 0 for count in given.values()
    ):
        raise Refused(
            INVALID_ARGUMENT,
            "'plays' must be an object with how often each listener played it, {listener: number}.",
        )
    asked.checked_list(list(given), "plays")
    return given


def _is_number(value: Any) -> bool:
    # Neither NaN nor infinite, nor an integer beyond any float.
    return type(value) in (int, float) and abs(value) <= sys.float_info.max
