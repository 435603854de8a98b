"""One genre an artist: what people sort a catalogue by."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from trainer.graph import ArtistGraph, CategoryContent


@dataclasses.dataclass(frozen=True)
class Genres:
    """The heaviest word of each artist in the categories modality that most artists have.

    Of modalities that as many have, it is that with the most words: tags rather than a country.

    Attributes:
      modality: its name; '' where the catalogue has no such modality.
      genre: [num_artists] object, None for an artist without any word.
      frequent: the genres of the most artists, the most frequent first.
    """

    modality: str
    genre: np.ndarray
    frequent: Sequence[str]


def genres(graph: ArtistGraph, number: int) -> Genres:
    """Sorts the artists of a catalogue.

    Args:
      graph: the catalogue.
      number: of frequent genres, at most.
    """
    bags = {
        name: content
        for name, content in sorted(graph.content.items())
        if isinstance(content, CategoryContent)
    }
    if not bags:
        return Genres("", np.full(len(graph), None, object), [])
    widest = max(bags, key=lambda name: (int(bags[name].present.sum()), len(bags[name].words)))
    genre = _heaviest_words(bags[widest])
    counts = collections.Counter(word for word in genre.tolist() if word is not None)
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[:number]
    return Genres(widest, genre, frequent)


def _heaviest_words(content: CategoryContent) -> np.ndarray:
    """[num_artists] object: each artist's heaviest word, None without any.

    Of equally heavy ones that which more artists have, then the first in the alphabet.
    """
    words = content.words.astype(str)
    names, which, frequency = np.unique(words, return_inverse=True, return_counts=True)
    artist = np.repeat(np.arange(len(content.offsets) - 1), np.diff(content.offsets))
    order = np.lexsort((which, -frequency[which], -content.weights, artist))
    _, first = np.unique(artist[order], return_index=True)
    heaviest = np.full(len(content.offsets) - 1, None, object)
    chosen = order[first]
    heaviest[artist[chosen]] = names[which[chosen]]
    return heaviest
