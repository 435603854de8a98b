"""From edge rows to neighbour lists and hidden edges: what each split may know."""

from __future__ import annotations

import collections
import hashlib
import heapq
from collections.abc import Iterable, Iterator
from typing import Any, Final

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from catalogues.values import shown
from components.catalogue_example_gen import progress
from components.catalogue_example_gen.bounded_combine import CombineBounded
from components.catalogue_example_gen.packed import pack, unpack
from components.catalogue_example_gen.rows import EDGES, RECORDS, REJECTS, Edge, Reject
from trainer.graph import SPLITS, TRAIN

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


class JoinFirst(beam.DoFn):
    """(artist id, its split and the pairs of which it is the lesser id) -> pairs, rejects.

    Every row of a pair is here, however the catalogue says it. An undirected pair has one row that
    counts, a directed pair one a direction; others are duplicates or contradict each other. They
    travel together from here on, so that two artists are neighbours once. Main output: (greater id,
    first split and rows, packed).

    Args:
      directed: whether source and target may not be exchanged.
    """

    def __init__(self, directed: bool):
        self._directed = directed
        self._advance = progress.Advance(progress.JOINING)

    def process(self, artist: tuple[str, Iterable[bytes]]) -> Iterator[Any]:
        """Yields at most one element a pair, and the rejects."""
        first, records = artist
        split = b""
        pairs: dict[str, list[bytes]] = {}
        for record in records:
            if len(record) == 1:
                split = record
                continue
            self._advance.one()
            ((_, _, source, target, _),) = unpack(record)
            pairs.setdefault(target if source == first else source, []).append(record)
        for second, rows in pairs.items():
            # Nearly all pairs have one row, which goes on as it is.
            kept = rows[0] if len(rows) == 1 else b""
            if not kept:
                edges, rejected = self._counting(
                    [Edge(*edge) for row in rows for edge in unpack(row)]
                )
                yield from rejected
                if not edges:
                    continue
                kept = pack(tuple(map(tuple, edges)))
            if split:
                yield second, split + kept
            else:
                yield from _dangling(kept, first)

    def _counting(self, rows: list[Edge]) -> tuple[list[Edge], list[Any]]:
        """Of a pair's rows those that count, and the rejects."""
        directions: dict[str, list[Edge]] = {}
        for edge in sorted(rows):
            directions.setdefault(edge.source if self._directed else "", []).append(edge)
        kept, rejected = [], []
        for edges in directions.values():
            if len({edge.weight for edge in edges}) > 1:
                # Nobody can tell which weight is right, so none is taken.
                for edge in edges:
                    particulars = (
                        f"weight {edge.weight:g} here, another in another row of this pair"
                    )
                    rejected.append(_rejected(edge, "contradicting edge", particulars))
                continue
            kept.append(edges[0])
            for edge in edges[1:]:
                particulars = f"first in {edges[0].file}, row {edges[0].row}"
                rejected.append(_rejected(edge, "duplicate edge", particulars))
        return kept, rejected

    def finish_bundle(self) -> None:
        """Tells the rest of the progress."""
        self._advance.flush()


