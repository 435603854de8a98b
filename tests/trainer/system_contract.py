"""What every system must do; inherit `SystemContract` in a class that gives `make_system`."""

from __future__ import annotations

import abc
import dataclasses
from typing import ClassVar

import numpy as np
import pytest

from catalogues.errors import InputError
from tests.trainer.graphs import HiddenGraph, awkward, two_communities
from trainer.ranking.ndcg import query_ndcg
from trainer.systems.base import EmbeddingSystem, System
from trainer.systems.random_order import RandomOrder

CONDITIONS = ("connected", "cold")


class SystemContract(abc.ABC):
    """The tests that all systems share.

    Attributes:
      beats_random: the system finds the communities of `two_communities` when they are connected.
      blind_to_names: a fitted system's scores do not change when the artists are renamed, so come
        in another order.
      fit_blind_to_names: nor does what it learns.
      unit_length: its vectors have length 1 or 0, so that only directions count.
      needs_content: it cannot learn from a catalogue without, and says so.
      tolerance: how far scores that should be equal may lie apart, relative and absolute.
    """

    beats_random: ClassVar[bool] = True
    blind_to_names: ClassVar[bool] = True
    fit_blind_to_names: ClassVar[bool] = True
    unit_length: ClassVar[bool] = True
    needs_content: ClassVar[bool] = False
    tolerance: ClassVar[float] = 1e-5

    @abc.abstractmethod
    def make_system(self) -> System:
        """Returns a new system, small enough to be fitted many times."""

    def fitted(self, case: HiddenGraph) -> System:
        """A new system, fitted as the trainer does it."""
        system = self.make_system()
        system.fit(case.graph, case.truth("val"))
        return system

    def assert_same(self, actual: np.ndarray, expected: np.ndarray) -> None:
        """Asserts equality within the tolerance."""
        np.testing.assert_allclose(actual, expected, rtol=self.tolerance, atol=self.tolerance)

    @pytest.mark.parametrize("condition", CONDITIONS)
    @pytest.mark.parametrize("make_case", [two_communities, awkward])
    def test_scores_are_finite_and_well_formed(self, make_case, condition):
        case = make_case()
        queries, candidates = np.array([0, 5, 9]), np.arange(len(case.graph))
        scores = all_scores(self.fitted(case), case, condition, (queries, candidates))
        assert scores.shape == (3, len(case.graph))
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()

    def test_a_catalogue_without_content_has_finite_scores(self):
        case = two_communities()
        bare = HiddenGraph(dataclasses.replace(case.graph, content={}), case.hidden)
        if self.needs_content:
            with pytest.raises(InputError, match="content"):
                self.fitted(bare)
            return
        assert np.isfinite(all_scores(self.fitted(bare), bare)).all()

    def test_a_validation_split_without_hidden_edges_can_be_fitted(self):
        case = two_communities()
        system = self.make_system()
        system.fit(case.graph, 0 * case.truth("val"))
        assert np.isfinite(all_scores(system, case)).all()

    @pytest.mark.parametrize("condition", CONDITIONS)
    def test_one_query_at_a_time_equals_a_batch(self, condition):
        case = two_communities()
        scorer = self.fitted(case).scorer(case.graph, visible(case, "val", condition))
        candidates = case.graph.artists("val")
        single = [scorer(candidates[i : i + 1], candidates)[0] for i in range(len(candidates))]
        self.assert_same(np.stack(single), scorer(candidates, candidates))

    def test_the_other_candidates_do_not_move_a_score(self):
        case = two_communities()
        scorer = self.fitted(case).scorer(case.graph, visible(case, "val", "connected"))
        queries, candidates = case.graph.artists("val"), np.array([3, 20, 0])
        self.assert_same(scorer(queries, candidates), scorer(queries, np.arange(24))[:, candidates])

    @pytest.mark.parametrize("condition", CONDITIONS)
    def test_scores_do_not_depend_on_the_artists_names(self, condition):
        if not self.blind_to_names:
            pytest.skip("The scores depend on the artists' names.")
        case = two_communities()
        order = np.random.default_rng(3).permutation(len(case.graph))
        system = self.fitted(case)
        expected = all_scores(system, case, condition)[np.ix_(order, order)]
        self.assert_same(all_scores(system, case.renamed(order), condition), expected)

    def test_fit_does_not_depend_on_the_artists_names(self):
        if not (self.blind_to_names and self.fit_blind_to_names):
            pytest.skip("What is learnt depends on the artists' names.")
        case = two_communities()
        order = np.random.default_rng(4).permutation(len(case.graph))
        renamed = case.renamed(order)
        expected = all_scores(self.fitted(case), case)[np.ix_(order, order)]
        self.assert_same(all_scores(self.fitted(renamed), renamed), expected)

    def test_fitting_twice_gives_the_same_scores(self):
        case = two_communities()
        first, second = (all_scores(self.fitted(case), case) for _ in range(2))
        self.assert_same(second, first)

    def test_scoring_changes_nothing(self):
        case = two_communities()
        system = self.fitted(case)
        first = all_scores(system, case)
        all_scores(system, case, "cold")
        np.testing.assert_array_equal(all_scores(system, case), first)

    def test_fit_learns_nothing_from_the_artists_that_are_judged_last(self):
        # Without the test artists in the catalogue, what is learnt must be the same.
        if not (self.blind_to_names and self.fit_blind_to_names):
            pytest.skip("What is learnt depends on the artists' names.")
        case = two_communities()
        without = case.renamed(np.flatnonzero(case.graph.split != 2))
        self.assert_same(
            all_scores(self.fitted(without), case), all_scores(self.fitted(case), case)
        )

    @pytest.mark.parametrize("split", ["val", "test"])
    def test_a_hidden_edge_moves_no_score(self, split):
        # The hidden edges are the truth. All of them go; the visible graph must be what it was.
        case = two_communities()
        system = self.fitted(case)
        edges = case.graph.visible_edges(split)
        revealed = (case.graph.neighbors + case.hidden).tocsr()
        leaking = dataclasses.replace(case.graph, neighbors=revealed)
        artists = case.graph.artists(split)
        expected = system.scorer(case.graph, edges)(artists, artists)
        # Even a graph that lists hidden edges is only seen through the edges that are handed over.
        np.testing.assert_array_equal(system.scorer(leaking, edges)(artists, artists), expected)

    def test_hidden_edges_outside_validation_do_not_reach_fit(self):
        case = two_communities()
        fewer = HiddenGraph(case.graph, case.truth("val"))
        assert fewer.hidden.nnz < case.hidden.nnz
        self.assert_same(all_scores(self.fitted(fewer), fewer), all_scores(self.fitted(case), case))

    def test_scores_are_dot_products_of_the_embeddings(self):
        case = two_communities()
        system = self.fitted(case)
        if not isinstance(system, EmbeddingSystem):
            pytest.skip("Its artists are no vectors.")
        embedding = system.embed(case.graph, visible(case, "test", "connected"))
        assert embedding.dtype == np.float32
        if self.unit_length:
            length = np.linalg.norm(embedding, axis=1)
            np.testing.assert_allclose(length[length > 0], 1, rtol=1e-4)
        self.assert_same(all_scores(system, case), embedding @ embedding.T)

    def test_beats_random(self):
        if not self.beats_random:
            pytest.skip("It is not meant to find the communities.")
        case = two_communities()
        system = self.fitted(case)
        for split in ("val", "test"):
            chance = np.mean([mean_ndcg(RandomOrder(seed), case, split) for seed in range(20)])
            # Halfway from chance to a perfect order.
            assert mean_ndcg(system, case, split) > (1 + chance) / 2


def visible(case: HiddenGraph, split: str, condition: str):
    """The edges that a condition leaves: cold artists have content but no edge."""
    if condition == "cold":
        return case.graph.training_edges()
    return case.graph.visible_edges(split)


def all_scores(
    system: System,
    case: HiddenGraph,
    condition: str = "connected",
    pairs: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """The scores of all pairs, or of (queries, candidates), with the test split judged."""
    everyone = np.arange(len(case.graph))
    queries, candidates = pairs or (everyone, everyone)
    return system.scorer(case.graph, visible(case, "test", condition))(queries, candidates)


def mean_ndcg(system: System, case: HiddenGraph, split: str) -> float:
    """Mean nDCG@3 in the connected condition; a query has at most two positives."""
    scorer = system.scorer(case.graph, case.graph.visible_edges(split))
    return query_ndcg(scorer, case.truth(split), case.graph.artists(split), k=3).ndcg.mean()
