"""What a person who waits for the embedding of a catalogue is told of."""

from __future__ import annotations

from typing import Final

from trainer.bulk_model import BulkPlan

READING: Final = "reading artists"
EMBEDDING: Final = "embedding"


def phases(plan: BulkPlan) -> list[str]:
    """What every artist goes through, in this order."""
    between = [layer_phase(number) for number in range(len(plan.layers))]
    between += [hop_phase(number) for number in range(plan.hops)]
    return [READING, *between, EMBEDDING]


def layer_phase(number: int) -> str:
    """The name of a graph convolution, 0 for the first."""
    return f"graph convolution {number + 1}"


def hop_phase(number: int) -> str:
    """The name of a hop of the walks, 0 for the first."""
    return f"hop {number + 1} of the walks"
