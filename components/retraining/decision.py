"""Whether there is anything to learn since the served model was trained."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from components.retraining.config import RetrainConfig
from components.retraining.drift import drifted
from components.retraining.training_record import TrainingRecord
from trainer.changed_keys import changed_keys, listed


@dataclasses.dataclass(frozen=True)
class Served:
    """The served model, as far as a decision is about it.

    Attributes:
      version: its name.
      age: days since it was pushed.
      record: what it was trained on.
      since_full: days since the last training that began anew, where another is due some day.
    """

    version: int
    age: float
    record: TrainingRecord
    since_full: float | None = None


@dataclasses.dataclass(frozen=True)
class Decision:
    """What a run does.

    Attributes:
      train: whether it trains.
      reason: why, a sentence without its full stop.
    """

    train: bool
    reason: str


@dataclasses.dataclass(frozen=True)
class Change:
    """What became of a set.

    Attributes:
      before: how many there were.
      new, gone: how many came, and went.
    """

    before: int
    new: int
    gone: int

    @property
    def share(self) -> float:
        """Those that came or went, of those that there were; infinite if there were none."""
        moved = self.new + self.gone
        if not self.before:
            return math.inf if moved else 0.0
        return moved / self.before


def decide(config: RetrainConfig, served: Served, now: TrainingRecord) -> Decision:
    """Decides whether there is anything to learn that the served model does not know.

    Args:
      config: from when on.
      served: the served model.
      now: what a model would be trained on today.
    """
    before = served.record
    artists, edges = _change(before.artists, now.artists), _change(before.edges, now.edges)
    reasons = []
    changed = changed_keys(before.configuration, now.configuration)
    if changed:
        reasons.append(f"{listed(changed)} of the configuration changed")
    for name, change, least, key in (
        ("artists", artists, config.min_changed_artists, "min_changed_artists"),
        ("edges", edges, config.min_changed_edges, "min_changed_edges"),
    ):
        if change.share >= least:
            reasons.append(
                f"of {change.before:,} {name} {_moved(change)} ({change.share:.1%}, "
                f"`retrain.{key}` is {least:.1%})"
            )
    drifts = drifted(
        before.statistics,
        now.statistics,
        words=config.drift_words,
        numbers=config.drift_numbers,
    )
    if drifts:
        found = [f"{one.feature} by {one.distance:.3g}" for one in drifts]
        reasons.append(
            f"content has drifted: {listed(found)} (`retrain.drift_words` is "
            f"{config.drift_words:g}, `retrain.drift_numbers` {config.drift_numbers:g})"
        )
    if config.max_age_days is not None and served.age >= config.max_age_days:
        reasons.append(
            f"the served model is {served.age:.0f} days old (`retrain.max_age_days` is "
            f"{config.max_age_days})"
        )
    if served.since_full is not None and served.since_full >= config.full_every_days:
        reasons.append(full_is_due(config, served.since_full))
    since = f"since version {served.version}"
    if before.span or now.span:
        since += f" (span {before.span}; today's is {now.span})"
    if reasons:
        return Decision(True, f"{since}: {'; '.join(reasons)}")
    return Decision(
        False,
        f"{since} of {artists.before:,} artists {_moved(artists)}, of {edges.before:,} edges "
        f"{_moved(edges)}, no content has drifted, and it is {served.age:.1f} days old",
    )


def full_is_due(config: RetrainConfig, days: float) -> str:
    """Says so."""
    return (
        f"the last training that began anew was {days:.0f} days ago (`retrain.full_every_days` is "
        f"{config.full_every_days})"
    )


def _change(before: np.ndarray, now: np.ndarray) -> Change:
    return Change(
        before=len(before),
        new=len(np.setdiff1d(now, before, assume_unique=True)),
        gone=len(np.setdiff1d(before, now, assume_unique=True)),
    )


def _moved(change: Change) -> str:
    return f"{change.new:,} came and {change.gone:,} went"
