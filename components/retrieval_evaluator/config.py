"""What a person may say of judgement; each default once."""

from __future__ import annotations

import dataclasses
from typing import Final

SET_FROM: Final = "set_from"
"""Metadata of a field that no person sets: the key that it is taken from."""


@dataclasses.dataclass(frozen=True)
class GateConfig:
    """What a model must reach.

    Attributes:
      floor: nDCG@200 that it must exceed, in [0, 1].
      slack: how far below zero the lower end of the paired 95% interval of (new - blessed) may
        lie, in [0, 1].
      condition: 'connected' or 'cold': which scores the caller hands to `judge`.
    """

    floor: float = 0.1
    slack: float = 0.02
    condition: str = "connected"

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        for name in ("floor", "slack"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, not {value}")
        if self.condition not in ("connected", "cold"):
            raise ValueError(f"condition must be 'connected' or 'cold', not {self.condition!r}")


@dataclasses.dataclass(frozen=True)
class JudgeConfig:
    """What is judged, and what is asked.

    Attributes:
      gate: what a model must reach.
      split: the judged split, 'test' or 'val'.
      k: the ranks at which metrics with a cut-off are taken. The gate's nDCG@200 is always taken.
      fan_out: the neighbours that a message is averaged over where edges have weights, 0 for all;
        set from the trainer's.
      seed: of the order of ties.
    """

    gate: GateConfig = GateConfig()
    split: str = "test"
    k: tuple[int, ...] = (10, 200)
    fan_out: int = dataclasses.field(default=25, metadata={SET_FROM: "trainer.training.fan_out"})
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        if self.split not in ("val", "test"):
            raise ValueError(f"split must be 'val' or 'test', not {self.split!r}")
        if not self.k or min(self.k) < 1 or len(set(self.k)) < len(self.k):
            raise ValueError(
                f"k must list one or more ranks of at least 1, each once, not {list(self.k)}"
            )
