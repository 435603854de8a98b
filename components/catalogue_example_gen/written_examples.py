"""Ego graphs and hidden edges into their files, and how many of them went there."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
from typing import Any, Final

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from catalogues.spec import Catalogue
from components.catalogue_example_gen import progress
from components.catalogue_example_gen.artists import WholeArtist
from components.catalogue_example_gen.ego_graphs import encode_ego_graph, encode_hidden_edges
from components.catalogue_example_gen.packed import pack, unpack
from components.catalogue_example_gen.shards import WriteShards, shard_paths
from trainer.graph import SPLITS

JUDGED: Final = ("val", "test")
HIDDEN_PREFIX: Final = "hidden_"
LISTED: Final = "listed"
WRITTEN: Final = "written"
RECORDS: Final = "records"
NEIGHBORS: Final = "neighbors"
ARTISTS_SUFFIX: Final = "_artists"
"""LISTED calls the ids that all ego graphs list NEIGHBORS. Those of hidden edges go by the name of
their files, and the artists who list them by that name with ARTISTS_SUFFIX."""


class WriteEgoGraphs(beam.PTransform):
    """{'artists': (id, WholeArtist), 'neighbors': (id, (cut, neighbours))} -> Split-*'s files.

    Gives two collections by name: LISTED, (NEIGHBORS, how many ids the ego graphs list), and
    WRITTEN, (split, how many ego graphs are in its files).

    Args:
      catalogue: names the modalities.
      statistics: one element, the content's statistics.
      target: the artifact's folder.
      shards: how many files a split gets.
    """

    def __init__(
        self, catalogue: Catalogue, statistics: beam.PCollection, target: str, shards: int
    ):
        super().__init__()
        self._catalogue, self._statistics = catalogue, statistics
        self._target, self._shards = target, shards

    def expand(self, inputs: dict[str, beam.PCollection]) -> dict[str, beam.PCollection]:
        """Writes the files, and counts."""
        packed = {
            "artist": inputs["artists"]
            | "Pack whole" >> beam.MapTuple(lambda key, artist: (key, pack(tuple(artist)))),
            "neighbors": inputs["neighbors"]
            | "Pack neighbours" >> beam.MapTuple(lambda key, found: (key, pack(found))),
        }
        encoded = (
            packed
            | "Ego graphs" >> beam.CoGroupByKey()
            | "Encode"
            >> beam.ParDo(
                _EncodeEgoGraph(self._catalogue), beam.pvalue.AsSingleton(self._statistics)
            ).with_outputs(LISTED, main=RECORDS)
        )
        written = [
            _write_split(encoded[RECORDS], split, split, self._target, self._shards)
            for split in SPLITS
        ]
        return {LISTED: encoded[LISTED], WRITTEN: tuple(written) | "Written" >> beam.Flatten()}


class WriteHidden(beam.PTransform):
    """(split, (artist id, (similar id, weight))) -> Split-hidden_*'s files.

    Gives two collections by name: LISTED, (HIDDEN_PREFIX and the split, how many ids its records
    list) and how many records those are, and WRITTEN, how many are in its files.

    Args:
      target: the artifact's folder.
      shards: how many files a split gets.
    """

    def __init__(self, target: str, shards: int):
        super().__init__()
        self._target, self._shards = target, shards

    def expand(self, hidden: beam.PCollection) -> dict[str, beam.PCollection]:
        """Writes the files, and counts."""
        encoded = (
            hidden
            | "By judged artist" >> beam.Map(lambda found: ((found[0], found[1][0]), found[1][1]))
            | "Hidden edges" >> beam.GroupByKey()
            | "Encode hidden" >> beam.ParDo(_EncodeHidden()).with_outputs(LISTED, main=RECORDS)
        )
        written = [
            _write_split(encoded[RECORDS], split, HIDDEN_PREFIX + split, self._target, self._shards)
            for split in JUDGED
        ]
        return {LISTED: encoded[LISTED], WRITTEN: tuple(written) | "Written" >> beam.Flatten()}


def dims_of(statistics: dict[str, Any]) -> dict[str, int]:
    """The length of each vector modality, by its name."""
    return {m["name"]: m["dim"] for m in statistics["modalities"] if m["kind"] == "vector"}


def _write_split(
    encoded: beam.PCollection, split: str, name: str, target: str, shards: int
) -> beam.PCollection:
    paths = shard_paths(f"{target}/Split-{name}/data_tfrecord", ".gz", shards)
    return (
        encoded
        | f"Only {name}" >> beam.Filter(lambda found: found[0] == split)
        | f"Values {name}" >> beam.Values()
        | WriteShards(f"Write {name}", paths, target)
        | f"Count {name}" >> beam.Map(lambda number: (name, number))
    )


class _Listing(beam.DoFn):
    """Counts by name, and tells at the end of each bundle."""

    def __init__(self) -> None:
        self._listed: collections.Counter[str] = collections.Counter()

    def start_bundle(self) -> None:
        self._listed = collections.Counter()

    def finish_bundle(self) -> Iterator[Any]:
        for count in self._listed.items():
            whole = WindowedValue(count, GlobalWindow().max_timestamp(), [GlobalWindow()])
            yield beam.pvalue.TaggedOutput(LISTED, whole)


class _EncodeEgoGraph(_Listing):
    """(artist id, {'artist': [...], 'neighbors': [...]}) -> (split, serialized example)."""

    def __init__(self, catalogue: Catalogue):
        super().__init__()
        self._catalogue = catalogue
        self._advance = progress.Advance(progress.WRITING)

    def process(
        self, joined: tuple[str, dict[str, Iterable[bytes]]], statistics: dict[str, Any]
    ) -> Iterator[tuple[str, bytes]]:
        key, tables = joined
        packed = next(iter(tables["artist"]), None)
        if packed is None:
            # Lost on the way here; the counts will not agree, which says more than a trace.
            return
        artist = WholeArtist(*unpack(packed))
        _, neighbors = next(map(unpack, tables["neighbors"]), (0, ()))
        self._advance.one()
        self._listed[NEIGHBORS] += len(neighbors)
        yield (
            artist.split,
            encode_ego_graph(key, artist, neighbors, self._catalogue, dims_of(statistics)),
        )

    def finish_bundle(self) -> Iterator[Any]:
        self._advance.flush()
        yield from super().finish_bundle()


class _EncodeHidden(_Listing):
    """((split, artist id), similar (id, weight)) -> (split, serialized example)."""

    def process(
        self, found: tuple[tuple[str, str], Iterable[tuple[str, float]]]
    ) -> Iterator[tuple[str, bytes]]:
        (split, artist), similar = found[0], list(found[1])
        self._listed[HIDDEN_PREFIX + split] += len(similar)
        self._listed[HIDDEN_PREFIX + split + ARTISTS_SUFFIX] += 1
        yield split, encode_hidden_edges(artist, similar)
