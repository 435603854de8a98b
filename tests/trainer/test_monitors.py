"""Monitors of an embedding against hand-worked values, slow references and what must not matter."""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trainer import monitors
from trainer.monitors import EmbeddingMonitors, embedding_monitors, hub_share, norm_spread, rankme

SMALL = hnp.arrays(
    np.float32,
    st.tuples(st.integers(0, 9), st.integers(0, 3)),
    elements=st.integers(-3, 3).map(float),
)
"""Few artists with small whole numbers: many ties, zero vectors and equal rows."""


def normal(num_artists, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(num_artists, dim)).astype(np.float32)


def directions(num_artists, dim, seed=0):
    embedding = normal(num_artists, dim, seed)
    return embedding / np.linalg.norm(embedding, axis=1, keepdims=True)


def slow_hub_share(embedding, k):
    """The definition in plain loops and exact fractions."""
    num = len(embedding)
    k = min(k, num - 1)
    occurrence = [Fraction(0)] * num
    for query in range(num):
        score = {v: int(embedding[query] @ embedding[v]) for v in range(num) if v != query}
        places = k
        for value in sorted(set(score.values()), reverse=True):
            tied = [v for v in score if score[v] == value]
            for v in tied:
                occurrence[v] += Fraction(min(places, len(tied)), len(tied))
            places -= min(places, len(tied))
    slots = sum(occurrence)
    return float(sum(n for n in occurrence if n > 2 * k) / slots) if slots else 0.0


class TestRankMe:
    def test_by_hand(self):
        # Shares 1/2, 1/4, 1/4: an entropy of 1.5 bits.
        embedding = np.diag([2, 1, 1]).astype(np.float32)
        assert rankme(embedding) == pytest.approx(2**1.5, rel=1e-5)

    @pytest.mark.parametrize("dim", [1, 2, 7, 100])
    def test_orthogonal_rows_are_of_full_rank(self, dim):
        rows, _ = np.linalg.qr(normal(dim, dim))
        assert rankme(rows.astype(np.float32)) == pytest.approx(dim, rel=1e-3)

    @pytest.mark.parametrize("dim", [2, 100])
    def test_a_line_has_rank_one(self, dim):
        line = np.outer(np.linspace(-3, 5, 400), normal(1, dim)[0]).astype(np.float32)
        assert rankme(line) == pytest.approx(1, abs=1e-3)

    @given(seed=st.integers(0, 1000), factor=st.sampled_from([1e-6, 0.5, 30.0]))
    def test_rotation_factor_and_order_do_not_matter(self, seed, factor):
        # From narrow to wide, so that the rank varies.
        embedding = normal(40, 6, seed) * np.geomspace(1, 1e-3, 6)
        rotation, _ = np.linalg.qr(normal(6, 6, seed + 1))
        moved = factor * np.random.default_rng(seed).permutation(embedding @ rotation)
        assert rankme(moved.astype(np.float32)) == pytest.approx(
            rankme(embedding.astype(np.float32)), rel=1e-4
        )

    @given(SMALL)
    def test_against_the_eigenvalues(self, embedding):
        squares = np.linalg.eigvalsh(embedding.T.astype(np.float64) @ embedding)
        singular = [math.sqrt(s) for s in squares if s > 1e-9]
        entropy = -sum(s / sum(singular) * math.log(s / sum(singular)) for s in singular)
        expected = math.exp(entropy) if singular else 0.0
        # The added 1e-7 is worth at most that much for each dimension.
        assert rankme(embedding) == pytest.approx(expected, rel=3e-5)

    def test_a_sample_stands_for_many_artists(self, monkeypatch):
        embedding = normal(3_000, 5) * np.float32([1, 2, 3, 4, 5])
        whole = rankme(embedding)
        monkeypatch.setattr(monitors, "RANKME_ARTISTS", 1_000)
        sampled = rankme(embedding)
        assert sampled != whole
        assert sampled == pytest.approx(whole, rel=0.02)
        assert sampled == rankme(embedding)


class TestNormSpread:
    def test_by_hand(self):
        # Norms 1 and 5: a mean of 3, a standard deviation of 2.
        assert norm_spread(np.float32([[1, 0], [3, 4]])) == pytest.approx(2 / 3)

    def test_unit_vectors_have_none(self):
        assert norm_spread(directions(200, 20)) == pytest.approx(0, abs=1e-6)

    @pytest.mark.parametrize("zeros", [1, 5, 9])
    def test_zero_vectors_count_as_norms_of_zero(self, zeros):
        embedding = directions(10, 4)
        embedding[:zeros] = 0
        assert norm_spread(embedding) == pytest.approx(math.sqrt(zeros / (10 - zeros)), rel=1e-5)


