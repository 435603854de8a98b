"""What an artist with very many edges costs the graph builder.

`python -m benchmarks.hub` builds the ego graphs of a catalogue all of whose edges are with one
artist, whose id comes before or after all others, and of one in which as many edges join the
artists in a row: each in one process of its own, its most memory and its processor seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.processes import answer_of
from catalogues.errors import InputError
from catalogues.spec import SPEC_FILE
from pipeline.home import home
from pipeline.quiet import quiet_third_parties

SHAPES: Final = ("first", "last", "row")
"""Of the edges: with the artist whose id is the first, or the last; or each with the next."""
_SPEC: Final = {
    "name": "hub",
    "artists": {"table": "artists.parquet", "id": "id", "split": "split"},
    "edges": {"table": "edges.parquet", "source": "a", "target": "b", "weight": "weight"},
}


def write_hub(folder: Path, shape: str, artists: int) -> None:
    """Writes a catalogue of ids and weights alone.

    Args:
      folder: gets it.
      shape: of SHAPES.
      artists: two or more; there is one edge fewer.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as parquet

    ids = np.array([f"a{number:08d}" for number in range(artists)], object)
    ends = {"first": (ids[:1], ids[1:]), "last": (ids[-1:], ids[:-1]), "row": (ids[:-1], ids[1:])}
    one, other = np.broadcast_arrays(*ends[shape])
    # The strongest are kept where a list is cut: weights that all differ.
    weight = np.random.default_rng(0).permutation(artists - 1).astype(np.float32) + 1
    # The hub is trained on, wherever its id stands, so that others list it, and it lists others.
    split = np.resize(np.array(["train", "train", "val", "test", "train"], object), artists)
    split[-1] = "train"
    parquet.write_table(pa.table({"id": ids, "split": split}), folder / "artists.parquet")
    edges = pa.table({"a": one, "b": other, "weight": weight})
    parquet.write_table(edges, folder / "edges.parquet")
    (folder / SPEC_FILE).write_text(yaml.safe_dump(_SPEC, sort_keys=False))


def hub_cost(shape: str, artists: int) -> dict[str, Any]:
    """Builds the ego graphs of such a catalogue in this process, and checks that none is lost.

    Args:
      shape: of SHAPES.
      artists: two or more.

    Returns:
      `edges`; `cut`, how many neighbours `graph.neighbor_cap` left out; `seconds`, `cpu_seconds`
      and `peak_mib`, the most that the process held.
    """
    from benchmarks.catalogue import make_examples
    from benchmarks.cost.measure import peak_kib
    from components.catalogue_example_gen.summary import SUMMARY_FILE
    from pipeline.config import parse_config

    with tempfile.TemporaryDirectory(prefix="artist-sim-hub-") as work:
        catalogue = Path(work, "catalogue")
        catalogue.mkdir()
        write_hub(catalogue, shape, artists)
        given = {"catalogue": {"path": str(catalogue)}, "beam": {"runner": "DirectRunner"}}
        config = parse_config(given, "hub")
        started, worked = time.perf_counter(), time.process_time()
        examples = make_examples(config, shape, Path(work), lambda text: None)
        seconds, worked = time.perf_counter() - started, time.process_time() - worked
        summary = json.loads((examples / SUMMARY_FILE).read_text())
    return {
        "edges": summary["kept"]["edges"],
        "cut": summary["cut"].get("neighbors", 0),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(worked, 1),
        "peak_mib": peak_kib() >> 10,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for each shape; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hub", description=__doc__)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"of {', '.join(SHAPES)}")
    parser.add_argument("--artists", type=int, default=1_000_000)
    parser.add_argument("--here", action="store_true", help="in this process, as JSON")
    args = parser.parse_args(arguments)
    if unknown := [name for name in args.shapes if name not in SHAPES]:
        parser.error(f"there is no shape '{unknown[0]}'; there are {', '.join(SHAPES)}")
    if args.artists < 100:
        parser.error("--artists must be at least 100, so that each split has some")
    quiet_third_parties(home() / "logs")
    if args.here:
        for shape in args.shapes:
            print(json.dumps(hub_cost(shape, args.artists)))
        return 0
    for shape in args.shapes or SHAPES:
        command = [sys.executable, "-m", "benchmarks.hub", "--here", shape]
        command.append(f"--artists={args.artists}")
        try:
            cost = answer_of(command, shape)
        except InputError as error:
            print(error, file=sys.stderr)
            return 1
        print(
            f"{shape}: {cost['edges']:,} edges, {cost['cut']:,} neighbours cut; "
            f"{cost['peak_mib']:,} MiB at most; {cost['cpu_seconds']} processor seconds, "
            f"{cost['seconds']} of wall time",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
