"""What a person may say of judgement; each default once."""

from __future__ import annotations

import dataclasses
import re
from typing import Final, Literal

from catalogues.errors import nearest
from components.retrieval_evaluator.names import BLESSED_MODEL, metric_title
from trainer.ranking.names import (
    ALL,
    LONG_TAIL,
    NEW,
    NO_EDGES,
    OF_LISTS,
    ONE_EDGE,
    PER_QUERY,
    Better,
    metric_names,
)

SET_FROM: Final = "set_from"
"""Metadata of a field that no person sets: the key that it is taken from."""


_FLOOR: Final = 0.1
_SLACK: Final = 0.02
_LONG_TAIL_QUERIES: Final = 10
_SLICES: Final = {
    ALL: ALL,
    LONG_TAIL: LONG_TAIL,
    NO_EDGES: NO_EDGES,
    ONE_EDGE: ONE_EDGE,
    NEW: NEW,
    "degree:q1": r"degree:q[1-5]",
    "popularity:q01": r"popularity:q(0[1-9]|1\d|20)",
    "genre:jazz": r"genre:.+",
    "modalities:audio+tags": r"modalities:.+",
}
"""What a rule's slice may be: an example, and the pattern of all that are like it."""


@dataclasses.dataclass(frozen=True)
class GateRule:
    """One thing that a model must reach. Exactly one of `above`, `below` and `versus` is given.

    Attributes:
      metric: as in `metrics.json`.
      condition: 'connected' or 'cold'.
      slice: the queries that count; a figure of all queries' lists together has `all` alone.
      above: what the mean must exceed; of metrics of which more is better.
      below: what the mean must stay below; of metrics of which less is better.
      versus: the model must not be worse than this system: `blessed_model` (a rule that always
        passes while there is none), or a baseline by name.
      slack: how far below zero the difference may lie; 0 if not given.
      by: of the difference, the lower end of its paired 95% 'interval' (if not given) or its
        'mean'.
      min_queries: with fewer, the rule is undecided.
      if_undecided: whether an undecided rule lets the model pass.
    """

    metric: str = "ndcg@200"
    condition: Literal["connected", "cold"] = "connected"
    slice: str = ALL
    above: float | None = None
    below: float | None = None
    versus: str | None = None
    slack: float | None = None
    by: Literal["interval", "mean"] | None = None
    min_queries: int = 30
    if_undecided: Literal["fail", "pass"] = "fail"

    def __post_init__(self) -> None:
        """Raises ValueError for a rule that contradicts itself or names what there is not."""
        kind = self.metric.partition("@")[0]
        if kind not in PER_QUERY and kind not in OF_LISTS:
            kinds = {**PER_QUERY, **OF_LISTS}
            raise ValueError(
                f"metric names '{self.metric}', which is not measured{nearest(kind, kinds)}"
            )
        bounds = [name for name in ("above", "below", "versus") if getattr(self, name) is not None]
        if len(bounds) != 1:
            raise ValueError(
                f"metric needs exactly one of `above`, `below` and `versus` beside it, not "
                f"{' and '.join(bounds) or 'none'}"
            )
        if not any(
            self.slice == name or re.fullmatch(p, self.slice) for name, p in _SLICES.items()
        ):
            raise ValueError(
                f"slice names '{self.slice}', which is none{nearest(self.slice, _SLICES)}; there "
                f"is, for example, {', '.join(_SLICES)}"
            )
        if kind in OF_LISTS and (self.versus is not None or self.slice != ALL):
            raise ValueError(
                f"metric is {self.metric}, a figure of all queries' lists together without an "
                f"interval: it can only be {self._right_bound} a number, on the slice 'all'"
            )
        self._check_direction({**PER_QUERY, **OF_LISTS}[kind])
        self._check_versus()
        if self.min_queries < 1:
            raise ValueError(f"min_queries must be at least 1, not {self.min_queries}")

    @property
    def _right_bound(self) -> str:
        lower = OF_LISTS.get(self.metric.partition("@")[0]) == "lower"
        return "`below`" if lower else "`above`"

    def _check_direction(self, better: Better) -> None:
        if better == "higher" and self.below is not None:
            raise ValueError(f"below is the wrong way: more {self.metric} is better; say `above`")
        if better == "lower" and self.above is not None:
            raise ValueError(f"above is the wrong way: less {self.metric} is better; say `below`")
        if better == "near zero" and self.versus is not None:
            raise ValueError(
                f"versus cannot be asked of {self.metric}, which is best near 0, neither higher "
                "nor lower; say `below` or `above`"
            )

    def _check_versus(self) -> None:
        if self.versus is None:
            for name in ("slack", "by"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} is of rules with `versus`; leave it out")
            return
        if self.slack is not None and not 0 <= self.slack <= 1:
            raise ValueError(f"slack must lie between 0 and 1, not {self.slack}")
        if self.versus != BLESSED_MODEL:
            # Here, so that a configuration without it is read without NumPy.
            from trainer.systems.baselines import BASELINES

            systems = (BLESSED_MODEL, *BASELINES)
            if self.versus not in systems:
                raise ValueError(
                    f"versus names '{self.versus}', which nothing is compared with"
                    f"{nearest(self.versus, systems)}; there is {', '.join(systems)}"
                )

    def __str__(self) -> str:
        """The rule as a line that a person reads."""
        what = f"{self.condition} {metric_title(self.metric)}"
        what += "" if self.slice == ALL else f" of {self.slice}"
        if self.above is not None:
            return f"{what} above {self.above:g}"
        if self.below is not None:
            return f"{what} below {self.below:g}"
        end = "mean difference" if self.by == "mean" else "lower end of the difference's interval"
        return f"{what} versus {self.versus}: {end} at least {0 - (self.slack or 0):g}"


