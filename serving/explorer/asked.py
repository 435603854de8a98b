"""What a request to the explorer asks for, each part checked with a sentence."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from multidict import MultiMapping

from catalogues.errors import nearest
from serving.embedded.status import INVALID_ARGUMENT, NOT_FOUND, Refused
from serving.explorer.data import ExplorerData

MOST_K: Final = 100
MOST_LISTED: Final = 200
"""Neighbours, words, excluded artists or modalities that one request may name."""
MOST_LETTERS: Final = 200
"""Of a text that is searched for, and of an id or a word."""


@dataclasses.dataclass(frozen=True)
class Filters:
    """Whom an answer may have.

    Attributes:
      modality: who has content of all of these.
      min_popularity: who is known to be as popular; 0 asks for nothing.
      exclude: ids of artists who are left out.
    """

    modality: tuple[str, ...] = ()
    min_popularity: float = 0.0
    exclude: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.modality or self.exclude or self.min_popularity > 0)

    def check(self, data: ExplorerData) -> None:
        """Raises Refused for a modality that the catalogue does not have.

        An excluded artist that it does not have is no mistake: a page may be older than a version.
        """
        for name in self.modality:
            modality_of(data, name)


NO_FILTERS: Final = Filters()


class Parameters:
    """The query of a URL.

    Args:
      query: that was given.
      single: names that may be given, once each.
      repeated: names that may be given several times.

    Raises:
      Refused: another name, or one too often.
    """

    def __init__(
        self, query: MultiMapping[str], single: Sequence[str], repeated: Sequence[str] = ()
    ):
        allowed = [*single, *repeated]
        for name in query:
            if name not in allowed:
                there_are = f"there are {', '.join(allowed)}" if allowed else "there are none"
                raise _invalid(f"There is no parameter '{shortened(name)}'; {there_are}.")
            if name in single and len(query.getall(name)) > 1:
                raise _invalid(f"Give the parameter '{name}' once.")
        self._query = query

    def text(self, name: str, default: str | None = None) -> str:
        """A text, which has to be there if there is no default."""
        found = self._query.get(name, default)
        if found is None:
            raise _invalid(f"Give the parameter '{name}'.")
        return checked_text(found, f"'{name}'")

    def whole(self, name: str, default: int, most: int = MOST_K) -> int:
        """A whole number from 1 to `most`."""
        text = self._query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise _out_of_range(name, most, text)
        return checked_whole(int(text), name, most)

    def filters(self) -> Filters:
        """`modality`, `min_popularity` and `exclude`."""
        text = self._query.get("min_popularity", "0")
        try:
            popularity = float(text)
        except ValueError:
            popularity = math.nan
        return Filters(
            checked_list(self._query.getall("modality", []), "modality"),
            checked_popularity(popularity, text),
            checked_list(self._query.getall("exclude", []), "exclude"),
        )


FILTERS: Final = ("modality", "exclude")
"""The filters that may be given several times, beside `min_popularity`."""


def checked_text(text: Any, what: str) -> str:
    """Raises Refused if it is no text, too long, or has half of a character."""
    if not isinstance(text, str):
        raise _invalid(f"{what} must be a text.")
    if len(text) > MOST_LETTERS:
        raise _invalid(f"{what} has {len(text)} letters; at most {MOST_LETTERS} can be asked for.")
    if not _is_unicode(text):
        raise _invalid(f"{what} must be a text in UTF-8.")
    return text


def checked_list(given: Any, name: str) -> tuple[str, ...]:
    """Texts, none empty, each once."""
    if not isinstance(given, list):
        raise _invalid(f"'{name}' must be a list of texts.")
    if len(given) > MOST_LISTED:
        raise _invalid(f"'{name}' names {len(given)}; at most {MOST_LISTED} can be named.")
    texts = tuple(dict.fromkeys(checked_text(text, f"'{name}'") for text in given))
    if "" in texts:
        raise _invalid(f"'{name}' has an empty text.")
    return texts


def checked_whole(value: Any, name: str, most: int) -> int:
    """A whole number from 1 to `most`."""
    if type(value) is not int or not 1 <= value <= most:
        raise _out_of_range(name, most, value)
    return value


def checked_popularity(value: Any, given: Any) -> float:
    """A finite number."""
    is_number = type(value) in (int, float)
    # Finite as float32, too, which the model takes; NaN compares as false.
    if not is_number or not abs(value) <= 3e38:
        raise _invalid(f"'min_popularity' must be a number, not {shortened(str(given))}.")
    return float(value)


def row_of(data: ExplorerData, artist_id: str) -> int:
    """The row of an artist.

    Raises:
      Refused: the catalogue does not have it.
    """
    row = data.row.get(artist_id)
    if row is None:
        raise Refused(NOT_FOUND, f"The catalogue has no artist '{shortened(artist_id)}'.")
    return row


def modality_of(data: ExplorerData, name: str) -> Any:
    """The content of a modality.

    Raises:
      Refused: the catalogue does not have it.
    """
    content = data.modalities.get(name)
    if content is None:
        there_are = ", ".join(data.modalities) or "none"
        raise _invalid(
            f"The catalogue has no modality '{shortened(name)}'{nearest(name, data.modalities)}; "
            f"it has: {there_are}."
        )
    return content


def only(given: Mapping[str, Any], allowed: Sequence[str]) -> None:
    """Raises Refused if an object has other names."""
    for name in given:
        if name not in allowed:
            raise _invalid(
                f"There is no '{shortened(name)}' in a request; there are {', '.join(allowed)}."
            )


def shortened(text: str) -> str:
    """A text of a client as it is told back to it."""
    plain = text.encode(errors="replace").decode()
    return plain if len(plain) <= 60 else f"{plain[:60]}…"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _invalid(sentence: str) -> Refused:
    return Refused(INVALID_ARGUMENT, sentence)


def _out_of_range(name: str, most: int, given: Any) -> Refused:
    return _invalid(
        f"'{name}' must be a whole number from 1 to {most}, not {shortened(str(given))}."
    )
