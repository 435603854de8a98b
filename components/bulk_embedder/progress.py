"""How far an embedding is, for a person who waits; workers in other processes tell nobody."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

from trainer.bulk_model import BulkPlan

READING: Final = "reading artists"
EMBEDDING: Final = "embedding"

_listener: Callable[[str, int], None] | None = None


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


@contextlib.contextmanager
def listening(listener: Callable[[str, int], None]) -> Iterator[None]:
    """Calls `listener(phase, more)` for artists that are through a phase while this is open."""
    global _listener
    _listener = listener
    try:
        yield
    finally:
        _listener = None


def tell(phase: str, more: int) -> None:
    """So many artists more are through a phase."""
    if _listener is not None:
        _listener(phase, more)
