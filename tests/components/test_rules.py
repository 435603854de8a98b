"""A rule of the gate on numbers that are worked by hand, and rules that are refused."""

from __future__ import annotations

import math
import re

import pytest
import yaml

from components.retrieval_evaluator.config import GateConfig, GateRule, JudgeConfig
from components.retrieval_evaluator.rules import check_rule
from pipeline.config import parse_config
from tests.components.evidence import evidence_of, scores_of
from tests.conftest import REPOSITORY
from trainer.systems.baselines import BASELINES

# Four queries; the first two are of the slice 'no_edges', the last two of 'genre:jazz'.
SLICES = {"no_edges": [0, 1, 7], "genre:jazz": [2, 3], "new": [8]}
MODEL = scores_of(
    [0.2, 0.4, 0.6, 0.8],
    {"gini@10": 0.75, "coverage@10": 0.5},
    **{"map": [0, 0, 1, 1], "popularity_bias@10": [-0.5, 0.25, 0.25, 0.25]},
)
PAGERANK = scores_of([0.3, 0.5, 0.4, 0.6], {"gini@10": 0.5}, map=[1, 1, 1, 0])
EVIDENCE = evidence_of(MODEL, SLICES, pagerank=PAGERANK)


def checked(evidence=EVIDENCE, config=None, **rule):
    rule = GateRule(**{"min_queries": 1, **rule})
    return check_rule(rule, evidence, config or GateConfig(rules=(rule,)))


@pytest.mark.parametrize(
    ("rule", "verdict", "value", "num_queries"),
    [
        # The mean of all four is 0.5, of the first two 0.3, of the last two 0.7.
        ({"above": 0.49}, "passed", 0.5, 4),
        ({"above": 0.5}, "failed", 0.5, 4),
        ({"above": 0.29, "slice": "no_edges"}, "passed", 0.3, 2),
        ({"above": 0.31, "slice": "no_edges"}, "failed", 0.3, 2),
        ({"above": 0.69, "slice": "genre:jazz"}, "passed", 0.7, 2),
        ({"above": 0.4, "metric": "map"}, "passed", 0.5, 4),
        ({"above": 0.1, "metric": "map", "slice": "no_edges"}, "failed", 0.0, 2),
        # Less is better.
        ({"below": 0.8, "metric": "gini@10"}, "passed", 0.75, 4),
        ({"below": 0.75, "metric": "gini@10"}, "failed", 0.75, 4),
        ({"above": 0.4, "metric": "coverage@10"}, "passed", 0.5, 4),
        # Best near 0: both bounds have a meaning. The mean is 1/16.
        ({"below": 0.07, "metric": "popularity_bias@10"}, "passed", 0.0625, 4),
        ({"below": 0.06, "metric": "popularity_bias@10"}, "failed", 0.0625, 4),
        ({"above": 0.0, "metric": "popularity_bias@10"}, "passed", 0.0625, 4),
        # PageRank: -0.1, -0.1, +0.2, +0.2; the mean of all is 0.05.
        ({"versus": "pagerank", "by": "mean"}, "passed", 0.05, 4),
        ({"versus": "pagerank"}, "failed", 0.05, 4),  # The lower end is -0.1.
        ({"versus": "pagerank", "slack": 0.11}, "passed", 0.05, 4),
        ({"versus": "pagerank", "slice": "genre:jazz"}, "passed", 0.2, 2),
        ({"versus": "pagerank", "slice": "no_edges", "by": "mean"}, "failed", -0.1, 2),
        (
            {"versus": "pagerank", "slice": "no_edges", "by": "mean", "slack": 0.1001},
            "passed",
            -0.1,
            2,
        ),
        # MAP: -1, -1, 0, +1.
        ({"versus": "pagerank", "metric": "map", "by": "mean"}, "failed", -0.25, 4),
        ({"versus": "pagerank", "metric": "map", "by": "mean", "slack": 0.25}, "passed", -0.25, 4),
    ],
)
def test_worked_by_hand(rule, verdict, value, num_queries):
    found = checked(**rule)
    assert (found.verdict, found.num_queries) == (verdict, num_queries)
    assert found.value == pytest.approx(value)
    assert found.holds == (verdict == "passed")
    assert math.isnan(found.low) == rule.get("metric", "").startswith(("gini", "coverage"))