@dataclasses.dataclass(frozen=True)
class GateConfig:
    """What a model must reach: the usual rules with other figures, or rules of one's own.

    Attributes:
      floor: of the usual rules: nDCG@200 that it must exceed, in [0, 1]; 0.1 if not given.
      slack: of the usual rules: how far below zero the difference to the blessed model may lie, in
        [0, 1]: the lower end of its paired 95% interval over all queries, and its mean over
        `long_tail`; 0.02 if not given.
      condition: of the usual rules: 'connected' (if not given) or 'cold'.
      rules: all of them must hold, in place of the usual ones; empty for those.
      if_blessed_unreadable: what becomes of rules that compare with the blessed model where that
        cannot be loaded or judged.
    """

    floor: float | None = None
    slack: float | None = None
    condition: str | None = None
    rules: tuple[GateRule, ...] = ()
    if_blessed_unreadable: Literal["fail", "pass"] = "fail"

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range, and for two ways of saying the rules."""
        for name in ("floor", "slack", "condition"):
            if self.rules and getattr(self, name) is not None:
                raise ValueError(
                    f"{name} cannot stand beside `rules`, which replace it; say it in a rule"
                )
        for name in ("floor", "slack"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, not {value}")
        if self.condition not in (None, "connected", "cold"):
            raise ValueError(f"condition must be 'connected' or 'cold', not {self.condition!r}")

    @property
    def rules_in_force(self) -> tuple[GateRule, ...]:
        """The rules that a model is judged by.

        The usual ones: above the floor; not worse than the blessed model; and not worse than it
        for the long tail either, however much better the head got. Few catalogues have many such
        queries, so that the last is by the mean, and passes where there are fewer than 10.
        """
        if self.rules:
            return self.rules
        slack = _SLACK if self.slack is None else self.slack
        versus = GateRule(
            condition="cold" if self.condition == "cold" else "connected",
            versus=BLESSED_MODEL,
            slack=slack,
            min_queries=1,
        )
        floor = _FLOOR if self.floor is None else self.floor
        return (
            dataclasses.replace(versus, above=floor, versus=None, slack=None),
            versus,
            dataclasses.replace(
                versus,
                slice=LONG_TAIL,
                by="mean",
                min_queries=_LONG_TAIL_QUERIES,
                if_undecided="pass",
            ),
        )


@dataclasses.dataclass(frozen=True)
class JudgeConfig:
    """What is judged, and what is asked.

    Attributes:
      gate: what a model must reach.
      split: the judged split, 'test' or 'val'.
      k: the ranks at which metrics with a cut-off are taken. nDCG@200 always is.
      fan_out: the neighbours that a message is averaged over where edges have weights, 0 for all,
        by models that do not say it themselves; set from the trainer's.
      seed: of the order of ties.
      beam: whether models' vectors are scored on the Beam runner of the pipeline, for splits of
        tens of thousands of artists; the figures are the same.
    """

    gate: GateConfig = GateConfig()
    split: str = "test"
    k: tuple[int, ...] = (10, 200)
    fan_out: int = dataclasses.field(default=25, metadata={SET_FROM: "trainer.training.fan_out"})
    seed: int = 0
    beam: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        if self.split not in ("val", "test"):
            raise ValueError(f"split must be 'val' or 'test', not {self.split!r}")
        if not self.k or min(self.k) < 1 or len(set(self.k)) < len(self.k):
            raise ValueError(
                f"k must list one or more ranks of at least 1, each once, not {list(self.k)}"
            )
        measured = metric_names(self.k)
        for place, rule in enumerate(self.gate.rules):
            if rule.metric not in measured:
                raise ValueError(
                    f"gate.rules[{place}].metric names '{rule.metric}', which is not measured"
                    f"{nearest(rule.metric, measured)}; ranks are those of `judge.k`, "
                    f"{list(self.k)}"
                )
