"""A combiner for many keys whose accumulators are large, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from components.catalogue_example_gen.packed import pack, unpack


class CombineBounded(beam.PTransform):
    """(key, value) -> (key, what the combiner makes of the key's values), as `CombinePerKey`.

    Beam's own combines before the shuffle keep the accumulators of 100,000 keys, however large they
    are: with a vector in each, that fills a worker. Here accumulators go on as soon as what was
    added to them weighs too much. A key that has most of the values is combined before the shuffle
    all the same.

    Args:
      label: of this transform.
      combiner: must take accumulators that came as bytes, and merge them one by one.
      weigh: from a value to what it adds to an accumulator at most, in any unit.
      most: how much may be held at a time, in that unit.
    """

    def __init__(
        self, label: str, combiner: beam.CombineFn, weigh: Callable[[Any], int], most: int
    ):
        super().__init__(label)
        self._combiner, self._weigh, self._most = combiner, weigh, most

    def expand(self, keyed: beam.PCollection) -> beam.PCollection:
        """Returns one element a key."""
        return (
            keyed
            | "In parts" >> beam.ParDo(_Parts(self._combiner, self._weigh, self._most))
            | "Parts of a key" >> beam.GroupByKey()
            | "Whole" >> beam.Map(_whole, self._combiner)
        )


class _Parts(beam.DoFn):
    """(key, value) -> (key, packed accumulator), several of a key if need be."""

    def __init__(self, combiner: beam.CombineFn, weigh: Callable[[Any], int], most: int):
        self._combiner, self._weigh, self._most = combiner, weigh, most
        self._parts: dict[Any, Any] = {}
        self._held = 0

    def start_bundle(self) -> None:
        self._parts, self._held = {}, 0

    def process(self, keyed: tuple[Any, Any]) -> Iterator[tuple[Any, bytes]]:
        key, value = keyed
        part = self._parts.get(key)
        if part is None:
            part = self._combiner.create_accumulator()
        self._parts[key] = self._combiner.add_input(part, value)
        self._held += self._weigh(value)
        if self._held >= self._most:
            yield from self._taken()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for part in self._taken():
            yield WindowedValue(part, GlobalWindow().max_timestamp(), [GlobalWindow()])

    def _taken(self) -> Iterator[tuple[Any, bytes]]:
        parts, self._parts, self._held = self._parts, {}, 0
        for key, part in parts.items():
            yield key, pack(self._combiner.compact(part))


def _whole(found: tuple[Any, Iterable[bytes]], combiner: beam.CombineFn) -> tuple[Any, Any]:
    key, parts = found
    return key, combiner.extract_output(combiner.merge_accumulators(map(unpack, parts)))
