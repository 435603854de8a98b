"""What a person may say of when a run trains, and where it begins; each default once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, Literal

import dacite

ALWAYS: Final = "always"
CHANGED: Final = "changed"
SCRATCH: Final = "scratch"
WARM: Final = "warm"


@dataclasses.dataclass(frozen=True)
class RetrainConfig:
    """When a run trains, where it begins, and when it ends early because there is nothing to do.

    Attributes:
      when: 'always' trains in each run; 'changed' only where one of the reasons below holds,
        nothing is served, or the configuration of the graph or the trainer is another.
      min_changed_artists: the share of the artists that the served model was trained on which must
        have come or gone.
      min_changed_edges: the same of the edges that training may see.
      drift_words: how far the share of one word may have moved in a modality of words (L-infinity
        distance of the two distributions).
      drift_numbers: how far numbers may have moved (Jensen-Shannon divergence of the two
        distributions, in bits, 0 to 1).
      max_age_days: since the served model was pushed; None: it never grows too old.
      start: where a training begins: 'scratch', anew; 'warm', at the weights of the served model,
        unless they know an artist that is judged today, mean something else or are not there.
      full_every_days: with `start: warm`, how long after the last training that began anew another
        one does.
    """

    when: Literal["always", "changed"] = "always"
    min_changed_artists: float = 0.01
    min_changed_edges: float = 0.02
    drift_words: float = 0.01
    drift_numbers: float = 0.01
    max_age_days: int | None = 30
    start: Literal["scratch", "warm"] = "scratch"
    full_every_days: int = 30

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        for name in ("min_changed_artists", "min_changed_edges", "drift_words", "drift_numbers"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, not {getattr(self, name)}")
        if self.max_age_days is not None and self.max_age_days < 1:
            raise ValueError(f"max_age_days must be at least 1, not {self.max_age_days}")
        if self.full_every_days < 1:
            raise ValueError(f"full_every_days must be at least 1, not {self.full_every_days}")


def read_config(given: Mapping[str, Any]) -> RetrainConfig:
    """A RetrainConfig from what was JSON."""
    return dacite.from_dict(RetrainConfig, given, dacite.Config(cast=[float]))
