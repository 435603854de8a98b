"""The walks of a whole catalogue, hop by hop, and the vectors of whom they visit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import apache_beam as beam
import numpy as np
import scipy.sparse as sp

from components import beam_progress
from components.bulk_embedder import progress
from components.bulk_embedder.exact_sums import VISIT_BITS, restored, rounded
from components.bulk_embedder.exchange import Said, by_source, row_sums, said_along
from components.bulk_embedder.functions import BulkFunction
from trainer.bulk_model import BulkPlan, read_messages

BLOCK: Final = 256
"""Artists of a block: what they all visit is held at once, before each keeps the most visited."""
VECTORS: Final = 4096
"""Rows whose vectors are held at a time."""
_HELD: Final = 2**22
"""Visits that are held before those of the same artists are added up, 16 bytes each."""
_COLUMN_BITS: Final = 40


class Walks(beam.PTransform):
    """Artists and their edges, in blocks of BLOCK, to their embeddings.

    Of an artist who is visited the code travels: twice its row, and one more if the model knows it.
    Codes are in the order of rows, so that equal visits are cut as in memory.

    Args:
      path: of the SavedModel.
      plan: of its bulk model.
    """

    def __init__(self, path: str, plan: BulkPlan):
        super().__init__()
        self._path, self._plan = path, plan

    def expand(self, inputs: dict[str, beam.PCollection]) -> beam.PCollection:
        """From {'own': (block, [num] examples), 'edges': (block of targets, CSR), 'rows': (id,
        row)}.

        Returns:
          (block, [num, dim] float32).
        """
        plan, own = self._plan, inputs["own"]
        said = (
            own.pipeline
            | "Model" >> beam.Create([self._path])
            | "Messages" >> beam.FlatMap(_messages, plan)
        )
        messages = (
            {"row": inputs["rows"], "message": said}
            | "With message" >> beam.CoGroupByKey()
            | "Of the catalogue" >> beam.FlatMap(_of_catalogue)
        )
        sizes = own | "Sizes" >> beam.MapTuple(lambda block, own: (block, len(own)))
        degrees = (
            {"size": sizes, "edges": inputs["edges"]}
            | "With edges" >> beam.CoGroupByKey()
            | "Degrees" >> beam.MapTuple(_degrees)
        )
        known = messages | "Known" >> beam.MapTuple(lambda row, _: (row // BLOCK, row % BLOCK))
        about = {"degrees": degrees, "known": known} | "About" >> beam.CoGroupByKey()
        about = about | "Codes" >> beam.MapTuple(_about)
        sent = {"edges": inputs["edges"], "degrees": degrees} | "Targets" >> beam.CoGroupByKey()
        edges = (
            {"edges": sent | "Sent" >> beam.FlatMapTuple(_sent), "degrees": degrees}
            | "Sources" >> beam.CoGroupByKey()
            | "Shares" >> beam.FlatMap(_shares, plan.decay)
        )
        visits = about | "Nothing" >> beam.MapTuple(_nothing)
        for number in range(plan.hops):
            is_last = number == plan.hops - 1
            parts = (
                {"visits": visits, "about": about, "edges": edges}
                | f"Walkers {number}" >> beam.CoGroupByKey()
                | f"Hand on {number}" >> beam.FlatMap(_handed_on, is_last)
            )
            visits = (
                {"about": about, "parts": parts}
                | f"Visits {number}" >> beam.CoGroupByKey()
                | f"Most visited {number}" >> beam.Map(_most_visited, plan.reach, number)
            )
        vectors = messages | "Vectors" >> beam.MapTuple(
            lambda row, message: (row // VECTORS, (row % VECTORS, message))
        )
        walked = (
            {"vectors": vectors, "asked": visits | "Ask" >> beam.FlatMapTuple(_asked)}
            | "Visited" >> beam.CoGroupByKey()
            | "Sums" >> beam.FlatMapTuple(_walked)
        )
        return (
            {"own": own, "degrees": degrees, "walked": walked}
            | "All known" >> beam.CoGroupByKey()
            | "Last" >> beam.ParDo(_Last(self._path, plan.dim))
        )


def _messages(path: str, plan: BulkPlan) -> Iterator[tuple[str, np.ndarray]]:
    keys, messages = read_messages(path, plan)
    for key, message in zip(keys, messages, strict=True):
        yield key.decode(), message


def _of_catalogue(joined: tuple[str, dict[str, Any]]) -> Iterator[tuple[int, np.ndarray]]:
    """(row, message) of the artists that both the model and the catalogue know."""
    _, found = joined
    for row in found["row"]:
        for message in found["message"]:
            yield row, message


def _degrees(block: int, found: dict[str, Any]) -> tuple[int, tuple[np.ndarray, np.ndarray]]:
    """(block, (sums of weights [num] float32, numbers of neighbours [num] float32))."""
    (size,) = found["size"]
    total, count = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for edges in found["edges"]:
        total[: edges.shape[0]] = np.asarray(edges.sum(axis=1)).ravel()
        count[: edges.shape[0]] = np.diff(edges.indptr)
    return block, (total, count)


def _about(block: int, found: dict[str, Any]) -> tuple[int, np.ndarray]:
    """(block, [num] int64 codes)."""
    ((total, _),) = found["degrees"]
    codes = 2 * (block * BLOCK + np.arange(len(total), dtype=np.int64))
    codes[list(found["known"])] += 1
    return block, codes


def _sent(block: int, found: dict[str, Any]) -> Iterator[tuple[int, Any]]:
    """(block of the sources, (block of the targets, edges, their targets' degrees))."""
    ((total, _),) = found["degrees"]
    for edges in found["edges"]:
        for source, (_, own) in by_source(block, edges, BLOCK):
            yield source, (block, own, total[own.target])


def _shares(joined: tuple[int, dict[str, Any]], decay: float) -> Iterator[tuple[int, Any]]:
    """(block of the sources, (block of the targets, edges with decay * S as weights))."""
    block, found = joined
    ((total, _),) = found["degrees"]
    for target, edges, degree in found["edges"]:
        # As trainer.layers.diffusion.hop_edges.
        scale = degree * np.maximum(total[edges.source], edges.weight)
        share = np.float32(decay) * edges.weight / np.sqrt(scale)
        yield block, (target, edges._replace(weight=share.astype(np.float32)))


def _nothing(block: int, codes: np.ndarray) -> tuple[int, tuple[np.ndarray, np.ndarray]]:
    return block, (np.zeros((len(codes), 0), np.int64), np.zeros((len(codes), 0), np.float32))


def _handed_on(
    joined: tuple[int, dict[str, Any]], is_last: bool
) -> Iterator[tuple[int, tuple[int, Said]]]:
    """(block that hears, (this block, who its artists are and whom they visit))."""
    block, found = joined
    (codes,), ((visited, value),) = found["about"], found["visits"]
    visited = np.column_stack([codes, visited])
    value = np.column_stack([np.ones(len(codes), np.float32), value])
    if is_last:
        value = np.where(visited % 2 == 1, value, np.float32(0))
    for target, edges in found["edges"]:
        yield target, (block, said_along(edges, visited, value))


def _most_visited(
    joined: tuple[int, dict[str, Any]], reach: int, hop: int
) -> tuple[int, tuple[np.ndarray, np.ndarray]]:
    """(block, (codes [num, reach] int64, visits [num, reach] float32, falling, 0 where fewer))."""
    block, found = joined
    (codes,) = found["about"]
    total = _Cells()
    for _, (edges, (visited, value)) in found["parts"]:
        # Some edges at a time: each brings a row of visits.
        step = max(1, _HELD // (4 * visited.shape[1]))
        for first in range(0, len(edges.target), step):
            target, source, share = (part[first : first + step] for part in edges)
            handed = share[:, None].astype(np.float64) * value[source]
            used = handed > 0
            place = target.astype(np.int64)[:, None] << _COLUMN_BITS
            total.add((place + visited[source])[used], rounded(handed[used], VISIT_BITS))
    beam_progress.tell(progress.hop_phase(hop), len(codes))
    return block, total.most(len(codes), reach)


class _Cells:
    """A sparse table that is added up as it comes."""

    def __init__(self) -> None:
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []
        self._held, self._summed = 0, 0

    def add(self, cell: np.ndarray, value: np.ndarray) -> None:
        self._parts.append((cell, value))
        self._held += len(cell)
        # At twice of what is left by the last time, so that adding up stays linear.
        if self._held >= max(_HELD, 2 * self._summed):
            self._sum()

    def _sum(self) -> tuple[np.ndarray, np.ndarray]:
        cells = np.concatenate([np.zeros(0, np.int64), *(cell for cell, _ in self._parts)])
        values = np.concatenate([np.zeros(0), *(value for _, value in self._parts)])
        found, place = np.unique(cells, return_inverse=True)
        summed = np.bincount(place, values, len(found))
        self._parts = [(found, summed)]
        self._held = self._summed = len(found)
        return found, summed

    def most(self, rows: int, reach: int) -> tuple[np.ndarray, np.ndarray]:
        """Of each row the columns with the largest sums; of equal ones the first columns."""
        cells, sums = self._sum()
        values = restored(sums, VISIT_BITS)
        row, column = cells >> _COLUMN_BITS, cells & ((1 << _COLUMN_BITS) - 1)
        order = np.lexsort((column, -values, row))
        starts = np.searchsorted(row, np.arange(rows))
        place = np.arange(len(order)) - starts[row[order]]
        kept = order[(place < reach) & (values[order] > 0)]
        place = np.arange(len(kept)) - np.searchsorted(row[kept], np.arange(rows))[row[kept]]
        codes, visits = np.zeros((rows, reach), np.int64), np.zeros((rows, reach), np.float32)
        codes[row[kept], place] = column[kept]
        visits[row[kept], place] = values[kept]
        return codes, visits


def _asked(block: int, visits: tuple[np.ndarray, np.ndarray]) -> Iterator[tuple[int, Any]]:
    """(block of vectors, (block, sums that are wanted of it, CSR [num, VECTORS]))."""
    codes, value = visits
    total = value.sum(axis=1, keepdims=True, dtype=np.float64)
    share = np.sqrt(np.divide(value, total, out=np.zeros_like(total * value), where=total > 0))
    place = np.nonzero(share)
    rows, shares = codes[place] // 2, share[place]
    matrix = sp.csr_matrix((shares, (place[0], rows)), (len(codes), int(rows.max(initial=0)) + 1))
    for vectors, (_, wanted) in by_source(block, matrix, VECTORS):
        yield vectors, (block, wanted)


def _walked(_: int, found: dict[str, Any]) -> Iterator[tuple[int, tuple[np.ndarray, np.ndarray]]]:
    """(block, (places there [num], parts of their sums [num, dim] float64, rounded))."""
    places, vectors = zip(*found["vectors"]) if found["vectors"] else ((), ())
    order = np.full(VECTORS, -1)
    order[list(places)] = np.arange(len(places))
    table = np.stack(vectors) if vectors else np.zeros((0, 0), np.float32)
    for block, wanted in found["asked"]:
        places, target = np.unique(wanted.target, return_inverse=True)
        column = order[wanted.source]
        yield block, (places, rounded(row_sums(target, column, wanted.weight, len(places), table)))


class _Last(beam.DoFn):
    """(block, content, numbers of neighbours and parts of sums) -> (block, embeddings)."""

    def __init__(self, path: str, dim: int):
        self._last, self._dim = BulkFunction(path, "last"), dim

    def process(self, joined: tuple[int, dict[str, Any]]) -> Iterator[tuple[int, np.ndarray]]:
        block, found = joined
        (own,), ((_, count),) = found["own"], found["degrees"]
        walked = np.zeros((len(own), self._dim))
        for places, part in found["walked"]:
            walked[places] += part
        yield block, self._last(own, restored(walked), count)
