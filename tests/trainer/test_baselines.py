"""The baselines keep the contract of all systems, and compute what their formulas say."""

import numpy as np
import pytest

from tests.trainer.graphs import graph_of, two_communities, vectors, words
from tests.trainer.system_contract import SystemContract, all_scores
from trainer.systems.baselines import BASELINES
from trainer.systems.common_neighbours import CommonNeighbours
from trainer.systems.knn import NearestContent
from trainer.systems.pagerank import DEFAULT_GAMMA, GAMMAS, PageRank
from trainer.systems.random_order import RandomOrder


class TestPageRank(SystemContract):
    """Personalised PageRank."""

    def make_system(self):
        return BASELINES["pagerank"]()


class TestCommonNeighbours(SystemContract):
    """Common neighbours."""

    def make_system(self):
        return BASELINES["common_neighbours"]()


class TestAdamicAdar(SystemContract):
    """Common neighbours, weighted."""

    def make_system(self):
        return CommonNeighbours("adamic_adar")


class TestNearestContent(SystemContract):
    """Nearest neighbours on content."""

    def make_system(self):
        return BASELINES["knn"]()


class TestPopularity(SystemContract):
    """Popularity."""

    beats_random = False

    def make_system(self):
        return BASELINES["popularity"]()


class TestRandomOrder(SystemContract):
    """A random order."""

    beats_random = False
    blind_to_names = False

    def make_system(self):
        return BASELINES["random"]()


def test_every_baseline_is_under_contract():
    assert set(BASELINES) == {"pagerank", "common_neighbours", "knn", "popularity", "random"}


# A star: artist 0 is connected to 1, 2, 3; artist 4 hangs on 3; 5 is alone.
STAR = [(0, 1), (0, 2), (0, 3), (3, 4)]


def scores_on(system, case, queries, candidates):
    edges = case.graph.training_edges()
    return system.scorer(case.graph, edges)(np.array(queries), np.array(candidates))


def test_common_neighbours_are_counted():
    case = graph_of(STAR, [0] * 6)
    # 1 and 2 share 0; 0 and 4 share 3; 1 and 4 share nobody.
    np.testing.assert_array_equal(
        scores_on(CommonNeighbours(), case, [1, 0], [2, 4, 5]), [[1, 0, 0], [0, 1, 0]]
    )


def test_adamic_adar_says_less_for_a_hub():
    case = graph_of(STAR, [0] * 6)
    scores = scores_on(CommonNeighbours("adamic_adar"), case, [1, 0], [2, 4])
    # degree(0) = 3, degree(3) = 2.
    np.testing.assert_allclose(scores, [[1 / np.log(3), 0], [0, 1 / np.log(2)]], rtol=1e-6)


def test_common_neighbours_refuses_an_unknown_weighting():
    with pytest.raises(ValueError, match="adamic_adar"):
        CommonNeighbours("jaccard")


def test_pagerank_equals_the_series_of_dense_powers():
    rng = np.random.default_rng(0)
    edges = [(u, v, rng.uniform(0.1, 2)) for u in range(15) for v in range(u) if rng.random() < 0.2]
    case = graph_of(edges, [0] * 16)
    dense = case.graph.training_edges().toarray().astype(float)
    degree = dense.sum(axis=1)
    root = np.array([value**-0.5 if value else 0 for value in degree])
    hop = root[:, None] * dense * root[None, :]
    series = sum(0.15 * 0.85**t * np.linalg.matrix_power(hop, t) for t in range(11))
    system = PageRank()
    system.gamma = 0.5
    scores = scores_on(system, case, range(16), range(16))
    reached = series > 0
    expected = series * degree**0.5
    np.testing.assert_allclose(scores[reached], expected[reached], rtol=1e-4)
    assert (scores[~reached] < 0).all()
    assert (~reached).any()


def test_an_edge_that_is_listed_once_counts_in_both_directions():
    # An ego graph that was cut lists an edge in one direction only; it counts in both.
    case = graph_of([(0, 1), (1, 2)], [0] * 3)
    one_way = case.graph.neighbors.tolil()
    one_way[1, 0] = 0
    one_way = one_way.tocsr()
    one_way.eliminate_zeros()
    everyone = np.arange(3)
    for system in (PageRank(), CommonNeighbours()):
        np.testing.assert_array_equal(
            system.scorer(case.graph, one_way)(everyone, everyone),
            system.scorer(case.graph, case.graph.neighbors)(everyone, everyone),
        )


def test_pagerank_ranks_by_degree_for_a_cold_query():
    case = graph_of(STAR, [0] * 6)
    scores = scores_on(PageRank(), case, [5], [4, 3, 0])[0]
    # Degrees 1, 2, 3.
    assert (np.diff(scores) > 0).all()


def test_pagerank_puts_what_it_cannot_reach_last():
    case = graph_of([(0, 1), (2, 3), (2, 4)], [0] * 5)
    near, hub, leaf = scores_on(PageRank(), case, [0], [1, 2, 3])[0]
    assert near > hub > leaf


