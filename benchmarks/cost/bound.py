"""How fast this machine copies and multiplies, and what an epoch of `gnn` has to move at least."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.cost.measure import peak_kib

_FLOAT: Final = 4
_PASSES: Final = 3
"""Forward once; backward a product for the weights and one for what came in."""


@dataclasses.dataclass(frozen=True)
class Work:
    """What steps have to do.

    Attributes:
      bytes: read or written, each array once for each layer that uses it.
      flop: additions and multiplications of products.
    """

    bytes: float
    flop: float


def bandwidth(mebibytes: int = 256, rounds: int = 10) -> float:
    """Bytes a second that all cores together read and write while they copy; the best round.

    The copy of STREAM (McCalpin 1995), in NumPy: each core copies a part of an array, which is far
    larger than caches are.
    """
    source = np.ones(mebibytes * 2**20 // 8)
    target = np.zeros_like(source)
    cores = os.cpu_count() or 1
    parts = list(zip(np.array_split(source, cores), np.array_split(target, cores), strict=True))
    with ThreadPoolExecutor(cores) as pool:

        def copy() -> None:
            list(pool.map(lambda part: np.copyto(part[1], part[0]), parts))

        return 2 * source.nbytes / _fastest(copy, rounds)


def product_rate(size: int = 2048, rounds: int = 5) -> float:
    """FLOP a second of a product of dense float32 matrices, by NumPy's BLAS; the best round."""
    matrix = np.random.default_rng(0).random((size, size), np.float32)
    return 2 * size**3 / _fastest(lambda: matrix @ matrix, rounds)


def work_of(
    blocks: Sequence[tuple[int, int, int]],
    first: float,
    units: int,
    backend: Sequence[int],
) -> Work:
    """Of one step: convolutions by mean and projection, then dense layers.

    A convolution reads the states of its senders, writes a message of each, reads one along each
    edge, and makes a state of what each receiver hears and has. Backwards, all that is read and
    written twice more; the content, which nothing teaches, is read once more. The loss is not
    counted.

    Args:
      blocks: (senders, receivers, edges) of each convolution, the first convolution first; one or
        more.
      first: numbers that are not zero in an artist's content, on average.
      units: width of messages and states.
      backend: widths of the dense layers.
    """
    moved = flop = 0.0
    width = first
    for place, (senders, receivers, edges) in enumerate(blocks):
        dense = 2.0 * (senders + receivers) * width * units
        heard = 2.0 * edges * units + 2.0 * receivers * units * units
        # Content is read forward and for the gradient of the weights, and has none of its own.
        passes = _PASSES if place else _PASSES - 1
        flop += passes * dense + _PASSES * heard
        states = (senders + receivers) * width
        messages = (senders + edges + 3.0 * receivers) * units
        moved += _FLOAT * (passes * states + _PASSES * messages)
        width = units
    artists = blocks[-1][1]
    for before, after in zip([width, *backend], backend):
        flop += _PASSES * 2.0 * artists * before * after
        moved += _PASSES * _FLOAT * artists * (before + after)
    return Work(moved, flop)


def epoch_work(examples: Path) -> dict[str, Any]:
    """What the first epoch of benchmarks.cost.training has to do; plain values."""
    from benchmarks.cost.training import load_training
    from trainer.batches import epoch_batches
    from trainer.content import raw_content
    from trainer.feature_rows import FeatureRows

    system, graph, _ = load_training(examples)
    features = system.encoder(raw_content(graph))
    network, config = system.config.network, system.training_config
    is_sparse = FeatureRows(features, True).is_sparse
    first = np.count_nonzero(features.numpy()) / len(graph) if is_sparse else features.shape[1]
    batches = epoch_batches(
        graph.training_edges(),
        graph.artists("train"),
        weighted=graph.weighted,
        num_convolutions=network.convolutions,
        config=config,
        epoch=0,
    )
    steps = [
        work_of(
            [(one.num_sources, one.num_targets, len(one.target)) for one in batch.trace.blocks],
            first,
            network.convolution_units,
            [*network.backend_units, network.embedding_dim],
        )
        for batch in batches
    ]
    return {
        "steps": len(steps),
        "first_width": round(float(first), 1),
        "sparse": bool(is_sparse),
        **_totals(steps),
        "bandwidth": round(bandwidth()),
        "product_rate": round(product_rate()),
        "peak_mib": round(peak_kib() / 1024, 1),
    }


def _totals(steps: Iterable[Work]) -> dict[str, float]:
    every = list(steps)
    return {"bytes": sum(s.bytes for s in every), "flop": sum(s.flop for s in every)}


def _fastest(work: Callable[[], Any], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)
