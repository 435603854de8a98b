"""What one graph layer takes over a whole catalogue, forward and backward.

`python -m benchmarks.layer_memory` draws edges at random, by default as many as the largest
published catalogue for this task has, and takes each graph layer over all artists at once, in a
process of its own: the most memory that it held, and processor seconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.processes import answer_of
from catalogues.errors import InputError
from pipeline.home import home
from pipeline.quiet import quiet_third_parties
from trainer.config import LAYERS

_ARTISTS, _EDGES = 136_731, 3_277_677


def layer_cost(layer: str, artists: int, edges: int, units: int) -> dict[str, Any]:
    """Takes a layer over random edges and states, and its gradient by the states and its weights.

    Args:
      layer: of LAYERS.
      artists: so many.
      edges: drawn so many times between two artists, in both directions; what is drawn again
        counts once.
      units: the width of the states and of the layer.

    Returns:
      `directed_edges`; `before_mib` and `peak_mib`, the most that this process had held before the
      layer and at the end; `cpu_seconds` of both passes, with the tracing of their function;
      `finite`, whether all gradients are.
    """
    import numpy as np
    import scipy.sparse as sp
    import tensorflow as tf

    from trainer.network import CONVOLUTIONS, ArtistNetwork
    from trainer.network_graphs import bipartite
    from trainer.tasks.triplet import block_arrays
    from trainer.tracing import trace

    rng = np.random.default_rng(0)
    source, target = rng.integers(0, artists, (2, edges))
    drawn = sp.csr_matrix((np.ones(edges, np.float32), (source, target)), (artists, artists))
    both = drawn + drawn.T
    both.data[:] = 1
    block = trace(both, np.arange(artists), 1).blocks[0]
    given = tf.nest.map_structure(tf.convert_to_tensor, block_arrays(block))
    state = tf.constant(rng.standard_normal((artists, units), np.float32))
    found = {"directed_edges": both.nnz, "before_mib": _peak_mib()}
    del source, target, drawn, both, block
    convolution = CONVOLUTIONS[layer](units, "convolution", 0)

    # As training has it; eagerly the plain layers took 14 GiB.
    @tf.function
    def gradients(given: Any, state: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(state)
            loss = tf.reduce_sum(ArtistNetwork.convolve(convolution, bipartite(*given), state) ** 2)
        by = [state, *convolution.trainable_variables]
        return [tf.reduce_sum(tf.convert_to_tensor(found)) for found in tape.gradient(loss, by)]

    started = time.process_time()
    finite = bool(np.isfinite(gradients(given, state)).all())
    seconds = round(time.process_time() - started, 1)
    return found | {"peak_mib": _peak_mib(), "cpu_seconds": seconds, "finite": finite}


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for each layer; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layer_memory", description=__doc__)
    parser.add_argument("layers", nargs="*", metavar="LAYER", help=f"of {', '.join(LAYERS)}")
    parser.add_argument("--artists", type=int, default=_ARTISTS)
    parser.add_argument("--edges", type=int, default=_EDGES)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--here", action="store_true", help="one layer in this process, as JSON")
    args = parser.parse_args(arguments)
    if unknown := [name for name in args.layers if name not in LAYERS]:
        parser.error(f"there is no layer '{unknown[0]}'; there are {', '.join(LAYERS)}")
    if min(args.artists, args.edges, args.units) < 1:
        parser.error("--artists, --edges and --units must be at least 1")
    quiet_third_parties(home() / "logs")
    size = (args.artists, args.edges, args.units)
    if args.here:
        for layer in args.layers:
            print(json.dumps(layer_cost(layer, *size)))
        return 0
    for layer in args.layers or LAYERS:
        options = [f"--{n}={v}" for n, v in zip(("artists", "edges", "units"), size, strict=True)]
        command = [sys.executable, "-m", "benchmarks.layer_memory", "--here", layer, *options]
        try:
            cost = answer_of(command, layer)
        except InputError as error:
            print(error, file=sys.stderr)
            return 1
        print(
            f"{layer}: {cost['peak_mib']:,} MiB at most, {cost['before_mib']:,} before the layer; "
            f"{cost['cpu_seconds']} processor seconds; {cost['directed_edges']:,} directed edges",
            flush=True,
        )
    return 0


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    sys.exit(main())
