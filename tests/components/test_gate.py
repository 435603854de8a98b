"""The gate blesses what every rule lets pass and nothing is wrong with, and says why."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from components.retrieval_evaluator.config import GateConfig, GateRule
from components.retrieval_evaluator.gate import judge
from tests.components.evidence import evidence_of, scores_of
from trainer.ranking.bootstrap import interval, paired_interval

CONFIG = GateConfig(floor=0.1, slack=0.01)
OLD = np.random.default_rng(0).random(300)


def verdict_of(new, blessed=None, config=CONFIG, slices=None, **arguments):
    others = {} if blessed is None else {"blessed_model": scores_of(blessed)}
    return judge(evidence_of(scores_of(new), slices, **others), config, **arguments)


class TestTheUsualRules:
    def test_the_first_model_has_only_the_floor(self):
        verdict = verdict_of([0.5] * 10)
        assert verdict.blessed
        assert verdict.reason == (
            "nDCG@200 0.500 [0.500, 0.500] is above 0.1; there is no blessed model to compare with"
        )
        assert [rule.verdict for rule in verdict.rules] == ["passed"] * 3

    @pytest.mark.parametrize("ndcg", [0.09, 0.1])
    def test_a_first_model_that_is_not_above_the_floor(self, ndcg):
        verdict = verdict_of([ndcg] * 10)
        assert not verdict.blessed
        assert "is not above 0.1" in verdict.reason

    def test_a_better_model_is_blessed_with_all_figures(self):
        verdict = verdict_of(OLD + 0.02, OLD)
        assert verdict.blessed
        value, difference = interval(OLD + 0.02), paired_interval(OLD + 0.02, OLD)
        floor, blessed, long_tail = verdict.rules
        assert (floor.value, floor.low, floor.high) == (value.value, value.low, value.high)
        assert (blessed.value, blessed.low, blessed.high) == (
            difference.value,
            difference.low,
            difference.high,
        )
        assert floor.num_queries == blessed.num_queries == 300
        assert long_tail.verdict == "undecided" and long_tail.holds
        assert verdict.reason == (
            f"nDCG@200 {value.value:.3f} [{value.low:.3f}, {value.high:.3f}] is above 0.1; "
            "nDCG@200 is not worse than the blessed model's: difference +0.020 [+0.020, +0.020], "
            "allowed down to -0.010; nDCG@200 of 'long_tail' is undecided, as no judged artist "
            "is in 'long_tail', which `if_undecided` lets pass"
        )

    def test_the_same_model_again_is_blessed_without_any_slack(self):
        verdict = verdict_of(OLD, OLD, GateConfig(slack=0), {"long_tail": range(20)})
        assert verdict.blessed
        assert "difference +0.000 [+0.000, +0.000], allowed down to 0.000" in verdict.reason

    def test_the_lower_end_decides_not_the_mean(self):
        noise = np.random.default_rng(1).standard_normal(300)
        noise -= noise.mean()
        verdict = verdict_of(OLD - 0.005 + 0.3 * noise, OLD)
        assert not verdict.blessed
        assert verdict.rules[1].value == pytest.approx(-0.005)
        assert verdict.reason.startswith("nDCG@200 may be worse than the blessed model's: diff")
        assert verdict_of(OLD - 0.005 + 0.01 * noise, OLD).blessed

    def test_better_than_a_bad_blessed_model_is_not_enough(self):
        verdict = verdict_of([0.05] * 9, [0.01] * 9)
        assert not verdict.blessed
        assert [rule.holds for rule in verdict.rules] == [False, True, True]
        assert "is not above 0.1" in verdict.reason and "worse" not in verdict.reason

    def test_a_better_head_does_not_pay_for_a_worse_long_tail(self):
        # 290 queries gain 0.05; the ten of the long tail lose 0.04 each, by the mean of them.
        new = OLD + np.where(np.arange(300) < 10, -0.04, 0.05)
        verdict = verdict_of(new, OLD, slices={"long_tail": range(10)})
        assert not verdict.blessed
        assert verdict.rules[1].verdict == "passed"
        assert verdict.reason.startswith(
            "nDCG@200 of 'long_tail' is worse than the blessed model's: difference -0.040 ["
        )
        assert verdict.reason.endswith("the mean allowed down to -0.010")
        # Unless the config says so.
        rules = (GateRule(above=0.1), GateRule(versus="blessed_model", slack=0.01))
        assert verdict_of(new, OLD, GateConfig(rules=rules), {"long_tail": range(10)}).blessed
        # Nine queries cannot tell.
        few = verdict_of(new, OLD, slices={"long_tail": range(9)})
        assert few.blessed
        assert (
            "as there are 9 of the 10 queries that it needs, which `if_undecided` lets pass"
            in few.reason
        )

    def test_the_long_tail_is_compared_by_its_mean(self):
        spread = np.array([0.5, -0.5] * 5)
        new = OLD + np.concatenate([spread, np.full(290, 0.05)])
        verdict = verdict_of(new, OLD, slices={"long_tail": range(10)})
        assert verdict.blessed
        assert verdict.rules[2].verdict == "passed" and verdict.rules[2].low < -0.1

    def test_the_condition_is_named(self):
        systems = {"model": scores_of([0.5])}
        evidence = evidence_of(scores_of([0.0]), cold=systems)
        verdict = judge(evidence, GateConfig(condition="cold"))
        assert verdict.reason.startswith("cold nDCG@200 0.500")
        assert verdict.blessed and not judge(evidence, GateConfig()).blessed


class TestWhatIsNeverBlessed:
    LOW = GateConfig(rules=(GateRule(above=-1.0, if_undecided="pass"),))

    def test_no_query(self):
        verdict = verdict_of([], config=self.LOW)
        assert not verdict.blessed
        assert verdict.reason == (
            "Not blessed: there is no query to judge by (7 artists of the split have no hidden "
            "positive)."
        )
        assert math.isnan(verdict.rules[0].value)
        assert verdict.as_json()["rules"][0]["value"] is None

    def test_nan_scores(self):
        verdict = verdict_of([0.5, np.nan], [0.1, 0.1], self.LOW)
        assert not verdict.blessed
        assert verdict.reason == (
            "Not blessed: the connected scores of 1 of 2 queries are NaN; "
            "the cold scores of 1 of 2 queries are NaN."
        )

    def test_a_blessed_model_with_nan_scores_cannot_be_compared(self):
        verdict = verdict_of([0.5, 0.5], [0.1, np.nan])
        assert not verdict.blessed
        assert "cannot be compared with the blessed model's: there are NaN" in verdict.reason

    def test_a_fault_forbids_what_the_rules_allow(self):
        verdict = verdict_of([0.9] * 9, faults=["all embeddings are equal"])
        assert not verdict.blessed
        assert verdict.reason == "Not blessed: all embeddings are equal."
        assert verdict.rules[0].holds and verdict.rules[0].value == pytest.approx(0.9)


def test_a_blessed_model_of_another_catalogue_is_told_and_decides_nothing():
    verdict = verdict_of(OLD, OLD, known_share=0.124)
    assert verdict.blessed
    assert verdict.reason.endswith(
        ". Only 12% of today's artists are in the blessed model's catalogue; both are judged on "
        "today's, by the same queries"
    )
    assert "catalogue; both" not in verdict_of(OLD, OLD, known_share=0.5).reason


def test_no_more_than_two_failures_are_told_at_once():
    rules = tuple(GateRule(above=bound, min_queries=1) for bound in (0.6, 0.7, 0.8, 0.1))
    verdict = verdict_of([0.5, 0.5], config=GateConfig(rules=rules))
    assert verdict.reason == (
        "nDCG@200 0.500 [0.500, 0.500] is not above 0.6; nDCG@200 0.500 [0.500, 0.500] is not "
        "above 0.7; 1 more of 4 rules do not hold"
    )


def test_judging_does_not_import_tensorflow():
    script = (
        "import sys, components.retrieval_evaluator.gate, trainer.systems.baselines\n"
        "assert not {'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
