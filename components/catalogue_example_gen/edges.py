"""From edge rows to neighbour lists and hidden edges: what each split may know."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from typing import Any, Final

import apache_beam as beam

from catalogues.values import shown
from components.catalogue_example_gen import progress
from components.catalogue_example_gen.bounded_combine import CombineBounded
from components.catalogue_example_gen.rows import EDGES, RECORDS, REJECTS, Edge, Reject

TABLE: Final = EDGES
KNOWN: Final = "known"
HIDDEN: Final = "hidden"
KIND: Final = "kind"
KEPT: Final = "kept"

_MOST_NEIGHBORS: Final = 1 << 17
"""Held before the shuffle, some 200 bytes each."""


def reject_edge(edge: Edge, kind: str, particulars: str) -> Reject:
    """The reject that an edge row becomes."""
    key = f"{edge.source} - {edge.target}"
    return Reject(TABLE, edge.file, edge.row, key, f"{kind}: {particulars}", kind)


class OnePerPair(beam.DoFn):
    """(pair, rows) -> the pair's rows that count; others are duplicates or contradict each other.

    An undirected pair has one such row, a directed pair one a direction. They travel together, so
    that two artists are neighbours once, whatever the catalogue's way to say so.

    Args:
      directed: whether source and target may not be exchanged.
    """

    def __init__(self, directed: bool):
        self._directed = directed

    def process(self, pair_rows: tuple[str, Iterable[Edge]]) -> Iterator[Any]:
        """Yields at most one tuple of edges a pair, and the rejects."""
        directions: dict[str, list[Edge]] = {}
        for edge in sorted(pair_rows[1]):
            directions.setdefault(edge.source if self._directed else "", []).append(edge)
        kept = []
        for rows in directions.values():
            if len({edge.weight for edge in rows}) > 1:
                # Nobody can tell which weight is right, so none is taken.
                for edge in rows:
                    particulars = (
                        f"weight {edge.weight:g} here, another in another row of this pair"
                    )
                    yield _rejected(edge, "contradicting edge", particulars)
                continue
            kept.append(rows[0])
            for edge in rows[1:]:
                particulars = f"first in {rows[0].file}, row {rows[0].row}"
                yield _rejected(edge, "duplicate edge", particulars)
        if kept:
            yield tuple(kept)


class JoinEnd(beam.DoFn):
    """(artist id, {'split': [...], 'edges': [...]}) -> edges that know the split of this end.

    A pair travels as (its edges, splits of the ends that are joined already); the first time it is
    keyed by its source, the second time by its target.
    """

    def __init__(self) -> None:
        self._advance = progress.Advance(progress.JOINING)

    def process(self, artist: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[Any]:
        """Yields (edges, splits) with one split more, and rejects for an unknown end."""
        key, joined = artist
        split = next(iter(joined["split"]), None)
        for edges, splits in joined["edges"]:
            self._advance.one()
            if split is None:
                for edge in edges:
                    yield _rejected(edge, "dangling edge", f"no artist {shown(key)}")
            else:
                yield edges, (*splits, split)

    def finish_bundle(self) -> None:
        """Tells the rest of the progress."""
        self._advance.flush()


class Distribute(beam.DoFn):
    """(edges, (source's split, target's split)) -> what either end may know of the other.

    Main output KNOWN: (artist id, (neighbour id, weight)), the larger weight where both directions
    have one. A training artist knows training artists only; an artist of another split knows
    training artists only. HIDDEN: (split, (artist id, (neighbour id, weight))) for edges inside a
    split. Edges between two splits that are both not train are used by nobody; KIND counts every
    pair once, KEPT its rows.
    """

    def process(self, joined: tuple[tuple[Edge, ...], tuple[str, str]]) -> Iterator[Any]:
        """Yields the outputs of one pair."""
        edges, (source_split, target_split) = joined
        source, target = edges[0].source, edges[0].target
        weight = max(edge.weight for edge in edges)
        ends = (
            (source, source_split, target, target_split),
            (target, target_split, source, source_split),
        )
        splits = "-".join(sorted((source_split, target_split), key=("train", "val", "test").index))
        yield beam.pvalue.TaggedOutput(KIND, (splits, 1))
        yield beam.pvalue.TaggedOutput(KEPT, (TABLE, len(edges)))
        for artist, split, neighbor, neighbor_split in ends:
            listed = (artist, (neighbor, weight))
            if neighbor_split == "train":
                yield listed
            elif split == neighbor_split:
                yield beam.pvalue.TaggedOutput(HIDDEN, (split, listed))


def _rejected(edge: Edge, kind: str, particulars: str) -> Any:
    return beam.pvalue.TaggedOutput(REJECTS, reject_edge(edge, kind, particulars))


class StrongestNeighbors(beam.CombineFn):
    """The `cap` strongest neighbours of an artist and the number there were, in bounded memory.

    Equal weights are ordered by a hash of the id, so that a cut takes no alphabet's side. Each id
    comes once (`OnePerPair`): an id that was cut is forgotten, and would be counted again.
    """

    def __init__(self, cap: int):
        self._cap = cap

    def create_accumulator(self):
        """(cut neighbours, {id: weight})."""
        return 0, {}

    def add_input(self, accumulator, neighbor):
        """Adds one (id, weight)."""
        cut, kept = accumulator
        name, weight = neighbor
        kept[name] = weight
        # Cutting at twice the cap, not at each step, keeps the cost of an insertion constant.
        return self._cut(cut, kept) if len(kept) >= 2 * self._cap else (cut, kept)

    def merge_accumulators(self, accumulators):
        """Merges partial lists."""
        cut, kept = 0, {}
        for other_cut, other in accumulators:
            cut += other_cut
            kept.update(other)
            if len(kept) >= 2 * self._cap:
                cut, kept = self._cut(cut, kept)
        return cut, kept

    def extract_output(self, accumulator):
        """Returns (cut, ((id, weight), ...) strongest first)."""
        cut, kept = accumulator
        cut += max(0, len(kept) - self._cap)
        return cut, tuple(heapq.nsmallest(self._cap, kept.items(), key=_strength))

    def _cut(self, cut, kept):
        strongest = heapq.nsmallest(self._cap, kept.items(), key=_strength)
        return cut + len(kept) - len(strongest), dict(strongest)


def _strength(neighbor: tuple[str, float]) -> tuple[float, bytes, str]:
    name, weight = neighbor
    return -weight, hashlib.blake2b(name.encode(), digest_size=8).digest(), name


class Distributed(beam.PTransform):
    """Edges and splits to neighbour lists.

    Args:
      cap: the most neighbours that an artist's ego graph lists.
      directed: whether source -> target and target -> source are two edges.
    """

    def __init__(self, cap: int, directed: bool):
        super().__init__()
        self._cap, self._directed = cap, directed

    def expand(self, inputs: dict[str, beam.PCollection]) -> dict[str, beam.PCollection]:
        """From {'edges': (pair, Edge), 'splits': (artist id, split)}.

        Returns:
          'neighbors': (artist id, (cut, ((id, weight), ...))); 'hidden': (split, (artist id, (id,
          weight))); 'kinds': ('train-val', 1) a pair; 'kept': ('edges', rows) a pair; 'rejects'.
        """
        unique = (
            inputs["edges"]
            | "By pair" >> beam.GroupByKey()
            | "One a pair"
            >> beam.ParDo(OnePerPair(self._directed)).with_outputs(REJECTS, main=RECORDS)
        )
        rejects = [unique[REJECTS]]
        edges = unique[RECORDS] | "No end joined" >> beam.Map(lambda pair: (pair, ()))
        for end in ("source", "target"):
            joined = (
                {
                    "split": inputs["splits"],
                    "edges": edges | f"By {end}" >> beam.Map(_keyed_by_end, end=end),
                }
                | f"With {end}" >> beam.CoGroupByKey()
                | f"Join {end}" >> beam.ParDo(JoinEnd()).with_outputs(REJECTS, main=RECORDS)
            )
            rejects.append(joined[REJECTS])
            edges = joined[RECORDS]
        known = edges | "Distribute" >> beam.ParDo(Distribute()).with_outputs(
            HIDDEN, KIND, KEPT, main=KNOWN
        )
        return {
            "neighbors": known[KNOWN]
            | CombineBounded(
                "Strongest", StrongestNeighbors(self._cap), lambda _: 1, _MOST_NEIGHBORS
            ),
            "hidden": known[HIDDEN],
            "kinds": known[KIND],
            "kept": known[KEPT],
            "rejects": tuple(rejects) | "Edge rejects" >> beam.Flatten(),
        }


def _keyed_by_end(edges_and_splits, end):
    return getattr(edges_and_splits[0][0], end), edges_and_splits
