"""From edge rows to neighbour lists and hidden edges: what each split may know."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from typing import Any, Final

import apache_beam as beam

from components.catalogue_example_gen import progress
from components.catalogue_example_gen.rows import RECORDS, REJECTS, Edge, Reject

TABLE: Final = "edges"
KNOWN: Final = "known"
HIDDEN: Final = "hidden"
KIND: Final = "kind"


def reject_edge(edge: Edge, reason: str) -> Reject:
    """The reject that an edge row becomes."""
    return Reject(TABLE, edge.file, edge.row, f"{edge.source} - {edge.target}", reason)


class OnePerPair(beam.DoFn):
    """(pair, rows) -> the pair's edge; further rows are duplicates or contradict each other."""

    def process(self, pair_rows: tuple[str, Iterable[Edge]]) -> Iterator[Any]:
        """Yields at most one Edge a pair, and the rejects."""
        rows = sorted(pair_rows[1])
        if len({edge.weight for edge in rows}) > 1:
            # Nobody can tell which weight is right, so none is taken.
            for edge in rows:
                yield beam.pvalue.TaggedOutput(
                    REJECTS,
                    reject_edge(
                        edge,
                        f"contradicting edge: weight {edge.weight:g} here, "
                        "another in another row of this pair",
                    ),
                )
            return
        yield rows[0]
        for edge in rows[1:]:
            yield beam.pvalue.TaggedOutput(
                REJECTS,
                reject_edge(edge, f"duplicate edge: first in {rows[0].file}, row {rows[0].row}"),
            )


class JoinEnd(beam.DoFn):
    """(artist id, {'split': [...], 'edges': [...]}) -> edges that know the split of this end.

    An edge travels as (Edge, splits of the ends that are joined already); the first time it is
    keyed by its source, the second time by its target.
    """

    def __init__(self) -> None:
        self._advance = progress.Advance(progress.JOINING)

    def process(self, artist: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[Any]:
        """Yields (Edge, splits) with one split more, and rejects for an unknown end."""
        key, joined = artist
        split = next(iter(joined["split"]), None)
        for edge, splits in joined["edges"]:
            self._advance.one()
            if split is None:
                yield beam.pvalue.TaggedOutput(
                    REJECTS, reject_edge(edge, f"dangling edge: no artist '{key}'")
                )
            else:
                yield edge, (*splits, split)

    def finish_bundle(self) -> None:
        """Tells the rest of the progress."""
        self._advance.flush()


class Distribute(beam.DoFn):
    """(Edge, (source's split, target's split)) -> what either end may know of the other.

    Main output KNOWN: (artist id, (neighbour id, weight)). A training artist knows training artists
    only; an artist of another split knows training artists only. HIDDEN: (split, (artist id,
    (neighbour id, weight))) for edges inside a split. Edges between two splits that are both not
    train are used by nobody; KIND counts every edge once.
    """

    def process(self, joined: tuple[Edge, tuple[str, str]]) -> Iterator[Any]:
        """Yields the outputs of one edge."""
        edge, (source_split, target_split) = joined
        ends = (
            (edge.source, source_split, edge.target, target_split),
            (edge.target, target_split, edge.source, source_split),
        )
        splits = "-".join(sorted((source_split, target_split), key=("train", "val", "test").index))
        yield beam.pvalue.TaggedOutput(KIND, (splits, 1))
        for artist, split, neighbor, neighbor_split in ends:
            listed = (artist, (neighbor, edge.weight))
            if neighbor_split == "train":
                yield listed
            elif split == neighbor_split:
                yield beam.pvalue.TaggedOutput(HIDDEN, (split, listed))


class StrongestNeighbors(beam.CombineFn):
    """The `cap` strongest neighbours of an artist and the number there were, in bounded memory.

    Equal weights are ordered by a hash of the id, so that a cut takes no alphabet's side. Ids that
    occur twice (a directed catalogue has both directions) count once, with the larger weight.
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
        kept[name] = max(weight, kept.get(name, 0.0))
        # Cutting at twice the cap, not at each step, keeps the cost of an insertion constant.
        return self._cut(cut, kept) if len(kept) >= 2 * self._cap else (cut, kept)

    def merge_accumulators(self, accumulators):
        """Merges partial lists."""
        cut, kept = 0, {}
        for other_cut, other in accumulators:
            cut += other_cut
            for name, weight in other.items():
                kept[name] = max(weight, kept.get(name, 0.0))
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


def _strength(neighbor: tuple[str, float]) -> tuple[float, bytes]:
    name, weight = neighbor
    return -weight, hashlib.blake2b(name.encode(), digest_size=8).digest()


class Distributed(beam.PTransform):
    """Edges and splits to neighbour lists.

    Args:
      cap: the most neighbours that an artist's ego graph lists.
    """

    def __init__(self, cap: int):
        super().__init__()
        self._cap = cap

    def expand(self, inputs: dict[str, beam.PCollection]) -> dict[str, beam.PCollection]:
        """From {'edges': (pair, Edge), 'splits': (artist id, split)}.

        Returns:
          'neighbors': (artist id, (cut, ((id, weight), ...))); 'hidden': (split, (artist id, (id,
          weight))); 'kinds': ('train-val', 1) an edge; 'rejects'.
        """
        unique = (
            inputs["edges"]
            | "By pair" >> beam.GroupByKey()
            | "One a pair" >> beam.ParDo(OnePerPair()).with_outputs(REJECTS, main=RECORDS)
        )
        rejects = [unique[REJECTS]]
        edges = unique[RECORDS] | "No end joined" >> beam.Map(lambda edge: (edge, ()))
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
            HIDDEN, KIND, main=KNOWN
        )
        return {
            "neighbors": known[KNOWN]
            | "Strongest" >> beam.CombinePerKey(StrongestNeighbors(self._cap)),
            "hidden": known[HIDDEN],
            "kinds": known[KIND],
            "rejects": tuple(rejects) | "Edge rejects" >> beam.Flatten(),
        }


def _keyed_by_end(edge_and_splits, end):
    return getattr(edge_and_splits[0], end), edge_and_splits
