"""What is learnt of the content before training: means, deviations, vocabularies.

Fitted on the training artists only, kept beside the examples in `content.json`, used again at
serving.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import apache_beam as beam

from catalogues.spec import Catalogue
from components.catalogue_example_gen.artists import WholeArtist

# Below it a division in 32-bit floats is one by zero.
_SMALLEST_DEVIATION: Final = 1e-30


class Moments(beam.CombineFn):
    """Mean and standard deviation of vectors, numerically stable (Chan, Golub, LeVeque 1979)."""

    def create_accumulator(self):
        """(count, mean, sum of squared deviations)."""
        return 0, (), ()

    def add_input(self, accumulator, vector):
        """Adds one vector."""
        count, mean, squares = accumulator
        if not count:
            return 1, tuple(vector), (0.0,) * len(vector)
        count += 1
        deltas = [x - m for x, m in zip(vector, mean, strict=True)]
        mean = tuple(m + d / count for m, d in zip(mean, deltas, strict=True))
        squares = tuple(
            s + d * (x - m) for s, d, x, m in zip(squares, deltas, vector, mean, strict=True)
        )
        return count, mean, squares

    def merge_accumulators(self, accumulators):
        """Merges partial moments."""
        total = self.create_accumulator()
        for other in accumulators:
            if not other[0] or not total[0]:
                total = other if other[0] else total
                continue
            count = total[0] + other[0]
            deltas = [b - a for a, b in zip(total[1], other[1], strict=True)]
            mean = tuple(a + d * other[0] / count for a, d in zip(total[1], deltas, strict=True))
            squares = tuple(
                a + b + d * d * total[0] * other[0] / count
                for a, b, d in zip(total[2], other[2], deltas, strict=True)
            )
            total = count, mean, squares
        return total

    def extract_output(self, accumulator):
        """Returns (count, mean, deviation); a constant has deviation 1, to be divided by."""
        count, mean, squares = accumulator
        deviation = tuple(math.sqrt(s / count) for s in squares)
        # Where numbers barely differ, rounding is all that a division would blow up.
        floor = [max(1e-6 * abs(m), _SMALLEST_DEVIATION) for m in mean]
        return (
            count,
            mean,
            tuple(d if d > f else 1.0 for d, f in zip(deviation, floor, strict=True)),
        )


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
