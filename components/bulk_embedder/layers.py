"""A network of graph convolutions over a whole catalogue: one join of blocks for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import apache_beam as beam
import numpy as np
import scipy.sparse as sp

from components import beam_progress
from components.bulk_embedder import progress
from components.bulk_embedder.exact_sums import restored, rounded
from components.bulk_embedder.exchange import Said, by_source, row_sums, said_along
from components.bulk_embedder.functions import BulkFunction
from components.bulk_embedder.served_edges import Edges
from trainer.bulk_model import BulkPlan
from trainer.layer_steps import GATES, MEAN

BLOCK: Final = 4096
"""Artists of a block."""
_GATED_EDGES: Final = 2**14
"""Edges whose gates are held at a time: 16 MiB of 256 channels."""


class Layers(beam.PTransform):
    """Artists and their edges, in blocks of BLOCK, to their embeddings.

    Args:
      path: of the SavedModel.
      plan: of its bulk model.
    """

    def __init__(self, path: str, plan: BulkPlan):
        super().__init__()
        self._path, self._plan = path, plan

    def expand(self, inputs: dict[str, beam.PCollection]) -> beam.PCollection:
        """From {'own': (block, [num] examples), 'edges': (block of targets, CSR)}.

        Returns:
          (block, [num, dim] float32).
        """
        own, plan = inputs["own"], self._plan
        weighted: dict[bool, beam.PCollection] = {}
        for number, layer in enumerate(plan.layers):
            mean = layer["aggregation"] == MEAN
            if mean not in weighted:
                weighted[mean] = inputs["edges"] | f"Weights {mean}" >> beam.FlatMap(
                    _messages_edges, mean, plan.sum_fan_out
                )
            parts = (
                {"own": own, "edges": weighted[mean]}
                | f"Senders {number}" >> beam.CoGroupByKey()
                | f"Say {number}" >> beam.ParDo(Say(self._path, number))
            )
            own = (
                {"own": own, "parts": parts}
                | f"Receivers {number}" >> beam.CoGroupByKey()
                | f"Hear {number}" >> beam.ParDo(Hear(self._path, number, layer))
            )
        last = BulkFunction(self._path, "last")
        return own | "Last" >> beam.MapTuple(lambda block, own: (block, last(own)))


def mean_weights(edges: sp.csr_matrix) -> sp.csr_matrix:
    """The row-normalised adjacency of a block of targets."""
    totals = np.asarray(edges.sum(axis=1)).ravel()
    degrees = np.diff(edges.indptr)
    data = (edges.data / np.repeat(totals, degrees)).astype(np.float32)
    return sp.csr_matrix((data, edges.indices, edges.indptr), edges.shape)


def _messages_edges(
    keyed: tuple[int, sp.csr_matrix], mean: bool, fan_out: int
) -> Iterator[tuple[int, tuple[int, Edges]]]:
    number, edges = keyed
    weights = mean_weights(edges)
    if not mean:
        # trainer.layers.graph_convolution.summing_weights
        degrees = np.diff(edges.indptr)
        counted = np.minimum(degrees, fan_out) if fan_out else degrees
        weights.data *= np.repeat(counted, degrees).astype(np.float32)
    yield from by_source(number, weights, BLOCK)


class Say(beam.DoFn):
    """What the artists of a block say, to each block that hears them."""

    def __init__(self, path: str, number: int):
        self._messages = BulkFunction(path, f"messages_{number}")

    def process(
        self, joined: tuple[int, dict[str, Iterable[Any]]]
    ) -> Iterator[tuple[int, tuple[int, Said]]]:
        """Yields (block that hears, (this block, what it hears))."""
        block, found = joined
        (own,) = found["own"]
        messages = self._messages(own)
        for target, edges in found["edges"]:
            yield target, (block, said_along(edges, messages))


class Hear(beam.DoFn):
    """The next states of a block's artists, from their own ones and what they hear."""

    def __init__(self, path: str, number: int, layer: Mapping[str, Any]):
        self._update = BulkFunction(path, f"update_{number}")
        gates = layer["aggregation"] == GATES
        self._key = BulkFunction(path, f"key_{number}") if gates else None
        self._units, self._phase = layer["units"], progress.layer_phase(number)

    def process(
        self, joined: tuple[int, dict[str, Iterable[Any]]]
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Yields (block, [num, width] float32)."""
        block, found = joined
        (own,) = found["own"]
        key = None if self._key is None else self._key(own)
        heard = np.zeros((len(own), self._units))
        # One part is held at a time; in whichever order they come, the sum has the same bits.
        for _, (edges, (messages,)) in found["parts"]:
            if key is None:
                target, column, weight = edges
                heard += rounded(row_sums(target, column, weight, len(own), messages))
            else:
                _add_gated(heard, edges, key, messages)
        beam_progress.tell(self._phase, len(own))
        yield block, self._update(own, restored(heard))


def _add_gated(heard: np.ndarray, edges: Edges, key: np.ndarray, messages: np.ndarray) -> None:
    """Adds up what comes through the gates; see `trainer.layers.gated_sum`."""
    query, value = np.split(messages, 2, axis=1)
    for first in range(0, len(edges.target), _GATED_EDGES):
        target, source, weight = (part[first : first + _GATED_EDGES] for part in edges)
        # A large negative number is a closed gate, and no warning.
        inside = np.maximum(key[target] + query[source], -80)
        passed = value[source] / (1 + np.exp(-inside))
        heard += rounded(row_sums(target, np.arange(len(target)), weight, len(heard), passed))
