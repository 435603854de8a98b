"""One rule of the gate, held against what was measured."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from catalogues.errors import nearest
from components.retrieval_evaluator.config import GateConfig, GateRule
from components.retrieval_evaluator.names import BLESSED_MODEL, MODEL, metric_title
from trainer.ranking.bootstrap import Interval, interval, paired_interval
from trainer.ranking.evaluation import RankingScores
from trainer.ranking.names import ALL


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What the gate decides on.

    Attributes:
      scores: by condition and system, all on the same queries.
      slices: by name, [num] rows of the artists in it.
      unreadable: why the blessed model has no scores though there is one; '' where it has, or
        where there is none.
    """

    scores: Mapping[str, Mapping[str, RankingScores]]
    slices: Mapping[str, np.ndarray]
    unreadable: str = ""


@dataclasses.dataclass(frozen=True)
class RuleVerdict:
    """What came of a rule.

    Attributes:
      rule: the rule as a line.
      verdict: 'undecided' where there are too few queries.
      holds: whether the rule lets the model pass; an undecided one as its `if_undecided` says.
      value: the mean, or the mean difference; NaN where there is none.
      low: lower end of its 95% bootstrap interval; NaN where it has none.
      high: upper end.
      num_queries: that the figure is of.
      sentence: the verdict for a person, a clause with the figures.
    """

    rule: str
    verdict: Literal["passed", "failed", "undecided"]
    holds: bool
    value: float
    low: float
    high: float
    num_queries: int
    sentence: str


_NOTHING = Interval(math.nan, math.nan, math.nan)


def check_rule(rule: GateRule, evidence: Evidence, config: GateConfig) -> RuleVerdict:
    """Holds a rule against what was measured.

    Args:
      rule: one of config.rules_in_force.
      evidence: what was measured.
      config: says what becomes of a blessed model that cannot be read.

    Raises:
      ValueError: the metric or the system of the rule was not measured.
    """
    systems = evidence.scores[rule.condition]
    if rule.versus == BLESSED_MODEL and BLESSED_MODEL not in systems:
        return _without_blessed(rule, evidence, config)
    model = systems[MODEL]
    if rule.metric in model.of_lists:
        figure = Interval(model.of_lists[rule.metric], math.nan, math.nan)
        return _bounded(rule, figure, len(model.queries))
    if rule.metric not in model.per_query or (rule.versus and rule.versus not in systems):
        raise ValueError(f"Not measured: {rule.metric} of {rule.versus or MODEL}.")
    rows = evidence.slices.get(rule.slice)
    queries = np.isin(model.queries, np.zeros(0, np.int64) if rows is None else rows)
    num_queries = int(queries.sum())
    if num_queries < rule.min_queries:
        return _undecided(rule, num_queries, None if rows is not None else list(evidence.slices))
    values = model.per_query[rule.metric][queries]
    if rule.versus is None:
        return _bounded(rule, interval(values), num_queries)
    other = systems[rule.versus]
    if not np.array_equal(model.queries, other.queries):
        raise ValueError(f"{rule.versus} was not asked the same queries as the model.")
    difference = paired_interval(values, other.per_query[rule.metric][queries])
    return _compared(rule, difference, num_queries)


def _without_blessed(rule: GateRule, evidence: Evidence, config: GateConfig) -> RuleVerdict:
    if not evidence.unreadable:
        return _verdict(rule, True, _NOTHING, 0, "there is no blessed model to compare with")
    allowed = config.if_blessed_unreadable == "pass"
    way_out = (
        "which `judge.gate.if_blessed_unreadable` lets pass"
        if allowed
        else "so that nothing is compared; `judge.gate.if_blessed_unreadable: pass` goes on "
        "without it"
    )
    sentence = f"the blessed model cannot be judged ({evidence.unreadable}), {way_out}"
    return _verdict(rule, allowed, _NOTHING, 0, sentence)


def _undecided(rule: GateRule, num_queries: int, there_is: list[str] | None) -> RuleVerdict:
    """A rule with too few queries; `there_is` are the slices' names where its own is none."""
    passes = rule.if_undecided == "pass"
    why = f"there are {num_queries} of the {rule.min_queries} queries that it needs"
    if there_is is not None:
        why = f"no judged artist is in '{rule.slice}'{nearest(rule.slice, there_is)}"
    sentence = (
        f"{_what(rule)} is undecided, as {why}, which `if_undecided` "
        f"{'lets pass' if passes else 'does not let pass'}"
    )
    return RuleVerdict(
        str(rule), "undecided", passes, math.nan, math.nan, math.nan, num_queries, sentence
    )


def _bounded(rule: GateRule, figure: Interval, num_queries: int) -> RuleVerdict:
    word, bound = ("above", rule.above) if rule.above is not None else ("below", rule.below)
    assert bound is not None
    # Neither is true of NaN.
    passed = figure.value > bound if word == "above" else figure.value < bound
    sentence = f"{_what(rule)} {_shown(figure)} is {'' if passed else 'not '}{word} {bound:g}"
    return _verdict(rule, passed, figure, num_queries, sentence)


def _compared(rule: GateRule, difference: Interval, num_queries: int) -> RuleVerdict:
    by_mean, least = rule.by == "mean", 0 - (rule.slack or 0)
    other = "the blessed model" if rule.versus == BLESSED_MODEL else str(rule.versus)
    if math.isnan(difference.value):
        sentence = f"{_what(rule)} cannot be compared with {other}'s: there are NaN among them"
        return _verdict(rule, False, difference, num_queries, sentence)
    passed = (difference.value if by_mean else difference.low) >= least
    found = "is not" if passed else "is" if by_mean else "may be"
    sentence = (
        f"{_what(rule)} {found} worse than {other}'s: difference "
        f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}], "
        f"{'the mean ' if by_mean else ''}allowed down to {least:.3f}"
    )
    return _verdict(rule, passed, difference, num_queries, sentence)


def _verdict(
    rule: GateRule, passed: bool, figure: Interval, num_queries: int, sentence: str
) -> RuleVerdict:
    return RuleVerdict(
        str(rule),
        "passed" if passed else "failed",
        bool(passed),
        figure.value,
        figure.low,
        figure.high,
        num_queries,
        sentence,
    )


def _what(rule: GateRule) -> str:
    """'nDCG@200', with the condition and the slice where they are not the usual ones."""
    condition = "" if rule.condition == "connected" else f"{rule.condition} "
    part = "" if rule.slice == ALL else f" of '{rule.slice}'"
    return f"{condition}{metric_title(rule.metric)}{part}"


def _shown(figure: Interval) -> str:
    if math.isnan(figure.value):
        return "is not known and"
    if math.isnan(figure.low):
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
