"""The systems that can be trained, pushed and served, by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from catalogues.errors import InputError, nearest
from trainer.config import TrainerConfig
from trainer.systems.gnn import GnnSystem, TrainingRun

Factory = Callable[[TrainerConfig, Mapping[str, Any], TrainingRun], GnnSystem]


def _dnn(config: TrainerConfig, statistics: Mapping[str, Any], run: TrainingRun) -> GnnSystem:
    network = dataclasses.replace(config.network, convolutions=0)
    return GnnSystem(dataclasses.replace(config, network=network), statistics, run)


SYSTEMS: Mapping[str, Factory] = {"gnn": GnnSystem, "dnn": _dnn}


def make_system(
    config: TrainerConfig, statistics: Mapping[str, Any], run: TrainingRun | None = None
) -> GnnSystem:
    """Makes the untrained system that the configuration names.

    Raises:
      InputError: there is no such system.
    """
    check_system(config.system)
    return SYSTEMS[config.system](config, statistics, run or TrainingRun())


def check_system(name: str) -> None:
    """Raises InputError when no system has this name."""
    if name not in SYSTEMS:
        raise InputError(
            f"trainer.system: there is no system '{name}'{nearest(name, SYSTEMS)}; "
            f"there is {', '.join(SYSTEMS)}."
        )
