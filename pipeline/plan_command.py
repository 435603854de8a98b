"""`artist-sim plan`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from catalogues.errors import InputError
from pipeline.config import config_path, load_config


def add_plan(commands: argparse._SubParsersAction, quiet_libraries: Callable[[], None]) -> None:
    """Adds the command to those of `artist-sim`.

    Args:
      commands: of `artist-sim`.
      quiet_libraries: called before anything heavy is loaded, as the newest span needs TFX.
    """

    def plan(args: argparse.Namespace) -> int:
        quiet_libraries()
        return _plan(args)

    parser = commands.add_parser(
        "plan",
        help="what training would take, in memory and with subgraphs",
        description="Estimates, from the number of rows of the catalogue's tables, about how much "
        "memory, disk and time training takes with the graph in memory and with sampled "
        "subgraphs, and says which of the two a run gets and why. Runs nothing.",
    )
    parser.add_argument(
        "config", nargs="?", type=Path, help="a configuration (default: the sampler's)"
    )
    parser.set_defaults(func=plan)


def _plan(args: argparse.Namespace) -> int:
    from pipeline.sampling_plan import plan_lines, plan_of
    from trainer.systems.registry import check_system

    config = load_config(args.config or config_path())
    check_system(config.trainer.system)
    if "://" in config.catalogue.path:
        raise InputError(
            "`catalogue.path` does not lie on this machine, so that no rows can be counted; plan "
            "with a copy of the catalogue."
        )
    print("\n".join(plan_lines(plan_of(config), config)))
    return 0