class JoinSecond(beam.DoFn):
    """(artist id, its split and the pairs of which it is the greater id) -> what either end knows.

    Main output KNOWN: (artist id, (neighbour id, weight)), the larger weight where both directions
    have one. A training artist knows training artists only; an artist of another split knows
    training artists only. HIDDEN: (split, (artist id, (neighbour id, weight))) for edges inside a
    split. Edges between two splits that are both not train are used by nobody; KIND counts every
    pair once, KEPT its rows.
    """

    def __init__(self) -> None:
        self._advance = progress.Advance(progress.JOINING)
        self._kinds: collections.Counter[str] = collections.Counter()
        self._num_kept = 0

    def start_bundle(self) -> None:
        """Begins to count."""
        self._kinds, self._num_kept = collections.Counter(), 0

    def process(self, artist: tuple[str, Iterable[bytes]]) -> Iterator[Any]:
        """Yields the outputs of an artist's pairs."""
        second, records = artist
        mark = next((record for record in records if len(record) == 1), b"")
        for record in records:
            if len(record) == 1:
                continue
            self._advance.one()
            if mark:
                yield from self._distributed(second, SPLITS[mark[0]], record)
            else:
                yield from _dangling(record[1:], second)

    def _distributed(self, second: str, second_split: str, record: bytes) -> Iterator[Any]:
        first_split = SPLITS[record[0]]
        edges = unpack(record[1:])
        _, _, source, target, weight = edges[0]
        if len(edges) > 1:
            weight = max(edge[-1] for edge in edges)
        first = target if source == second else source
        self._num_kept += len(edges)
        self._kinds["-".join(sorted((first_split, second_split), key=SPLITS.index))] += 1
        for artist, split, neighbor, neighbor_split in (
            (first, first_split, second, second_split),
            (second, second_split, first, first_split),
        ):
            listed = (artist, (neighbor, weight))
            if neighbor_split == SPLITS[TRAIN]:
                yield listed
            elif split == neighbor_split:
                yield beam.pvalue.TaggedOutput(HIDDEN, (split, listed))

    def finish_bundle(self) -> Iterator[Any]:
        """Yields the counts, and tells the rest of the progress."""
        self._advance.flush()
        counts = [(KIND, kind) for kind in self._kinds.items()]
        counts += [(KEPT, (TABLE, self._num_kept))] if self._num_kept else []
        for tag, count in counts:
            whole = WindowedValue(count, GlobalWindow().max_timestamp(), [GlobalWindow()])
            yield beam.pvalue.TaggedOutput(tag, whole)


def _dangling(packed: bytes, artist: str) -> Iterator[Any]:
    for edge in unpack(packed):
        yield _rejected(Edge(*edge), "dangling edge", f"no artist {shown(artist)}")


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

    Each row travels, packed, to the artist of its two that has the lesser id, where it meets the
    other rows of its pair, and on to the greater one. An artist's split comes there as one byte,
    its place in SPLITS.

    Args:
      cap: the most neighbours that an artist's ego graph lists.
      directed: whether source -> target and target -> source are two edges.
    """

    def __init__(self, cap: int, directed: bool):
        super().__init__()
        self._cap, self._directed = cap, directed

    def expand(self, inputs: dict[str, beam.PCollection]) -> dict[str, beam.PCollection]:
        """From {'edges': (lesser id, Edge), 'splits': (artist id, split)}.

        Returns:
          'neighbors': (artist id, (cut, ((id, weight), ...))); 'hidden': (split, (artist id, (id,
          weight))); 'kinds': ('train-val', 1) a pair; 'kept': ('edges', rows); 'rejects'.
        """
        splits = inputs["splits"] | "Marks" >> beam.MapTuple(
            lambda artist, split: (artist, bytes([SPLITS.index(split)]))
        )
        rows = inputs["edges"] | "Pack" >> beam.MapTuple(
            lambda first, edge: (first, pack((tuple(edge),)))
        )
        pairs = (
            (splits, rows)
            | "First ends" >> beam.Flatten()
            | "By first end" >> beam.GroupByKey()
            | "Join first"
            >> beam.ParDo(JoinFirst(self._directed)).with_outputs(REJECTS, main=RECORDS)
        )
        known = (
            (splits, pairs[RECORDS])
            | "Second ends" >> beam.Flatten()
            | "By second end" >> beam.GroupByKey()
            | "Join second"
            >> beam.ParDo(JoinSecond()).with_outputs(HIDDEN, KIND, KEPT, REJECTS, main=KNOWN)
        )
        return {
            "neighbors": known[KNOWN]
            | CombineBounded(
                "Strongest", StrongestNeighbors(self._cap), lambda _: 1, _MOST_NEIGHBORS
            ),
            "hidden": known[HIDDEN],
            "kinds": known[KIND],
            "kept": known[KEPT],
            "rejects": (pairs[REJECTS], known[REJECTS]) | "Edge rejects" >> beam.Flatten(),
        }