def test_pagerank_chooses_gamma_on_the_validation_split():
    # Artist 0 leads from query 3 to 4 and to 5; the truth is the better connected 4. From there
    # the walk goes on to the fans of 1 and 2, so that without scaling 4 comes after 5.
    fans = [(1, 6), (1, 7), (1, 8), (2, 9), (2, 10), (2, 11)]
    edges = [(3, 0), (4, 0), (5, 0), (4, 1), (4, 2), (3, 4), *fans]
    case = graph_of(edges, [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    system = PageRank()
    system.fit(case.graph, case.truth("val"))
    reached = scores_by_gamma(case, 0.0)
    assert reached[0] < reached[1]
    chosen = scores_by_gamma(case, system.gamma)
    assert chosen[0] > chosen[1]
    assert system.gamma in GAMMAS


def scores_by_gamma(case, gamma):
    system = PageRank()
    system.gamma = gamma
    return system.scorer(case.graph, case.graph.visible_edges("val"))(
        np.array([3]), np.array([4, 5])
    )[0]


def test_pagerank_has_a_default_without_validation_queries():
    case = graph_of(STAR, [0] * 6)
    system = PageRank()
    system.fit(case.graph, case.truth("val"))
    assert system.gamma == DEFAULT_GAMMA


def test_pagerank_fits_on_a_sample_of_many_queries():
    case = two_communities()
    system = PageRank(max_queries=3)
    system.fit(case.graph, case.truth("val"))
    assert system.gamma in GAMMAS


def test_pagerank_is_the_same_whoever_walks_beside_whom(monkeypatch):
    case = two_communities()
    expected = all_scores(PageRank(), case)
    monkeypatch.setattr("trainer.systems.pagerank._SIDE_BY_SIDE", 3)
    np.testing.assert_array_equal(all_scores(PageRank(), case), expected)
    everyone = np.arange(len(case.graph))
    scorer = PageRank().scorer(case.graph, case.graph.training_edges())
    together = scorer(everyone, everyone)
    for query in everyone:
        np.testing.assert_array_equal(scorer(np.array([query]), everyone)[0], together[query])


def test_nearest_content_weighs_modalities_alike():
    # Training: audio has mean 2, deviation 1 in the first column; the second is constant.
    # Words: all three training artists have 'rock', one has 'dub'.
    case = graph_of(
        [],
        [0, 0, 0, 1],
        {
            "audio": vectors([[1, 7], [3, 7], None, [4, 9]]),
            "tags": words([{"rock": 1}, {"rock": 1}, {"rock": 3, "dub": 8}, {"dub": 1, "new": 5}]),
        },
    )
    system = NearestContent()
    system.fit(case.graph, case.truth("val"))
    rock, dub = np.log(1 + 3) * 1, np.log(1 + 8) * (np.log(4 / 2) + 1)
    both = np.hypot(rock, dub)
    audio, tags = [[-1], [1], [0], [1]], [[1, 0], [1, 0], [rock / both, dub / both], [0, 1]]
    expected = np.hstack([audio, tags])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    embedding = system.embed(case.graph, case.graph.training_edges())
    present = np.abs(embedding).sum(axis=0) > 0
    np.testing.assert_allclose(embedding[:, present], expected, atol=1e-6)


def test_nearest_content_keeps_the_words_of_the_most_training_artists(monkeypatch):
    monkeypatch.setattr("trainer.systems.knn.NUM_WORDS", 2)
    bags = [{"c": 1}, {"c": 1, "b": 1}, {"a": 9, "d": 1}, {"d": 1}, {"d": 1}]
    case = graph_of([], [0, 0, 0, 1, 1], {"tags": words(bags)})
    system = NearestContent()
    system.fit(case.graph, case.truth("val"))
    embedding = system.embed(case.graph, case.graph.training_edges())
    # 'c' is in two bags; of those in one, 'a' is the first by name. 'd' is the eval artists' word.
    assert embedding.shape == (5, 2)
    np.testing.assert_allclose(embedding, [[1, 0], [1, 0], [0, 1], [0, 0], [0, 0]])


def test_popularity_puts_the_unknown_last():
    case = graph_of(STAR, [0] * 4 + [1, 1], popularity=[3, np.nan, -2, 5e9, 3, np.nan])
    scores = scores_on(BASELINES["popularity"](), case, [0, 5], range(6))
    np.testing.assert_array_equal(scores, [[2, 0, 1, 3, 2, 0]] * 2)


def test_popularity_falls_back_to_the_degree():
    case = graph_of(STAR, [0] * 6)
    scores = scores_on(BASELINES["popularity"](), case, [1], range(6))
    np.testing.assert_array_equal(scores, [[3, 1, 1, 2, 1, 0]])


def test_random_order_is_uniform_and_changes_with_the_seed():
    case = graph_of([], [0] * 300)
    first, second = (
        scores_on(RandomOrder(seed), case, range(300), range(300)).ravel() for seed in (0, 1)
    )
    counts = np.histogram(first, bins=10, range=(0, 1))[0]
    # 9,000 a bin, standard deviation 90.
    assert np.abs(counts - 9000).max() < 450
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02


def test_no_system_changes_the_graph_that_it_is_given():
    case = two_communities()
    before = case.graph.neighbors.copy()
    content = case.graph.content["audio"].values.copy()
    for make_system in BASELINES.values():
        system = make_system()
        system.fit(case.graph, case.truth("val"))
        all_scores(system, case)
    assert (before != case.graph.neighbors).nnz == 0
    np.testing.assert_array_equal(case.graph.content["audio"].values, content)
