"""Why two artists are similar, as far as the catalogue says."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from serving.explorer.data import ExplorerData, Modality, Vectors, Words

MOST_SHARED_WORDS: Final = 8

Bag = Mapping[int, float]
"""Place in a vocabulary -> weight."""


@dataclasses.dataclass(frozen=True)
class Described:
    """What is known of an artist, of the catalogue or new.

    Attributes:
      words: words modality -> its words; none that is empty.
      vectors: vector modality -> [num_kept] float32, standardised.
      neighbors: [num] rows of those known to be similar, ascending, each once.
    """

    words: Mapping[str, Bag]
    vectors: Mapping[str, np.ndarray]
    neighbors: np.ndarray


def described(data: ExplorerData, row: int) -> Described:
    """An artist of the catalogue."""
    words: dict[str, Bag] = {}
    vectors: dict[str, np.ndarray] = {}
    for name, content in data.modalities.items():
        if isinstance(content, Words):
            if bag := content.of(row):
                words[name] = bag
        elif (vector := content.of(row)) is not None:
            vectors[name] = vector
    return Described(words, vectors, data.neighbors(row))


def described_new(
    data: ExplorerData,
    words: Mapping[str, Mapping[str, float]],
    vectors: Mapping[str, np.ndarray],
    neighbors: Sequence[str],
) -> Described:
    """An artist that the catalogue does not have.

    Args:
      data: of the catalogue; what it does not have is left out.
      words: modality -> word -> weight.
      vectors: modality -> [dim] float32 in the catalogue's units.
      neighbors: ids.
    """
    bags: dict[str, Bag] = {}
    for name, given in words.items():
        content = data.modalities.get(name)
        if isinstance(content, Words):
            column = content.column
            bags[name] = {column[word]: weight for word, weight in given.items() if word in column}
    kept: dict[str, np.ndarray] = {}
    for name, vector in vectors.items():
        content = data.modalities.get(name)
        if isinstance(content, Vectors):
            kept[name] = content.standardised(vector)
    rows = {data.row[one] for one in neighbors if one in data.row}
    bags = {name: bag for name, bag in bags.items() if bag}
    return Described(bags, kept, np.array(sorted(rows), np.int64))


def shared_words(data: ExplorerData, one: Described, other: Described) -> dict[str, list[str]]:
    """The words that both have, at most 8 of each modality, strongest first.

    A word is as strong between two as it is with the one that has it less, as a share of that
    artist's strongest word; of equally strong ones the rarer in the catalogue comes first.
    """
    found = {}
    for name in one.words.keys() & other.words.keys():
        content = data.modalities[name]
        assert isinstance(content, Words)
        shares = [_shares(side.words[name]) for side in (one, other)]
        both = [
            (-min(side[word] for side in shares), int(content.count[word]), word)
            for word in shares[0].keys() & shares[1].keys()
        ]
        if both:
            found[name] = [
                content.vocabulary[word] for *_, word in sorted(both)[:MOST_SHARED_WORDS]
            ]
    return {name: found[name] for name in data.modalities if name in found}


def shared_neighbors(data: ExplorerData, one: Described, other: Described) -> np.ndarray:
    """[num] int64 rows of those known to be similar to both, the most prominent first."""
    both = np.intersect1d(one.neighbors, other.neighbors, assume_unique=True).astype(np.int64)
    return both[np.argsort(data.rank[both])]


def nearest_modality(
    data: ExplorerData, one: Described, other: Described
) -> tuple[str, float] | None:
    """The modality in which two artists are closest, and how close they are there.

    The cosine of their standardised vectors, or of the logarithms of their words' weights, as
    models read them; None where they have no modality in common. A modality of labels, of which
    nobody has more than one, is left out: in it two are the same or have nothing in common.
    """
    found = [
        (name, _word_cosine(one.words[name], other.words[name]))
        for name, content in data.modalities.items()
        if name in one.words and name in other.words and not _is_label(content)
    ] + [
        (name, _cosine(one.vectors[name], other.vectors[name]))
        for name in data.modalities
        if name in one.vectors and name in other.vectors
    ]
    return max(found, key=lambda pair: pair[1]) if found else None


def _is_label(content: Modality) -> bool:
    return isinstance(content, Words) and content.most_words < 2


def _shares(bag: Bag) -> dict[int, float]:
    most = max(bag.values())
    return {word: weight / most if most > 0 else 1.0 for word, weight in bag.items()}


def _word_cosine(one: Bag, other: Bag) -> float:
    logs = [
        {word: math.log1p(max(weight, 0.0)) for word, weight in bag.items()} for bag in (one, other)
    ]
    product = sum(logs[0][word] * logs[1][word] for word in logs[0].keys() & logs[1].keys())
    length = math.prod(math.hypot(*side.values()) for side in logs)
    return product / length if length else 0.0


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / length if length else 0.0
