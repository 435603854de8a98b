"""Training batches: pseudo-evaluation artists whose mutual edges are hidden and predicted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from trainer.config import TrainingConfig
from trainer.tracing import (
    Block,
    Trace,
    random_neighbors,
    strongest_neighbors,
    trace,
    without_edges_among,
)

_BUCKETS_PER_OCTAVE = 8


@dataclasses.dataclass(frozen=True)
class Batch:
    """One step's artists.

    Attributes:
      trace: their neighbourhood, without a single edge among them.
      anchor: [num_pairs] int64, places in the batch.
      positive: [num_pairs] int64, places in the batch; similar to the anchor by a hidden edge. A
        pair of an artist with itself only pads and does not count.
    """

    trace: Trace
    anchor: np.ndarray
    positive: np.ndarray


def num_batches(num_artists: int, config: TrainingConfig) -> int:
    """Batches an epoch: as the fraction says, more where a batch would be too large."""
    by_fraction = round(1 / config.pseudo_eval_fraction)
    return max(1, min(num_artists, by_fraction), -(-num_artists // config.max_batch))


def message_edges(edges: sp.csr_matrix, weighted: bool, fan_out: int) -> sp.csr_matrix:
    """The edges that carry messages when artists are embedded for use.

    The strongest `fan_out` an artist; all of them where there are no weights, which is what the
    mean over random neighbours estimates, without the noise.
    """
    return strongest_neighbors(edges, fan_out) if weighted else edges


def epoch_batches(
    edges: sp.csr_matrix,
    artists: np.ndarray,
    *,
    weighted: bool,
    num_convolutions: int,
    config: TrainingConfig,
    epoch: int,
) -> Iterator[Batch]:
    """Every training artist once, in random folds; the same for the same seed and epoch.

    A pair's own edge never carries a message to either end: all edges among a fold's artists are
    deleted before the neighbourhood is traced, as they are hidden at test time.

    Args:
      edges: [num_artists, num_artists] CSR, training edges only.
      artists: [num_training] int64 rows.
      weighted: whether edges have weights.
      num_convolutions: hops to trace.
      config: fan-out, sizes and seed.
      epoch: from 0.
    """
    rng = np.random.default_rng((config.seed, epoch))
    folds = np.array_split(rng.permutation(artists), num_batches(len(artists), config))
    for fold in folds:
        visible = without_edges_among(edges, fold)
        if weighted:
            visible = strongest_neighbors(visible, config.fan_out)
        else:
            visible = random_neighbors(visible, config.fan_out, rng)
        hidden = edges[fold][:, fold].tocoo()
        traced = trace(visible, fold, num_convolutions)
        added = np.zeros(bucket(hidden.nnz) - hidden.nnz if config.xla else 0, np.int64)
        yield Batch(
            trace=padded(traced) if config.xla else traced,
            anchor=np.append(hidden.row.astype(np.int64), added),
            positive=np.append(hidden.col.astype(np.int64), added),
        )


def padded(traced: Trace) -> Trace:
    """Rounds sizes up to a few values, so that XLA compiles few shapes.

    The batch's own artists stay first and are not padded. Added artists repeat the first one and
    send nothing; added edges weigh nothing.
    """
    if not len(traced.artists):
        return traced
    num_targets = traced.blocks[-1].num_targets if traced.blocks else len(traced.artists)
    place = np.arange(num_targets)
    blocks: list[Block] = []
    # From the last convolution to the first: the sources of one are the targets of the one before.
    for block in reversed(traced.blocks):
        found = np.arange(block.num_sources - block.num_targets) + num_targets
        source_place = np.concatenate([place, found])
        num_sources = bucket(num_targets + len(found))
        added = bucket(len(block.target)) - len(block.target)
        blocks.append(
            Block(
                target=np.append(place[block.target], np.full(added, num_targets - 1)),
                source=np.append(source_place[block.source], np.zeros(added, np.int64)),
                weight=np.append(block.weight, np.zeros(added, np.float32)),
                num_targets=num_targets,
                num_sources=num_sources,
            )
        )
        place, num_targets = source_place, num_sources
    artists = np.full(num_targets, traced.artists[0])
    artists[place] = traced.artists
    return Trace(artists, tuple(reversed(blocks)))


def bucket(size: int) -> int:
    """The next size of which there are few: eight an octave."""
    step = max(1, 2 ** max(0, int(size).bit_length() - 1) // _BUCKETS_PER_OCTAVE)
    return -(-size // step) * step