class TestHubShare:
    def test_by_hand(self):
        # On a ray the furthest is the nearest of the four others, and has the second for its own:
        # N_1 = 0, 0, 0, 1, 4, and 4 of the 5 places are held by the one that has more than 2.
        embedding = np.float32([[1], [2], [3], [4], [5]])
        assert hub_share(embedding, 1) == pytest.approx(0.8)
        # N_2 = 0, 0, 2, 4, 4, and 4 is not more than 2 * 2.
        assert hub_share(embedding, 2) == 0

    def test_those_that_tie_share_the_places(self):
        # Each of the four finds three that tie for one place: N_1 = 3 * 1/3 each.
        assert hub_share(np.ones((4, 2), np.float32), 1) == 0
        # Nine tie for the place after the first: N_1 = 9, and 9 * 0 + 1/9 each.
        embedding = np.float32([[2, 0], *[[1, 0]] * 9])
        assert hub_share(embedding, 1) == pytest.approx(0.9)

    @given(SMALL, st.integers(1, 11))
    def test_against_the_definition(self, embedding, k):
        assert hub_share(embedding, k) == pytest.approx(slow_hub_share(embedding, k))

    @given(seed=st.integers(0, 1000), k=st.integers(1, 12))
    def test_one_that_is_near_everybody_is_a_hub(self, seed, k):
        num = 200
        embedding = np.abs(directions(num, 8, seed))
        embedding[seed % num] = 10
        occurrence, _ = monitors._k_occurrence(embedding.astype(np.float64), k)
        assert occurrence[seed % num] == num - 1
        assert occurrence.sum() == pytest.approx(num * k)
        assert hub_share(embedding, k) >= (num - 1) / (num * k) - 1e-9

    def test_orthogonal_clusters_have_none(self):
        # Each finds the k others of its own cluster.
        assert hub_share(np.repeat(np.eye(20, dtype=np.float32), 6, axis=0), 5) == 0

    @given(seed=st.integers(0, 1000), factor=st.sampled_from([1e-30, 1.0, 1e30]))
    def test_order_and_factor_do_not_matter(self, seed, factor):
        embedding = normal(60, 5, seed)
        shuffled = np.random.default_rng(seed).permutation(embedding) * np.float32(factor)
        assert hub_share(shuffled, 3) == pytest.approx(hub_share(embedding, 3))

    def test_rounding_breaks_no_tie(self):
        # For the first 40 all others tie, but for the order in which six products add up.
        rng = np.random.default_rng(0)
        values = rng.normal(size=6) * np.geomspace(1e-4, 1e4, 6)
        permuted = rng.permuted(np.tile(values, (200, 1)), axis=1)
        embedding = np.float32(np.concatenate([np.full((40, 6), 1e-9), permuted]))
        occurrence, _ = monitors._k_occurrence(embedding.astype(np.float64), 3)
        turned, _ = monitors._k_occurrence(embedding[:, ::-1].astype(np.float64), 3)
        np.testing.assert_allclose(turned, occurrence, rtol=1e-6)

    def test_blocks_do_not_matter(self, monkeypatch):
        embedding = normal(101, 6)
        whole = hub_share(embedding, 4)
        assert 0 < whole < 1
        for scores in (1, 1_000, 2_500):
            monkeypatch.setattr(monitors, "BLOCK_SCORES", scores)
            assert hub_share(embedding, 4) == whole

    def test_a_sample_stands_for_many_artists(self, monkeypatch):
        # A tenth is turned towards what all have in common.
        embedding = directions(3_000, 20) + np.float32(0.1)
        embedding[:300] += 0.1
        whole = hub_share(embedding)
        monkeypatch.setattr(monitors, "HUB_ARTISTS", 1_000)
        sampled = hub_share(embedding)
        assert sampled != whole
        assert sampled == pytest.approx(whole, abs=0.1)
        assert sampled == hub_share(embedding)

    @pytest.mark.parametrize("k", [0, -1])
    def test_no_neighbours_cannot_be_asked_for(self, k):
        with pytest.raises(ValueError, match=f"at least 1, not {k}"):
            hub_share(np.ones((3, 2), np.float32), k)


class TestEmbeddingMonitors:
    def test_all_three(self):
        embedding = normal(300, 10)
        assert embedding_monitors(embedding, 5) == EmbeddingMonitors(
            rankme(embedding), norm_spread(embedding), hub_share(embedding, 5)
        )

    @pytest.mark.parametrize(
        ("embedding", "rank"),
        [
            (np.zeros((0, 8)), 0),
            (np.zeros((0, 0)), 0),
            (np.zeros((5, 0)), 0),
            (np.zeros((50, 8)), 0),
            (np.zeros((1, 8)), 0),
            (np.ones((1, 8)), 1),
            (np.full((500, 8), 0.3), 1),
            (np.full((50, 8), 3e38), 1),
            (np.full((50, 8), 1e-45), 1),
        ],
    )
    def test_a_collapsed_embedding(self, embedding, rank):
        found = embedding_monitors(embedding.astype(np.float32))
        assert found.rankme == pytest.approx(rank, abs=1e-4)
        assert found.norm_spread == pytest.approx(0, abs=1e-12)
        assert found.hub_share == 0

    @given(
        hnp.arrays(
            np.float32,
            st.tuples(st.integers(0, 12), st.integers(0, 4)),
            elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
        )
    )
    def test_whatever_is_finite_has_finite_monitors(self, embedding):
        found = embedding_monitors(embedding, 3)
        assert 0 <= found.rankme <= min(embedding.shape) + 1e-4
        assert 0 <= found.norm_spread < np.inf
        assert 0 <= found.hub_share <= 1 + 1e-9
        assert embedding_monitors(embedding, 3) == found

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_what_is_not_finite_has_none(self, value):
        embedding = normal(5, 3)
        embedding[3, 2] = value
        assert np.isnan(dataclasses.astuple(embedding_monitors(embedding))).all()
