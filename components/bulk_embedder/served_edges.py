"""From ego-graph examples to blocks of artists and of the edges that a served model may know."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import apache_beam as beam
import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from components.bulk_embedder.numbering import Number
from trainer.batches import message_edges
from trainer.graph import SPLITS, TRAIN

_ID: Final = "nodes/artist.id"
_NEIGHBOR: Final = "nodes/neighbor.id"
_WEIGHT: Final = "edges/similar.weight"


class Edges(NamedTuple):
    """Edges from the artists of one block to those of another; places are within their blocks.

    Attributes:
      target: [num_edges] int32.
      source: [num_edges] int32.
      weight: [num_edges] float32; what it is, the maker says.
    """

    target: np.ndarray
    source: np.ndarray
    weight: np.ndarray


class ReadCatalogue(beam.PTransform):
    """The artists of a catalogue and the edges that no split hides, in blocks of rows.

    Reads the splits of the artists. The hidden edges travel in splits of their own, which are never
    opened. An edge is heard as in `ArtistGraph.served_edges`: an artist hears whom its ego graph
    lists, and a training artist those of other splits that list it.

    Args:
      examples_uri: the folder of the Examples artifact.
      block: artists of a block.
      fan_out: the strongest neighbours of an artist that count where edges have weights; 0: all.
    """

    def __init__(self, examples_uri: str, block: int, fan_out: int):
        super().__init__()
        self._examples_uri, self._block, self._fan_out = examples_uri, block, fan_out

    def expand(self, pbegin: Any) -> dict[str, beam.PCollection]:
        """From the pipeline.

        Returns:
          'artists': (block, [(place, id, example), ...]), all of a block, in no order; 'edges':
          (block of the targets, CSR [block, num_artists] of the edges' weights); 'rows': (id, row).
        """
        artists = (
            tuple(
                pbegin
                | f"Read {split}"
                >> beam.io.ReadFromTFRecord(
                    os.path.join(self._examples_uri, f"Split-{split}", "*.gz")
                )
                | f"Parse {split}" >> beam.Map(_parsed, split=place)
                for place, split in enumerate(SPLITS)
            )
            | "Artists" >> beam.Flatten()
        )
        rows = artists | "Ids" >> beam.Keys() | "Number" >> Number()
        numbered = (
            {"row": rows, "artist": artists}
            | "With row" >> beam.CoGroupByKey()
            | "Numbered" >> beam.FlatMap(_numbered)
        )
        listed = numbered | "Lists" >> beam.FlatMap(_listed)
        known = (
            {"row": rows, "listed": listed}
            | "With neighbour" >> beam.CoGroupByKey()
            | "Edges" >> beam.FlatMap(_edges, self._block)
        )
        extremes = (
            listed
            | "Weights" >> beam.MapTuple(lambda _, listed: listed[1])
            | "Extremes" >> beam.CombineGlobally(_Extremes())
        )
        return {
            "artists": numbered
            | "Block of artist" >> beam.Map(_by_block, self._block)
            | "Blocks of artists" >> beam.GroupByKey(),
            "edges": known
            | "Blocks of edges" >> beam.GroupByKey()
            | "Messages' edges"
            >> beam.Map(_block_edges, beam.pvalue.AsSingleton(extremes), self._fan_out),
            "rows": rows,
        }


def _parsed(example: bytes, split: int) -> tuple[str, tuple[int, bytes]]:
    feature = tf.train.Example.FromString(example).features.feature
    return feature[_ID].bytes_list.value[0].decode(), (split, example)


def _numbered(joined: tuple[str, dict[str, Any]]) -> Iterator[tuple[int, str, int, bytes]]:
    key, found = joined
    artists = list(found["artist"])
    if len(artists) > 1:
        raise ValueError(f"the examples have the artist {key!r} {len(artists)} times")
    yield (*found["row"], key, *artists[0])


def _listed(
    artist: tuple[int, str, int, bytes],
) -> Iterator[tuple[str, tuple[int, float, bool]]]:
    """(id of a neighbour, (row of who lists it, weight, whether the neighbour hears, too))."""
    row, _, split, example = artist
    feature = tf.train.Example.FromString(example).features.feature
    neighbors = feature[_NEIGHBOR].bytes_list.value
    weights = feature[_WEIGHT].float_list.value
    for neighbor, weight in zip(neighbors, weights, strict=True):
        yield neighbor.decode(), (row, weight, split != TRAIN)


def _edges(
    joined: tuple[str, dict[str, Any]], block: int
) -> Iterator[tuple[int, tuple[int, int, float]]]:
    """(block, (place of the target there, row of the source, weight))."""
    _, found = joined
    # Who is in none of the splits is nobody's neighbour.
    for own in found["row"]:
        for row, weight, both in found["listed"]:
            yield row // block, (row % block, own, weight)
            if both:
                yield own // block, (own % block, row, weight)


class _Extremes(beam.CombineFn):
    """The smallest and the largest number: (0, 0) without any."""

    def create_accumulator(self):
        return None

    def add_input(self, accumulator, number):
        low, high = accumulator or (number, number)
        return min(low, number), max(high, number)

    def merge_accumulators(self, accumulators):
        found = [one for one in accumulators if one]
        return (min(low for low, _ in found), max(high for _, high in found)) if found else None

    def extract_output(self, accumulator):
        return accumulator or (0.0, 0.0)


def _by_block(
    artist: tuple[int, str, int, bytes], block: int
) -> tuple[int, tuple[int, str, bytes]]:
    row, key, _, example = artist
    return row // block, (row % block, key, example)


def _block_edges(
    keyed: tuple[int, Iterable[tuple[int, int, float]]],
    extremes: tuple[float, float],
    fan_out: int,
) -> tuple[int, sp.csr_matrix]:
    number, edges = keyed
    table = np.fromiter(
        edges, np.dtype([("target", np.int32), ("source", np.int64), ("weight", np.float32)])
    )
    shape = int(table["target"].max()) + 1, int(table["source"].max()) + 1
    matrix = sp.csr_matrix((table["weight"], (table["target"], table["source"])), shape)
    matrix.sort_indices()
    return number, message_edges(matrix, extremes[0] != extremes[1], fan_out)
