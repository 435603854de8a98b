"""What subgraphs a configuration needs, and whether its system can be trained on any.

Nothing heavy is imported here, so that a mistake is told before anybody waits.
"""

from __future__ import annotations

from components.catalogue_example_gen.config import BuildConfig, Reach
from trainer.config import RANDOM, TrainerConfig
from trainer.systems.registry import STREAMED


def num_hops(trainer: TrainerConfig) -> int:
    """How far the network hears."""
    return 0 if trainer.system == "dnn" else trainer.network.convolutions


def streaming_fault(build: BuildConfig, trainer: TrainerConfig) -> str | None:
    """Why no training can be streamed, as the rest of a sentence; None if it can."""
    if trainer.system not in STREAMED:
        why = "whose walks go over the whole graph"
        return (
            f"cannot be 'subgraphs' for the system '{trainer.system}', "
            f"{why if trainer.system == 'diffusion' else 'which hears no neighbour'}; "
            f"{' and '.join(STREAMED)} can be trained on them"
        )
    if trainer.pretrained != "none":
        return (
            "cannot be 'subgraphs' beside `trainer.pretrained`, whose encoders are trained on the "
            "whole catalogue; leave one or the other out"
        )
    if len(build.fan_outs) < num_hops(trainer):
        return (
            f"cannot be 'subgraphs' with {len(build.fan_outs)} `graph.fan_outs` for "
            f"{num_hops(trainer)} convolutions; give one for each"
        )
    return None


def reach_of(build: BuildConfig, trainer: TrainerConfig) -> Reach:
    """The subgraphs that the trainer's network reads.

    A network that hears nobody still reads them, with one neighbour: TF-GNN's sampler makes none
    without a hop.
    """
    modalities = trainer.features.modalities
    return Reach(
        build.fan_outs[: num_hops(trainer)] or (1,),
        tuple(name for name in modalities if name != RANDOM) if modalities else None,
    )
