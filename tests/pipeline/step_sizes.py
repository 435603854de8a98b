"""What each step of the compiled package needs: the table of docs/operations.md.

    python -m tests.pipeline.step_sizes catalogues/sampler

runs the package on a catalogue as `kubeflow_backend.py` does, each step a process of its own, and
prints seconds, CPU seconds and the most memory that each held.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from pipeline.config import parse_config
from pipeline.kubeflow_runner import compile_package
from tests.pipeline.kubeflow_backend import Backend


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument(
        "--epochs", type=int, help="fewer than the configuration's; memory stays the same"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        volume = Path(name) / "volume"
        shutil.copytree(args.catalogue, volume / "catalogue")
        given = {
            "catalogue": {"path": f"{volume}/catalogue"},
            "kubeflow": {
                "image": "artist-sim",
                "pipeline_root": "minio://mlpipeline/artist-sim",
                "serving_root": f"{volume}/serving/artist_sim",
                "checkpoints": f"{volume}/checkpoints",
                "volume": {"claim": "artist-sim", "path": str(volume)},
            },
        }
        spec, *_ = compile_package(parse_config(given, "given"))
        training = {"epochs": args.epochs} if args.epochs else {}
        results = Backend(Path(name)).run(
            spec, "run", overrides=json.dumps({"trainer": {"training": training}})
        )
    print("| step | seconds | CPU seconds | memory, GB |\n|---|---|---|---|")
    for step, result in results.items():
        if result.status:
            raise SystemExit(f"{step} failed:\n{result.log[-4000:]}")
        print(
            f"| `{step}` | {result.seconds:.0f} | {result.cpu_seconds:.0f} "
            f"| {result.memory / 1e9:.1f} |"
        )


if __name__ == "__main__":
    main()
