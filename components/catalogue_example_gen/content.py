"""What is learnt of the content before training: means, deviations, vocabularies.

Fitted on the training artists only, kept beside the examples in `content.json`, used again at
serving.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from catalogues.spec import Catalogue
from components.catalogue_example_gen.artists import WholeArtist
from components.catalogue_example_gen.moments import Moments


class ContentStatistics(beam.PTransform):
    """(artist id, WholeArtist) -> one dictionary, the content of `content.json`.

    `modalities` is a list, in the catalogue's order, of
      {name, kind: 'vector', dim, num_artists, mean, deviation} and
      {name, kind: 'categories', num_artists, vocabulary: [word, ...], artists_with: [count, ...]};
    the vocabulary holds the `vocabulary_size` words that most training artists have, most first.
    The one thing taken from artists of all splits is `dim`. A vector that no training artist has
    gets mean 0 and deviation 1.

    Args:
      catalogue: says which modalities there are.
      vocabulary_size: of each categories modality.
    """

    def __init__(self, catalogue: Catalogue, vocabulary_size: int):
        super().__init__("Content statistics")
        self._kinds = {modality.name: modality.kind for modality in catalogue.content}
        # A list that no artist has is one number long, so that readers need no special case.
        self._dims = {m.name: 1 if m.is_list else len(m.columns) for m in catalogue.content}
        self._vocabulary_size = vocabulary_size

    def expand(self, artists):
        """Returns a collection with one element."""
        dims = (
            artists
            | "Vectors of all" >> beam.FlatMap(_vectors, kinds=self._kinds)
            | "Lengths" >> beam.MapTuple(lambda name, vector: (name, len(vector)))
            | "One length" >> beam.CombinePerKey(max)
            | "Tag lengths" >> beam.Map(lambda found: ("dim", found))
        )
        training = artists | "Training artists" >> beam.Filter(is_training)
        vectors = (
            training
            | "Vectors" >> beam.FlatMap(_vectors, kinds=self._kinds)
            | "Moments" >> beam.CombinePerKey(Moments())
            | "Tag moments" >> beam.Map(lambda found: ("vector", found))
        )
        coverage = (
            training
            | "Modalities" >> beam.FlatMap(lambda keyed: [(name, 1) for name in keyed[1].content])
            | "Coverage" >> beam.CombinePerKey(sum)
            | "Tag coverage" >> beam.Map(lambda found: ("coverage", found))
        )
        words = (
            training
            | "Words" >> beam.FlatMap(_words, kinds=self._kinds)
            | "Count words" >> beam.CombinePerKey(sum)
            | "By modality" >> beam.MapTuple(lambda key, count: (key[0], (count, key[1])))
            | "Most used" >> beam.combiners.Top.PerKey(self._vocabulary_size, key=_most_used)
            | "Tag words" >> beam.Map(lambda found: ("words", found))
        )
        return (
            (dims, vectors, coverage, words)
            | "All statistics" >> beam.Flatten()
            | "One list" >> beam.combiners.ToList()
            | "One dictionary" >> beam.Map(_dictionary, kinds=self._kinds, dims=self._dims)
        )


def is_training(keyed: tuple[str, WholeArtist]) -> bool:
    """Whether an (artist id, WholeArtist) may teach anything."""
    return keyed[1].split == "train"


def _vectors(keyed: tuple[str, WholeArtist], kinds: dict[str, str]) -> Iterator[Any]:
    for name, value in keyed[1].content.items():
        if kinds[name] == "vector":
            yield name, value


def _words(keyed: tuple[str, WholeArtist], kinds: dict[str, str]) -> Iterator[Any]:
    for name, value in keyed[1].content.items():
        if kinds[name] == "categories":
            for word, _ in value:
                yield (name, word), 1


def _most_used(count_and_word: tuple[int, str]) -> tuple[int, list[int]]:
    count, word = count_and_word
    # Of equally used words the alphabetically first, whichever worker counts them.
    return count, [-ord(character) for character in word] + [1]


def _dictionary(
    found: list[tuple[str, Any]], kinds: dict[str, str], dims: dict[str, int]
) -> dict[str, Any]:
    def of(kind: str) -> dict[str, Any]:
        return dict(value for tag, value in found if tag == kind)

    moments, coverage, words = of("vector"), of("coverage"), of("words")
    dims = dims | of("dim")
    modalities: list[dict[str, Any]] = []
    for name, kind in kinds.items():
        entry: dict[str, Any] = {"name": name, "kind": kind, "num_artists": coverage.get(name, 0)}
        if kind == "vector":
            dim = dims[name]
            _, mean, deviation = moments.get(name, (0, (0.0,) * dim, (1.0,) * dim))
            entry |= {"dim": dim, "mean": list(mean), "deviation": list(deviation)}
        else:
            used = words.get(name, [])
            entry |= {
                "vocabulary": [word for _, word in used],
                "artists_with": [count for count, _ in used],
            }
        modalities.append(entry)
    return {"modalities": modalities}
