"""`artist-sim embed`: the vectors of a whole catalogue, on Beam."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Final

from catalogues.errors import InputError
from pipeline.config import BeamConfig, load_config
from pipeline.home import home, log_folder, serving_root, shown
from pipeline.metadata_config import remembered_store
from pipeline.preflight import check_runner

_ABOUT: Final = """\
Embeds every artist of a catalogue and writes the vectors as Parquet: `artist_id` and `embedding`,
65,536 artists a file, in the order of the ids. They are what the model answers to
`serving_default`, made of each artist's content and of the edges that no split hides.

It does not hold the graph in memory: blocks of artists hear one another on Beam,
one graph convolution or one hop of the walks after the other. docs/memory.md says what a worker has
to hold.
"""
_EXAMPLES: Final = """\
examples:
  artist-sim embed --output vectors
      the last pushed model, over the ego graphs of the run that pushed it
  artist-sim embed --output vectors --config configs/flink.yaml
      the same on the Beam runner that a configuration names
  artist-sim embed --output vectors --model path/to/1795261144 --examples path/to/examples
      any model, over any ego graphs that have the content that it reads

  python -c "import pandas; print(pandas.read_parquet('vectors'))"
"""


def add_embed_command(commands: argparse._SubParsersAction) -> None:
    """Adds `embed` to the commands of artist-sim."""
    parser = commands.add_parser(
        "embed",
        help="the vectors of all artists of a catalogue, as Parquet, however large it is",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="where the files go; made by this command, and there when it is whole",
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FOLDER",
        help="folder of a version (default: the newest pushed one)",
    )
    parser.add_argument(
        "--examples",
        type=Path,
        metavar="FOLDER",
        help="folder of the ego graphs (default: those of the run that pushed the model)",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="a configuration whose `beam` says where this runs (default, `auto` and with "
        "`beam.staging`: this process)",
    )
    parser.set_defaults(func=_embed)


def _embed(args: argparse.Namespace) -> int:
    # What is wrong with these is told before TensorFlow is loaded.
    where = load_config(args.config).beam.unstaged if args.config else BeamConfig()
    check_runner(where)
    from pipeline.quiet import quiet_third_parties

    quiet_third_parties(log_folder())
    from serving.pushed_model import newest_version

    model = (args.model or newest_version(serving_root())).absolute()
    from components.bulk_embedder.embedding_run import check_model, embed_into
    from components.direct_runner import mend_direct_runner

    check_model(model)
    examples = (args.examples or _examples_of(model)).absolute()
    mend_direct_runner()
    started = time.monotonic()
    output = args.output.absolute()
    count = embed_into(output, model, examples, where.arguments())
    seconds = time.monotonic() - started
    print(f"{count:,} artists by model {model.name} in {seconds:.0f} s: {shown(output)}")
    return 0


def _examples_of(model: Path) -> Path:
    """The ego graphs of the run that pushed a version.

    Raises:
      InputError: this machine does not know the run, or its ego graphs are gone.
    """
    if remembered_store() is not None:
        from pipeline.runs import list_runs, open_store

        for run in list_runs(open_store()):
            if run.pushed and run.examples and run.pushed.name == model.name:
                if not run.examples.is_dir():
                    break
                return run.examples
    raise InputError(
        f"No run in '{home().name}' has left the ego graphs that the version '{model.name}' was "
        "trained on; name their folder with --examples."
    )
