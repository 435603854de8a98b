"""Of an artist's many tracks the first ones, in bounded memory."""

from __future__ import annotations

import collections
from collections.abc import Iterable
from typing import Final, NamedTuple

import apache_beam as beam

from components.catalogue_example_gen.bounded_combine import CombineBounded
from components.catalogue_example_gen.details import Detail

_MOST_CELLS: Final = 1 << 19
"""Numbers and words that are held before the shuffle, some 40 bytes each."""


class Tracks(NamedTuple):
    """An artist's rows of a table with vectors.

    Attributes:
      num_cut: rows whose vectors were all left out.
      first: rows with a vector, at most twice as many as are kept until the last of them is here.
      others: the other rows, without vectors; words and places stay.
    """

    num_cut: int
    first: list[Detail]
    others: list[Detail]


class FirstTracks(beam.CombineFn):
    """Details of one artist -> Tracks; of each vector modality the first rows that have it keep it.

    The first ones are so in the table's order: by file, then by row. Each modality has rows of its
    own, as one that begins late would else be lost. Never more than twice `max_tracks` rows for
    each of these modalities have their vectors in memory, so that one artist of a million tracks
    ('Various Artists') does not fill a worker.

    Args:
      vectors: the table's modalities that are vectors.
      max_tracks: how many rows keep each of them.
    """

    def __init__(self, vectors: tuple[str, ...], max_tracks: int):
        super().__init__()
        self._vectors = frozenset(vectors)
        self._max_tracks = max_tracks

    def create_accumulator(self) -> Tracks:
        """No row at all."""
        return Tracks(0, [], [])

    def add_input(self, accumulator: Tracks, detail: Detail) -> Tracks:
        """Adds one row."""
        if self._vectors.isdisjoint(detail.value):
            accumulator.others.append(detail)
            return accumulator
        accumulator.first.append(detail)
        if len(accumulator.first) <= 2 * self._max_tracks * len(self._vectors):
            return accumulator
        return self._cut(accumulator)

    def merge_accumulators(self, accumulators: Iterable[Tracks]) -> Tracks:
        """Merges partial rows."""
        total = self.create_accumulator()
        for part in accumulators:
            total = self._cut(
                Tracks(
                    total.num_cut + part.num_cut,
                    total.first + part.first,
                    total.others + part.others,
                )
            )
        return total

    def compact(self, accumulator: Tracks) -> Tracks:
        """Leaves out what is too much, before an accumulator travels."""
        return self._cut(accumulator)

    def extract_output(self, accumulator: Tracks) -> Tracks:
        """Returns the rows; of at most `max_tracks` with each of their vectors."""
        return self._cut(accumulator)

    def _cut(self, tracks: Tracks) -> Tracks:
        if len(tracks.first) <= self._max_tracks:
            return tracks
        first, num_cut = [], tracks.num_cut
        found: collections.Counter[str] = collections.Counter()
        for detail in sorted(tracks.first, key=lambda detail: (detail.file, detail.row)):
            own = self._vectors & detail.value.keys()
            found.update(own)
            more = {name for name in own if found[name] > self._max_tracks}
            kept = {name: value for name, value in detail.value.items() if name not in more}
            if more < own:
                first.append(detail._replace(value=kept))
                continue
            num_cut += 1
            # In place: a copy at each cut would take the square of the number of tracks.
            tracks.others.append(detail._replace(value=kept))
        return Tracks(num_cut, first, tracks.others)


def first_tracks(table: str, vectors: tuple[str, ...], max_tracks: int) -> CombineBounded:
    """(artist id, Detail) of a table -> (artist id, Tracks); see `FirstTracks`."""
    return CombineBounded(f"{table}: first", FirstTracks(vectors, max_tracks), _cells, _MOST_CELLS)


def _cells(detail: Detail) -> int:
    # A row itself takes about as much as ten.
    return 10 + sum(map(len, detail.value.values()))
