"""The systems that can be trained, pushed and served, by name.

What a system needs is imported when it is made, so that a wrong name is told before that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from catalogues.errors import InputError, nearest
from trainer.config import TrainerConfig

if TYPE_CHECKING:
    from trainer.systems.servable import ServableSystem, TrainingRun

Factory = Callable[[TrainerConfig, Mapping[str, Any], "TrainingRun | None"], "ServableSystem"]


def _gnn(
    config: TrainerConfig, statistics: Mapping[str, Any], run: TrainingRun | None
) -> ServableSystem:
    from trainer.systems.gnn import GnnSystem

    return GnnSystem(config, statistics, run)


def _dnn(
    config: TrainerConfig, statistics: Mapping[str, Any], run: TrainingRun | None
) -> ServableSystem:
    network = dataclasses.replace(config.network, convolutions=0)
    return _gnn(dataclasses.replace(config, network=network), statistics, run)


def _diffusion(
    config: TrainerConfig, statistics: Mapping[str, Any], run: TrainingRun | None
) -> ServableSystem:
    from trainer.systems.diffusion import DiffusionSystem

    return DiffusionSystem(config, statistics, run)


def _contrastive(
    config: TrainerConfig, statistics: Mapping[str, Any], run: TrainingRun | None
) -> ServableSystem:
    from trainer.systems.contrastive import ContrastiveSystem

    return ContrastiveSystem(config, statistics, run)


SYSTEMS: Mapping[str, Factory] = {
    "diffusion": _diffusion,
    "gnn": _gnn,
    "dnn": _dnn,
    "contrastive": _contrastive,
}


STREAMED = ("gnn", "dnn")
"""The systems that can be trained on a stream of subgraphs, as those of all others need the whole
graph (walks) or none of it (content alone)."""


def make_system(
    config: TrainerConfig, statistics: Mapping[str, Any], run: TrainingRun | None = None
) -> ServableSystem:
    """Makes the untrained system that the configuration names.

    Raises:
      InputError: there is no such system.
    """
    check_system(config.system)
    return SYSTEMS[config.system](config, statistics, run)


def check_system(name: str) -> None:
    """Raises InputError when no system has this name."""
    if name not in SYSTEMS:
        raise InputError(
            f"trainer.system: there is no system '{name}'{nearest(name, SYSTEMS)}; "
            f"there is {', '.join(SYSTEMS)}."
        )
