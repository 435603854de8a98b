"""The gate: whether a new model may replace the blessed one, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from components.retrieval_evaluator.config import GateConfig
from components.retrieval_evaluator.figures import as_json
from components.retrieval_evaluator.names import MODEL
from components.retrieval_evaluator.rules import Evidence, RuleVerdict, check_rule

_MOST_REASONS: Final = 2
"""Of rules that do not hold; `rules` has all."""
_KNOWN_SHARE: Final = 0.5


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The gate's decision.

    Attributes:
      blessed: whether the model may be pushed: nothing is wrong with it, and every rule holds.
      reason: one or two sentences with the figures.
      rules: what came of each rule.
    """

    blessed: bool
    reason: str
    rules: Sequence[RuleVerdict]

    def as_json(self) -> dict[str, Any]:
        """The content of `verdict.json`."""
        return {
            "blessed": self.blessed,
            "reason": self.reason,
            "rules": [as_json(rule) for rule in self.rules],
        }


def judge(
    evidence: Evidence,
    config: GateConfig,
    *,
    faults: Sequence[str] = (),
    known_share: float | None = None,
) -> Verdict:
    """Blesses a model with which nothing is wrong and for which every rule holds.

    A model without any scored query, with NaN scores or with a fault is never blessed, whatever
    the rules are.

    Args:
      evidence: what was measured.
      config: what must be reached.
      faults: what else is wrong with the model, as clauses ('all embeddings are equal').
      known_share: the share of today's artists that the blessed model's catalogue has; None where
        nobody knows. It decides nothing: both models are judged on today's graph. Where it is
        small, the reason says so.

    Returns:
      The verdict.
    """
    rules = [check_rule(rule, evidence, config) for rule in config.rules_in_force]
    flaws = [*faults, *_flaws(evidence)]
    failed = [rule.sentence for rule in rules if not rule.holds]
    if flaws:
        return Verdict(False, f"Not blessed: {'; '.join(flaws)}.", rules)
    if failed:
        reason = "; ".join(failed[:_MOST_REASONS])
        if len(failed) > _MOST_REASONS:
            reason += f"; {len(failed) - _MOST_REASONS} more of {len(rules)} rules do not hold"
    else:
        # The first of several that say the same, such as that there is no blessed model.
        reason = "; ".join(dict.fromkeys(rule.sentence for rule in rules))
    if known_share is not None and known_share < _KNOWN_SHARE:
        reason += (
            f". Only {known_share:.0%} of today's artists are in the blessed model's catalogue; "
            "both are judged on today's, by the same queries"
        )
    return Verdict(not failed, reason, rules)


def _flaws(evidence: Evidence) -> list[str]:
    """What forbids any blessing."""
    flaws = []
    for condition, systems in evidence.scores.items():
        scores = systems[MODEL]
        if not len(scores.ndcg):
            # The same in every condition.
            return [
                f"there is no query to judge by ({scores.num_skipped} artists of the split have no "
                "hidden positive)"
            ]
        num_nan = int(np.isnan(scores.ndcg).sum())
        if num_nan:
            flaws.append(
                f"the {condition} scores of {num_nan} of {len(scores.ndcg)} queries are NaN"
            )
    return flaws
