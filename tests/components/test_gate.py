"""The gate blesses what is above the floor and not worse, and says why."""

import math
import subprocess
import sys

import numpy as np
import pytest

from components.retrieval_evaluator.gate import GateConfig, judge
from trainer.ranking.bootstrap import interval, paired_interval
from trainer.ranking.ndcg import QueryScores

CONFIG = GateConfig(floor=0.1, slack=0.01)


def scores_of(ndcg, queries=None):
    ndcg = np.asarray(ndcg, np.float64)
    return QueryScores(np.arange(len(ndcg)) if queries is None else np.array(queries), ndcg, 7)


OLD = np.random.default_rng(0).random(300)


def test_the_first_model_has_only_the_floor():
    verdict = judge(scores_of([0.5] * 10), None, CONFIG)
    assert verdict.blessed
    assert verdict.difference is None
    assert verdict.reason == (
        "nDCG@200 0.500 [0.500, 0.500] is above the floor 0.1 and there is no blessed model to "
        "compare with"
    )


@pytest.mark.parametrize("ndcg", [0.09, 0.1])
def test_a_first_model_that_is_not_above_the_floor(ndcg):
    verdict = judge(scores_of([ndcg] * 10), None, CONFIG)
    assert not verdict.blessed
    assert "is not above the floor 0.1" in verdict.reason


def test_a_better_model_is_blessed_with_all_figures():
    new = scores_of(OLD + 0.02)
    verdict = judge(new, scores_of(OLD), CONFIG)
    assert verdict.blessed
    assert verdict.value == interval(new.ndcg)
    assert verdict.difference == paired_interval(new.ndcg, OLD)
    value = verdict.value
    assert verdict.reason == (
        f"nDCG@200 {value.value:.3f} [{value.low:.3f}, {value.high:.3f}] is above the floor 0.1 "
        "and not worse than the blessed model: difference +0.020 [+0.020, +0.020], allowed down "
        "to -0.010"
    )


def test_the_same_model_again_is_blessed_without_any_slack():
    verdict = judge(scores_of(OLD), scores_of(OLD), GateConfig(floor=0.1, slack=0))
    assert verdict.blessed
    assert verdict.reason.endswith("difference +0.000 [+0.000, +0.000], allowed down to 0.000")


def test_the_lower_end_decides_not_the_mean():
    noise = np.random.default_rng(1).standard_normal(300)
    noisy = scores_of(OLD - 0.005 + 0.3 * (noise - noise.mean()))
    steady = scores_of(OLD - 0.005 + 0.01 * (noise - noise.mean()))
    verdict = judge(noisy, scores_of(OLD), CONFIG)
    assert not verdict.blessed
    assert verdict.difference.value == pytest.approx(-0.005)
    assert "is above the floor 0.1 but may be worse than the blessed model" in verdict.reason
    assert judge(steady, scores_of(OLD), CONFIG).blessed


def test_better_than_a_bad_blessed_model_is_not_enough():
    verdict = judge(scores_of([0.05] * 9), scores_of([0.01] * 9), CONFIG)
    assert not verdict.blessed
    assert "is not above the floor 0.1 but not worse than the blessed" in verdict.reason


def test_pairs_are_by_query_not_by_place():
    order = np.random.default_rng(2).permutation(300)
    verdict = judge(scores_of(OLD[order], order), scores_of(OLD), CONFIG)
    assert (verdict.difference.low, verdict.difference.high) == (0, 0)
    assert "left out" not in verdict.reason


def test_queries_that_only_one_has_are_left_out_and_counted():
    new = scores_of([0.5, 0.6, 0.7], [1, 2, 3])
    verdict = judge(new, scores_of([0.6, 0.7, 0.1, 0.1], [2, 3, 4, 5]), CONFIG)
    assert verdict.blessed
    assert verdict.difference.value == 0
    assert verdict.value.value == pytest.approx(0.6)
    assert verdict.reason.endswith("(3 queries that only one of the two has are left out)")


def test_without_a_common_query_nothing_is_blessed():
    verdict = judge(scores_of([0.5], [1]), scores_of([0.5], [2]), CONFIG)
    assert not verdict.blessed
    assert verdict.difference is None
    assert "shares no query with the blessed model" in verdict.reason


def test_no_query_is_never_blessed():
    verdict = judge(scores_of([]), None, GateConfig(floor=0, slack=1))
    assert not verdict.blessed
    assert math.isnan(verdict.value.value)
    assert "no query to judge by (7 artists" in verdict.reason


def test_nan_scores_are_never_blessed():
    verdict = judge(scores_of([0.5, np.nan]), scores_of([0.1, 0.1]), CONFIG)
    assert not verdict.blessed
    assert verdict.reason == "Not blessed: the scores of 1 of 2 queries are NaN."


def test_a_blessed_model_with_nan_scores_cannot_be_compared():
    verdict = judge(scores_of([0.5, 0.5]), scores_of([0.1, np.nan]), CONFIG)
    assert not verdict.blessed
    assert "the blessed model's scores are NaN" in verdict.reason


def test_a_fault_forbids_what_the_figures_allow():
    verdict = judge(scores_of([0.9] * 9), None, CONFIG, faults=["all embeddings are equal"])
    assert not verdict.blessed
    assert verdict.reason == "Not blessed: all embeddings are equal."
    assert verdict.value.value == pytest.approx(0.9)


def test_the_condition_is_named():
    config = GateConfig(floor=0.1, slack=0.01, condition="cold")
    assert judge(scores_of([0.5]), None, config).reason.startswith("cold nDCG@200 0.500")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"floor": -0.1}, "floor"),
        ({"slack": float("nan")}, "slack"),
        ({"slack": -0.01}, "slack"),
        ({"condition": "warm"}, "'connected' or 'cold'"),
    ],
)
def test_a_senseless_gate_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        GateConfig(**{"floor": 0.1, "slack": 0.01, **change})


def test_judging_does_not_import_tensorflow():
    script = (
        "import sys, components.retrieval_evaluator.gate, trainer.systems.baselines\n"
        "assert not {'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
