"""What is told of training before anything is spent: how much it takes, and which way it goes."""

from __future__ import annotations

import dataclasses
from typing import Final

from components.catalogue_example_gen.config import AUTO, MEMORY
from components.catalogue_example_gen.plan import Plan, in_bytes, plan_for
from components.catalogue_example_gen.table_rows import newest_catalogue
from components.catalogue_example_gen.training_cost import Cost
from components.machine import all_bytes, free_bytes
from pipeline.config import PipelineConfig

_NOTHING: Final = 0.1
"""The share of the memory up to which one line is enough."""


def plan_of(config: PipelineConfig) -> Plan:
    """The plan of a configuration on this machine.

    Raises:
      InputError: there is no such catalogue on this machine.
    """
    catalogue = newest_catalogue(config.catalogue.path)
    return plan_for(catalogue, config.graph, config.trainer, all_bytes())


def with_sampling_chosen(config: PipelineConfig, plan: Plan) -> PipelineConfig:
    """The same configuration with what AUTO is by its plan, and all else as it was."""
    if config.graph.sampling != AUTO:
        return config
    graph = dataclasses.replace(config.graph, sampling=plan.chosen)
    return dataclasses.replace(config, graph=graph)


def told_before(plan: Plan, config: PipelineConfig) -> list[str]:
    """What a run says of its plan: one line where memory is plenty, else all of them."""
    if plan.chosen == MEMORY and plan.in_memory.memory <= _NOTHING * plan.memory:
        cost = _cost(plan.in_memory, config.trainer.training.epochs)
        return [f"Training: in memory, {cost}"]
    return plan_lines(plan, config)


def plan_lines(plan: Plan, config: PipelineConfig) -> list[str]:
    """A plan for people."""
    size, epochs = plan.size, config.trainer.training.epochs
    way = f"no choice, as {plan.unstreamed}"
    if plan.streamed:
        way = _cost(plan.streamed, epochs)
    why = plan.why
    if plan.streamed and plan.chosen != MEMORY and plan.in_memory.memory > plan.memory:
        why += "; the model and the judge then load it all the same, which may not fit"
    return [
        f"Training: '{config.trainer.system}' on {size.artists:,} artists and {size.edges:,} "
        f"edges, with {in_bytes(plan.memory)} of memory, {in_bytes(free_bytes())} of it free now",
        f"  memory:    {_cost(plan.in_memory, epochs)}",
        f"  subgraphs: {way}",
        f"  it gets {plan.chosen}, as {why}",
    ]


def _cost(cost: Cost, epochs: int) -> str:
    disk = f" and {in_bytes(cost.disk)} of files" if cost.disk else ""
    total = _time(cost.before + epochs * cost.epoch)
    return (
        f"about {in_bytes(cost.memory)}{disk}; {_time(cost.before)} to begin with, "
        f"{_time(cost.epoch)} an epoch, {total} for {epochs}, of one core"
    )


def _time(seconds: float) -> str:
    if seconds < 1:
        return "less than 1 s"
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = seconds / 60
    if minutes < 90:
        return f"{round(minutes)} min"
    hours = minutes / 60
    return f"{hours:.1f} h" if hours < 10 else f"{round(hours):,} h"