def test_an_interval_has_its_lower_end_at_the_lowest_of_few():
    # Of two equal differences every resample has the same mean.
    found = checked(versus="pagerank", slice="no_edges", slack=0.2)
    assert found.low == pytest.approx(-0.1) and found.verdict == "passed"


@pytest.mark.parametrize("if_undecided", ["fail", "pass"])
@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"slice": "no_edges", "min_queries": 3}, "there are 2 of the 3 queries that it needs"),
        # Artists, but none with a hidden positive.
        ({"slice": "new"}, "there are 0 of the 1 queries that it needs"),
        ({"slice": "genre:jaz"}, "no judged artist is in 'genre:jaz' (did you mean 'genre:jazz'?)"),
        ({"slice": "popularity:q01"}, "no judged artist is in 'popularity:q01'"),
        ({"min_queries": 30}, "there are 4 of the 30 queries that it needs"),
    ],
)
def test_too_few_queries_are_undecided(rule, why, if_undecided):
    for bound in ({"above": 0.0}, {"versus": "pagerank", "slack": 1.0}):
        found = checked(**rule, **bound, if_undecided=if_undecided)
        assert found.verdict == "undecided"
        assert found.holds == (if_undecided == "pass")
        assert why in found.sentence
        assert found.sentence.endswith("lets pass" if found.holds else "does not let pass")
        assert math.isnan(found.value)


def test_without_a_blessed_model_there_is_nothing_to_be_worse_than():
    found = checked(versus="blessed_model", slice="new")
    assert (found.verdict, found.holds) == ("passed", True)
    assert found.sentence == "there is no blessed model to compare with"


def test_an_unreadable_blessed_model_is_as_the_config_says():
    evidence = evidence_of(MODEL, SLICES, unreadable="OSError")
    rule = GateRule(versus="blessed_model")
    refused = check_rule(rule, evidence, GateConfig(rules=(rule,)))
    assert not refused.holds and "(OSError)" in refused.sentence
    config = GateConfig(rules=(rule,), if_blessed_unreadable="pass")
    assert check_rule(rule, evidence, config).holds
    # It is nothing to rules about something else.
    assert checked(evidence, above=0.3).holds


def test_nan_never_passes():
    bad = scores_of([0.5, 0.5], {"gini@10": math.nan}, map=[math.nan, 1.0])
    evidence = evidence_of(bad, pagerank=scores_of([0.5, 0.5], map=[0.0, 0.0]))
    for rule in (
        {"metric": "map", "above": 0.0},
        {"metric": "map", "versus": "pagerank", "slack": 1.0, "by": "mean"},
        {"metric": "map", "versus": "pagerank", "slack": 1.0},
        {"metric": "gini@10", "below": 1.0},
    ):
        assert checked(evidence, **rule).verdict == "failed"
    assert (
        "MAP is not known and is not above 0" in checked(evidence, metric="map", above=0).sentence
    )


def test_what_was_not_measured_cannot_be_asked_for():
    with pytest.raises(ValueError, match="Not measured: map of knn"):
        checked(versus="knn", metric="map")


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ({"above": 0.1}, "connected nDCG@200 above 0.1"),
        (
            {"metric": "gini@10", "below": 0.9, "condition": "cold"},
            "cold Gini@10 below 0.9",
        ),
        (
            {"versus": "blessed_model", "slice": "genre:hip hop", "slack": 0.02, "by": "mean"},
            "connected nDCG@200 of genre:hip hop versus blessed_model: mean difference at least "
            "-0.02",
        ),
        (
            {"versus": "knn"},
            "connected nDCG@200 versus knn: lower end of the difference's interval at least 0",
        ),
    ],
)
def test_a_rule_reads_as_a_line(rule, line):
    assert str(GateRule(**rule)) == line


@pytest.mark.parametrize("system", ["blessed_model", *BASELINES])
def test_every_baseline_can_be_compared_with(system):
    assert GateRule(versus=system).versus == system


