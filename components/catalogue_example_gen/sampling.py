"""What subgraphs a configuration needs, and whether its system can be trained on any.

Nothing heavy is imported here, so that a mistake is told before anybody waits.
"""

from __future__ import annotations

from typing import NamedTuple

from components.catalogue_example_gen.config import BuildConfig, Reach
from trainer.config import RANDOM, TrainerConfig
from trainer.systems.registry import STREAMED


def num_hops(trainer: TrainerConfig) -> int:
    """How far the network hears."""
    return 0 if trainer.system == "dnn" else trainer.network.convolutions


class StreamingFault(NamedTuple):
    """What keeps a training from being streamed, and what one can do about it."""

    why: str
    mend: str


def streaming_fault(build: BuildConfig, trainer: TrainerConfig) -> StreamingFault | None:
    """Why no training can be streamed; None if it can."""
    if trainer.system not in STREAMED:
        others = f"{' and '.join(STREAMED)} can be trained on them"
        if trainer.system == "diffusion":
            return StreamingFault("the walks of 'diffusion' go over the whole graph", others)
        return StreamingFault(f"'{trainer.system}' hears no neighbour", others)
    if trainer.pretrained != "none":
        why = "the encoders of `trainer.pretrained` are trained on the whole catalogue"
        return StreamingFault(why, "leave one or the other out")
    if len(build.fan_outs) < num_hops(trainer):
        given, wanted = len(build.fan_outs), num_hops(trainer)
        why = f"there are {given} `graph.fan_outs` for {wanted} convolutions"
        return StreamingFault(why, "give one for each")
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
