"""What the page shows is what the judgement found, by hand-worked cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp

from components.retrieval_evaluator.page.collect import (
    CANDIDATES,
    TRUTH,
    changes,
    degree_bins,
    exposure,
)
from trainer.ranking.evaluation import METRIC, RankingScores


def scores_of(ndcg, queries=None):
    values = np.array(ndcg, float)
    rows = np.arange(len(values)) if queries is None else np.array(queries)
    return RankingScores(rows, values, 0, {METRIC: values}, {})


class TestDegreeBins:
    def test_each_bin_holds_twice_as_many_degrees(self):
        degree = np.array([0, 1, 2, 3, 4, 5, 8, 9, 16, 17])
        bins = degree_bins(degree, {"model": np.arange(10.0)})
        found = [(one.title, one.num_queries, one.scores["model"].value) for one in bins]
        assert found == [
            ("0", 1, 0.0),
            ("1", 1, 1.0),
            ("2", 1, 2.0),
            ("3–4", 2, 3.5),
            ("5–8", 2, 5.5),
            ("9–16", 2, 7.5),
            ("17–32", 1, 9.0),
        ]

    def test_each_degree_lies_in_the_bin_that_says_so(self):
        for degree in range(300):
            (one,) = degree_bins(np.array([degree]), {"model": np.zeros(1)})
            assert one.low <= degree <= one.high

    def test_without_a_query_there_is_no_bin(self):
        assert degree_bins(np.zeros(0, int), {"model": np.zeros(0)}) == []


class TestExposure:
    def test_the_places_of_a_list_are_shared_by_the_tenths_of_popularity(self):
        # 5 is no candidate; 10 known candidates, each a tenth of its own; 11 has no popularity.
        candidates = np.array([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11])
        popularity = np.append(np.arange(11.0), np.nan)
        truth = sp.csr_matrix(([1.0, 1, 1], ([0, 0, 1], [10, 5, 0])), shape=(12, 12))
        lists = {"model": np.array([[9, 10], [10, -1], [11, -1]])}
        found = exposure(lists, truth, np.array([0, 1]), candidates, popularity)
        assert found.cutoff == 2
        assert found.shares["model"] == pytest.approx([0] * 8 + [1 / 4, 2 / 4, 1 / 4])
        # Of the true ones 5 is left out, as nobody could retrieve it.
        assert found.shares[TRUTH] == pytest.approx([0.5] + [0] * 8 + [0.5, 0])
        assert found.shares[CANDIDATES] == pytest.approx([1 / 11] * 11)

    def test_equally_popular_artists_share_the_middle(self):
        candidates = np.arange(4)
        truth = sp.csr_matrix(([1.0], ([0], [1])), shape=(4, 4))
        found = exposure({"a": np.array([[1]])}, truth, np.array([0]), candidates, np.ones(4))
        assert found.shares["a"].tolist() == [0] * 5 + [1] + [0] * 5

    def test_without_a_list_or_query_there_is_nothing_to_show(self):
        truth, one = sp.csr_matrix((2, 2)), np.arange(2)
        assert exposure({}, truth, one, one, np.ones(2)) is None
        assert exposure({"a": np.zeros((0, 2), int)}, truth, one[:0], one, np.ones(2)) is None
        assert exposure({"a": one[:, None]}, truth, one, one, np.full(2, np.nan)) is None


class TestChanges:
    NAME = np.array([f"artist {row}" for row in range(5)], object)
    # 4 is no candidate, though the truth knows it.
    CANDIDATES = np.arange(4)
    TRUTH = sp.csr_matrix(([1.0] * 4, ([0, 0, 1, 2], [1, 4, 0, 3])), shape=(5, 5))

    def found(self, before, after):
        lists = np.array([[1, 2], [2, 3], [3, -1]]), np.array([[2, 1], [0, 2], [0, 1]])
        return changes(
            "pagerank",
            scores_of(before),
            scores_of(after),
            lists,
            self.TRUTH,
            self.CANDIDATES,
            self.NAME,
        )

    def test_gains_and_losses_come_with_both_lists(self):
        found = self.found([0.5, 0.2, 0.9], [0.6, 1.0, 0.1])
        assert found.other == "pagerank"
        assert [(one.name, one.before, one.after) for one in found.gains] == [
            ("artist 1", 0.2, 1.0),
            ("artist 0", 0.5, 0.6),
        ]
        (loss,) = found.losses
        assert (loss.name, loss.num_positives) == ("artist 2", 1)
        assert [(one.name, one.similar) for one in loss.neighbors_before] == [("artist 3", True)]
        assert [one.name for one in loss.neighbors_after] == ["artist 0", "artist 1"]
        assert found.gains[1].num_positives == 1
        assert [one.similar for one in found.gains[1].neighbors_before] == [True, False]

    def test_what_stays_is_neither(self):
        found = self.found([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
        assert not found.gains and not found.losses

    def test_other_queries_cannot_be_compared(self):
        other = scores_of([0.5], [2])
        lists = np.zeros((1, 1), int), np.zeros((1, 1), int)
        new = scores_of([0.5], [1])
        assert changes("x", other, new, lists, self.TRUTH, self.CANDIDATES, self.NAME) is None
        none = scores_of([])
        assert changes("x", none, none, lists, self.TRUTH, self.CANDIDATES, self.NAME) is None


def test_the_intervals_of_a_bin_of_one_query_are_the_query():
    (one,) = degree_bins(np.array([3]), {"model": np.array([0.25])})
    figure = one.scores["model"]
    assert (figure.low, figure.value, figure.high) == (0.25, 0.25, 0.25)
    assert not math.isnan(figure.low)