@pytest.mark.parametrize(
    "name",
    ["all", "long_tail", "no_edges", "one_edge", "new", "degree:q5", "popularity:q01"]
    + ["popularity:q10", "popularity:q20", "genre:drum & bass", "modalities:none"],
)
def test_every_kind_of_slice_can_be_named(name):
    assert GateRule(above=0.1, slice=name).slice == name


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "exactly one of `above`, `below` and `versus` beside it, not none"),
        ({"above": 0.1, "versus": "knn"}, "beside it, not above and versus"),
        ({"above": 0.1, "metric": "ndgc@200"}, r"not measured \(did you mean 'ndcg'\?\)"),
        ({"above": 0.1, "slice": "long tail"}, r"which is none \(did you mean 'long_tail'\?\)"),
        ({"above": 0.1, "slice": "popularity:q21"}, "'popularity:q21', which is none"),
        ({"above": 0.1, "slice": "popularity:q00"}, "'popularity:q00', which is none"),
        ({"above": 0.1, "slice": "degree:q0"}, "'degree:q0', which is none"),
        ({"versus": "pagernak"}, r"compared with \(did you mean 'pagerank'\?\); there is blessed_"),
        ({"versus": "model"}, "versus names 'model', which nothing is compared with"),
        ({"below": 0.1}, "below is the wrong way: more ndcg@200 is better; say `above`"),
        ({"above": 0.1, "metric": "gini@10"}, "above is the wrong way: less gini@10 is better"),
        ({"below": 0.1, "metric": "coverage@10"}, "below is the wrong way: more coverage@10"),
        ({"versus": "knn", "metric": "popularity_bias@10"}, "best near 0, neither higher"),
        (
            {"versus": "knn", "metric": "gini@10"},
            "can only be `below` a number, on the slice 'all'",
        ),
        (
            {"above": 0.1, "metric": "coverage@10", "slice": "new"},
            "can only be `above` a number, on the slice 'all'",
        ),
        ({"above": 0.1, "slack": 0.1}, "slack is of rules with `versus`; leave it out"),
        ({"above": 0.1, "by": "mean"}, "by is of rules with `versus`; leave it out"),
        ({"versus": "knn", "slack": -0.1}, "slack must lie between 0 and 1, not -0.1"),
        ({"versus": "knn", "slack": math.nan}, "slack must lie between 0 and 1, not nan"),
        ({"above": 0.1, "min_queries": 0}, "min_queries must be at least 1, not 0"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rule, message):
    with pytest.raises(ValueError, match=message):
        GateRule(**rule)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"floor": -0.1}, "floor must lie"),
        ({"slack": float("nan")}, "slack must lie"),
        ({"slack": -0.01}, "slack must lie"),
        ({"condition": "warm"}, "'connected' or 'cold'"),
        ({"rules": (GateRule(above=0.1),), "slack": 0.02}, "slack cannot stand beside `rules`"),
        ({"rules": (GateRule(above=0.1),), "floor": 0.1}, "floor cannot stand beside `rules`"),
    ],
)
def test_a_senseless_gate_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        GateConfig(**change)


def test_a_rule_of_a_rank_that_is_not_taken_is_refused():
    gate = GateConfig(rules=(GateRule(above=0.1), GateRule(metric="recall@20", above=0.1)))
    assert JudgeConfig(gate, k=(20,)).gate is gate
    with pytest.raises(ValueError, match=r"gate.rules\[1\].metric names 'recall@20'.*\[10, 200\]"):
        JudgeConfig(gate)


def test_the_usual_rules():
    assert [str(rule) for rule in GateConfig().rules_in_force] == [
        "connected nDCG@200 above 0.1",
        "connected nDCG@200 versus blessed_model: lower end of the difference's interval at least "
        "-0.02",
        "connected nDCG@200 of long_tail versus blessed_model: mean difference at least -0.02",
    ]
    floor, blessed, long_tail = GateConfig(0.3, 0.0, "cold").rules_in_force
    assert (floor.above, blessed.slack, long_tail.slack) == (0.3, 0, 0)
    assert {rule.condition for rule in (floor, blessed, long_tail)} == {"cold"}
    assert (floor.min_queries, blessed.min_queries, long_tail.min_queries) == (1, 1, 10)
    assert (floor.if_undecided, blessed.if_undecided) == ("fail", "fail")
    assert long_tail.if_undecided == "pass"


def test_the_documentation_has_the_usual_rules():
    text = (REPOSITORY / "docs/configuration.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (example,) = (example for example in examples if "rules:" in example)
    given = {"catalogue": {"path": "mine"}, **yaml.safe_load(example)}
    gate = parse_config(given, "configuration.md").judge.gate
    assert gate.rules == GateConfig().rules_in_force
