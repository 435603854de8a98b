"""Artists by what a person types of their names: as it is typed, with typing errors."""

from __future__ import annotations

import bisect
import heapq
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from rapidfuzz import fuzz

from serving.pushed_model import folded

# What Unicode does not take apart into a letter and its accent.
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
_PUNCTUATION: Final = re.compile(r"[\W_]+")
_ARTICLE: Final = "the "

_LEAST_FUZZY: Final = 3
"""Letters of a query; fewer are like too many names."""
_CLOSE: Final = 72
"""Of 100, how alike a name and a misspelt query have to be."""
_UNFINISHED: Final = 4
"""By which a name is less like the query if only a part of it is."""
_CANDIDATES: Final = 300
"""Names that share the most pairs of letters with a misspelt query, and so are compared with it."""
_BUCKETS: Final = 2**16


class SearchIndex:
    """Finds names in this order: whole, by their beginning, by words' beginnings, misspelt.

    Case, accents, punctuation, spaces and a leading 'The' do not matter. Among equally good ones
    the first name comes first.

    Args:
      names: [num_names], the most prominent first.
    """

    def __init__(self, names: Sequence[str]):
        keys = [_key(name) for name in names]
        self._plain = _Lines(keys)
        self._short = _Lines([key.removeprefix(_ARTICLE) for key in keys])
        self._joined = _Lines([key.replace(" ", "") for key in keys])
        self._pairs = _LetterPairs(self._short.keys)

    def find(self, query: str, limit: int) -> list[int]:
        """Places of the best names, at most `limit`; of an empty query the first names."""
        key = _key(query)
        if not key:
            return list(range(min(limit, len(self._plain.keys))))
        found: dict[int, None] = {}
        for place in itertools.chain.from_iterable(self._spelt(key)):
            found.setdefault(place)
            if len(found) >= limit:
                return list(found)
        if len(key) >= _LEAST_FUZZY:
            found.update(dict.fromkeys(self._misspelt(key)))
        return list(found)[:limit]

    def _spelt(self, key: str) -> Iterator[Iterator[int]]:
        joined = key.replace(" ", "")
        for ending in ("\n", ""):
            # Merged: the more prominent name comes first, whichever text it is found in.
            yield heapq.merge(
                self._plain.find(f"\n{key}{ending}"),
                self._short.find(f"\n{key}{ending}"),
                self._joined.find(f"\n{joined}{ending}"),
            )
        yield self._plain.find(f" {key}")
        words = key.split()
        if len(words) > 1:
            longest = max(words, key=len)
            yield (
                place
                for place in heapq.merge(
                    self._plain.find(f"\n{longest}"), self._plain.find(f" {longest}")
                )
                if all(f" {word}" in f" {self._plain.keys[place]}" for word in words)
            )

    def _misspelt(self, key: str) -> list[int]:
        scores = {}
        for place in self._pairs.most_shared(key, _CANDIDATES):
            name = self._short.keys[place]
            parts = [name[: len(key)], *(word for word in name.split() if word != name)]
            part = max(fuzz.ratio(key, one, score_cutoff=_CLOSE) for one in parts)
            score = round(max(fuzz.ratio(key, name), part - _UNFINISHED))
            if score >= _CLOSE:
                scores[place] = score
        return sorted(scores, key=lambda place: (-scores[place], place))


class _Lines:
    """Texts as the lines of one, which is searched by one scan, without Python's loops."""

    def __init__(self, keys: Sequence[str]):
        self.keys = keys
        self._text = "\n" + "".join(f"{key}\n" for key in keys)
        # Of each line the line end before it; of the last one also that after it.
        self._starts = [0, *itertools.accumulate(len(key) + 1 for key in keys)]

    def find(self, wanted: str) -> Iterator[int]:
        """Places of the lines with the text, ascending, each once."""
        at = self._text.find(wanted)
        while at >= 0:
            place = bisect.bisect_right(self._starts, at) - 1
            yield place
            at = self._text.find(wanted, self._starts[place + 1])


class _LetterPairs:
    """Which names have which pairs of letters; some pairs share a bucket."""

    def __init__(self, keys: Sequence[str]):
        letters = _code_points("".join(f"\n{key}" for key in keys))
        begins = letters == ord("\n")
        owner = np.cumsum(begins) - 1
        # A line end goes with the letter after it, as the beginning of a name.
        pair = (~begins)[1:]
        owned = np.unique(owner[1:][pair] * _BUCKETS + _buckets(letters)[pair])
        bucket = owned % _BUCKETS
        self._num_keys = len(keys)
        self._place = (owned // _BUCKETS)[np.argsort(bucket, kind="stable")].astype(np.int32)
        self._offsets = np.concatenate([[0], np.cumsum(np.bincount(bucket, minlength=_BUCKETS))])

    def most_shared(self, key: str, limit: int) -> list[int]:
        """Places of the names that share the most pairs, at least a quarter of them."""
        wanted = np.unique(_buckets(_code_points(f"\n{key}")))
        owners = [self._place[self._offsets[one] : self._offsets[one + 1]] for one in wanted]
        shared = np.bincount(np.concatenate(owners), minlength=self._num_keys)
        enough = np.flatnonzero(shared >= max(1, len(wanted) / 4))
        best = np.argsort(-shared[enough], kind="stable")[:limit]
        return enough[best].tolist()


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32).astype(np.int64)


def _buckets(letters: np.ndarray) -> np.ndarray:
    return (letters[:-1] * 8191 + letters[1:]) % _BUCKETS


def _key(name: str) -> str:
    """A name as it is compared; one of symbols alone ('!!!') stays as it is."""
    if name.isascii():
        return _PUNCTUATION.sub(" ", name.lower()).strip() or " ".join(name.lower().split())
    return " ".join(folded(name.casefold().translate(_LETTERS)).split())
