"""Where a training begins: anew, or at the weights of the served model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from components.retraining.config import RetrainConfig
from components.retraining.decision import full_is_due
from trainer.graph import ArtistGraph
from trainer.starting_point import Heritage, NoStartingPointError, read_heritage

_SECONDS_A_DAY: Final = 86_400


@dataclasses.dataclass(frozen=True)
class Start:
    """What a training begins with.

    Attributes:
      reason: where it begins and why, a sentence without its full stop.
      version: that it begins at; 0: it begins anew.
      trained_in_full: when the model was pushed that the weights of that version began anew with,
        in seconds since 1970; None where this training does.
    """

    reason: str
    version: int = 0
    trained_in_full: float | None = None


def begin_at(
    config: RetrainConfig,
    version: int,
    folder: str,
    pushed: float,
    now: float,
    configuration: Mapping[str, Any],
    graph: ArtistGraph,
) -> Start:
    """Begins at a version if nothing speaks against it.

    Args:
      config: how long weights may be handed on.
      version: its name.
      folder: of it.
      pushed: when it was, in seconds since 1970.
      now: the same of this moment.
      configuration: of today; has the sections 'graph' and 'trainer'.
      graph: today's catalogue.
    """
    try:
        heritage = read_heritage(folder)
    except NoStartingPointError as error:
        return Start(f"begins anew, not at version {version}: {error}")
    full = _full(heritage, pushed)
    days = _days(full, now)
    refusal = heritage.refusal(configuration, graph)
    if refusal:
        return Start(f"begins anew, not at version {version}: {refusal}")
    if days >= config.full_every_days:
        return Start(f"begins anew: {full_is_due(config, days)}")
    return Start(
        f"begins at version {version}, {heritage.trainings} training"
        f"{'s' if heritage.trainings > 1 else ''} and {days:.1f} days after the last that began "
        "anew",
        version,
        full,
    )


def since_full(folder: str, pushed: float, now: float) -> float | None:
    """Days since the last training that began anew; None where a version does not say.

    Args:
      folder: of the version.
      pushed: when it was, in seconds since 1970.
      now: the same of this moment.
    """
    try:
        return _days(_full(read_heritage(folder), pushed), now)
    except NoStartingPointError:
        return None


def _full(heritage: Heritage, pushed: float) -> float:
    # A model that began anew cannot know when it will be pushed.
    return pushed if heritage.trained_in_full is None else heritage.trained_in_full


def _days(since: float, now: float) -> float:
    return (now - since) / _SECONDS_A_DAY
