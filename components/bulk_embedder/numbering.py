"""Gives the artists of a catalogue their places in the order of their ids, in bounded memory."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import apache_beam as beam

_SAMPLE: Final = 4096
"""Ids by which the order is cut into parts of about the same size."""
_PARTS: Final = 64
"""A worker sorts one part at a time."""


class Number(beam.PTransform):
    """ids -> (id, row): 0 for the first one in the order of ids, as `load_graph` has them.

    Where the order is cut moves no row, only how much a worker has to sort.
    """

    def expand(self, ids: beam.PCollection) -> beam.PCollection:
        """From a PCollection of unique str ids."""
        cuts = (
            ids
            | "Hashes" >> beam.Map(lambda key: (_hash(key), key))
            | "Sample" >> beam.combiners.Top.Smallest(_SAMPLE)
            | "Cuts" >> beam.Map(_cuts)
        )
        parts = (
            ids
            | "Part"
            >> beam.Map(
                lambda key, cuts: (bisect.bisect_right(cuts, key), key),
                beam.pvalue.AsSingleton(cuts),
            )
            | "Parts" >> beam.GroupByKey()
            | "Sort" >> beam.MapTuple(lambda part, keys: (part, sorted(keys)))
        )
        sizes = (
            parts
            | "Sizes" >> beam.MapTuple(lambda part, keys: (part, len(keys)))
            | "All sizes" >> beam.combiners.ToList()
        )
        return parts | "Rows" >> beam.FlatMap(_rows, beam.pvalue.AsSingleton(sizes))


def _hash(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=8).digest()


def _cuts(sample: Sequence[tuple[bytes, str]]) -> list[str]:
    keys = sorted(key for _, key in sample)
    places = range(_PARTS, len(keys), max(_PARTS, -(-len(keys) // _PARTS)))
    return [keys[place] for place in places]


def _rows(
    part: tuple[int, Sequence[str]], sizes: Iterable[tuple[int, int]]
) -> Iterator[tuple[str, Any]]:
    number, keys = part
    first = sum(size for before, size in sizes if before < number)
    for place, key in enumerate(keys):
        yield key, first + place
