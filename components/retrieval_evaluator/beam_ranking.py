"""Ranks on Beam: each block of queries is scored by a worker, to the same bit as in process.

The workers get the vectors and the hidden edges as memory-mapped `.npy` files and leave what they
ranked as files beside them, so that nothing but the numbers of the blocks goes through Beam. The
folder of these files must therefore be on a file system that all workers share.

Blocks do not depend on how many workers there are, and the order of ties on the pair alone. A block
that is done twice writes the same file. On disk: 4 * dim bytes for each artist of the split, and up
to 16 * cutoff bytes for each query. In memory: for each worker what `trainer.ranking.ranking` says,
and the vectors of the candidates.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import scipy.sparse as sp

from trainer.ranking.ranking import HiddenPositives, RankingBlock, block_size, ranking_blocks
from trainer.systems.base import DotProducts, Scorer


class BeamRanking:
    """Stands in for `ranking_blocks`: dot products are ranked on Beam, all else in process.

    Other scorers are functions of graphs, of SavedModels or of nothing that is worth sending.

    Args:
      make_pipeline: a new Beam pipeline with its runner and options.
      folder: where the files lie for as long as they are needed; shared by all workers.
    """

    def __init__(self, make_pipeline: Callable[[], Any], folder: Path):
        self._make_pipeline, self._folder = make_pipeline, folder

    def __call__(
        self,
        scorer: Scorer,
        hidden: HiddenPositives,
        candidates: np.ndarray,
        cutoff: int,
        *,
        seed: int = 0,
        block: int = 1024,
    ) -> Iterator[RankingBlock]:
        """As `ranking_blocks`.

        Raises:
          ValueError: as `ranking_blocks`; what a worker finds comes as Beam wraps it.
        """
        if not isinstance(scorer, DotProducts) or not len(hidden.queries):
            yield from ranking_blocks(scorer, hidden, candidates, cutoff, seed=seed, block=block)
            return
        step = block_size(len(candidates), block)
        starts = range(0, len(hidden.queries), step)
        with tempfile.TemporaryDirectory(prefix=".ranking-", dir=self._folder) as folder:
            _write(folder, scorer.embedding, hidden, np.asarray(candidates, np.int64))
            rank = functools.partial(rank_block, folder=folder, step=step, cutoff=cutoff, seed=seed)
            with self._make_pipeline() as pipeline:
                _ = (
                    pipeline
                    | "Blocks" >> beam.Create(list(starts))
                    | "Spread" >> beam.Reshuffle()
                    | "Rank" >> beam.Map(rank)
                )
            _read.cache_clear()
            for start in starts:
                part = slice(start, start + step)
                with np.load(_result(folder, start)) as arrays:
                    top, weights, ranks = (arrays[name] for name in ("top", "weights", "ranks"))
                yield RankingBlock(part, top, weights, hidden.positives[part], ranks)


def rank_block(start: int, *, folder: str, step: int, cutoff: int, seed: int) -> None:
    """Ranks `step` queries from `start` on, and writes their lists and ranks into the folder."""
    scorer, hidden, candidates = _read(folder)
    part = slice(start, start + step)
    some = HiddenPositives(hidden.queries[part], hidden.positives[part], 0)
    (ranked,) = ranking_blocks(scorer, some, candidates, cutoff, seed=seed, block=step)
    path = _result(folder, start)
    descriptor, beside = tempfile.mkstemp(dir=folder, prefix=".block-")
    with os.fdopen(descriptor, "wb") as file:
        np.savez(file, top=ranked.top, weights=ranked.weights, ranks=ranked.positive_ranks())
    os.replace(beside, path)


def _result(folder: str, start: int) -> Path:
    return Path(folder, f"block-{start}.npz")


def _write(
    folder: str, embedding: np.ndarray, hidden: HiddenPositives, candidates: np.ndarray
) -> None:
    rows = np.union1d(hidden.queries, candidates)
    arrays = {
        "rows": rows,
        "embedding": embedding[rows],
        "queries": hidden.queries,
        "candidates": candidates,
        "data": hidden.positives.data,
        "indices": hidden.positives.indices,
        "indptr": hidden.positives.indptr,
    }
    for name, array in arrays.items():
        np.save(Path(folder, f"{name}.npy"), array)


@functools.lru_cache(maxsize=1)
def _read(folder: str) -> tuple[Scorer, HiddenPositives, np.ndarray]:
    """What `_write` wrote; a worker does it once for all its blocks."""

    def array(name: str) -> np.ndarray:
        return np.asarray(np.load(Path(folder, f"{name}.npy"), mmap_mode="r"))

    rows, candidates, queries = array("rows"), array("candidates"), array("queries")
    dot_products = DotProducts(array("embedding"))
    positives = sp.csr_matrix(
        (array("data"), array("indices"), array("indptr")), (len(queries), len(candidates))
    )

    def scores(asked: np.ndarray, against: np.ndarray) -> np.ndarray:
        return dot_products(np.searchsorted(rows, asked), np.searchsorted(rows, against))

    return scores, HiddenPositives(queries, positives, 0), candidates
