"""The comparison of modalities: content taken away, populations, groups, figures and the page."""

import itertools

import numpy as np
import pytest
import scipy.stats

from benchmarks.catalogue import JudgedCatalogue
from benchmarks.modalities.content import combinations, keeping, random_groups
from benchmarks.modalities.figures import mean_scores, summarise
from benchmarks.modalities.page import TITLES, markdown_page
from benchmarks.modalities.plan import MODALITIES, narrowed
from benchmarks.modalities.plots import draw_plots
from benchmarks.modalities.rankings import ANY, FULL, across_groups, populations, ranked
from benchmarks.modalities.trials import CONTRASTIVE, GROUPS, SPACE, view_name
from tests.trainer.graphs import graph_of, vectors, words

EDGES = [(i, (i + step) % 12) for i in range(12) for step in (1, 2)]
SPLIT = [(0, 0, 1, 1, 2, 2)[i % 6] for i in range(12)]


def small_graph():
    """Twelve artists on a ring; 0 to 7 have audio, 4 to 11 listening, all but 11 tags."""
    return graph_of(
        EDGES,
        SPLIT,
        {
            "audio": vectors([[float(i), 1.0] if i < 8 else None for i in range(12)]),
            "listening": vectors([[1.0] if i >= 4 else None for i in range(12)]),
            "tags": words([{"dub": 1.0, f"t{i}": 2.0} if i < 11 else {} for i in range(12)]),
            "more": vectors([[0.0]] * 12),
        },
    )


def small_catalogue():
    made = small_graph()
    names = [*MODALITIES, "more"]
    statistics = {"modalities": [{"name": name} for name in reversed(names)]}
    return JudgedCatalogue(
        "0123456789ab", made.graph, statistics, "test", made.truth("val"), made.truth("test")
    )


def test_what_is_not_kept_is_missing_and_all_else_untouched():
    graph = small_graph().graph
    some = np.arange(12) % 2 == 0
    kept = keeping(graph, {"audio": some, "tags": some})
    np.testing.assert_array_equal(kept.content["audio"].present, some & (np.arange(12) < 8))
    np.testing.assert_array_equal(kept.content["audio"].values[2], [2.0, 1.0])
    np.testing.assert_array_equal(kept.content["audio"].values[3], [0.0, 0.0])
    assert not kept.content["listening"].present.any()
    tags = kept.content["tags"]
    assert tags.offsets[-1] == len(tags.words) == len(tags.weights)
    for artist in range(12):
        mine = set(tags.words[tags.offsets[artist] : tags.offsets[artist + 1]])
        assert mine == ({"dub", f"t{artist}"} if artist % 2 == 0 else set())
    # The graph itself is as it was.
    assert graph.content["listening"].present.sum() == 8
    assert (kept.neighbors != graph.neighbors).nnz == 0


def test_combinations_are_all_sets_the_largest_first():
    assert combinations(("a", "b", "c")) == (
        ("a", "b", "c"),
        *itertools.combinations("abc", 2),
        *itertools.combinations("abc", 1),
    )


def test_random_groups_are_of_equal_size_and_keep_their_own_modalities_alone():
    graph = small_graph().graph
    artists = np.array([4, 5, 6, 7])
    names = ("audio", "tags")
    mixed, groups = random_groups(graph, artists, names, seed=3)
    assert groups.names == ("audio+tags", "audio", "tags")
    assert sorted(groups.sizes()) == [1, 1, 2]
    for artist, group in zip(artists, groups.group, strict=True):
        mine = {name for name in graph.content if mixed.content[name].present[artist]}
        assert "+".join(sorted(mine)) == groups.names[group]
    outside = np.setdiff1d(np.arange(12), artists)
    assert not any(content.present[outside].any() for content in mixed.content.values())
    again, others = (random_groups(graph, artists, names, seed=s)[1].group for s in (3, 4))
    np.testing.assert_array_equal(again, groups.group)
    assert len(others) == len(again)


def test_populations_and_their_truth_have_the_edges_of_every_kind():
    catalogue = narrowed(small_catalogue())
    assert tuple(catalogue.graph.content) == MODALITIES
    assert [entry["name"] for entry in catalogue.statistics["modalities"]] == list(MODALITIES)
    known = populations(catalogue, MODALITIES)
    np.testing.assert_array_equal(known[ANY].artists, range(12))
    np.testing.assert_array_equal(known[FULL].artists, [4, 5, 6, 7])
    truth = (known[ANY].truth != 0).toarray()
    np.testing.assert_array_equal(truth, truth.T)
    for a, b in EDGES:
        # An edge between the two judged splits is in no example.
        assert truth[a, b] == ({SPLIT[a], SPLIT[b]} != {1, 2}), (a, b)


def test_a_ranking_by_hand():
    catalogue = narrowed(small_catalogue())
    full = populations(catalogue, MODALITIES)[FULL]
    # 4 and 5 (test) are similar to each other and to 6 (train); 6 to 7 (both train).
    embedding = np.zeros((12, 2), np.float32)
    embedding[[4, 5, 6, 7]] = [[1, 0], [0.9, 0.1], [0.5, 0.5], [0, 1]]
    found = ranked(embedding, full, catalogue.graph)
    np.testing.assert_array_equal(found.queries, [4, 5, 6, 7])
    # 4 ranks 5, 6, 7: both similar ones first. 7 ranks 6, 5, 4, and is similar to 6 and 5.
    np.testing.assert_allclose(found.ndcg[[0, 3]], [1, 1])
    assert found.gini == pytest.approx(0)


def test_lists_across_groups():
    graph = small_graph().graph
    artists = np.array([4, 5, 6, 7])
    _, groups = random_groups(graph, artists, ("audio", "tags"), seed=0)
    embedding = np.zeros((12, 4), np.float32)
    embedding[artists] = np.eye(4)
    matrix = across_groups(embedding, artists, groups)
    # Four artists: every list of five holds all the others.
    sizes = groups.sizes()
    expected = (sizes[None, :] - np.eye(3)) / 3
    np.testing.assert_allclose(matrix, expected)


def kept_trials():
    """Three systems with two seeds each, on 40 and 20 queries."""
    rng = np.random.default_rng(0)
    queries = {ANY: np.arange(40), FULL: np.arange(10, 30)}
    names = ["+".join(members) for members in combinations(MODALITIES)]

    def one(name, seed, lift):
        views = [*queries]
        if name == CONTRASTIVE:
            views = [view_name(p, m, MODALITIES) for p in queries for m in combinations(MODALITIES)]
        arrays = {
            view: np.clip(rng.random(len(queries[view.split(",")[0]])) / 2 + lift, 0, 1)
            for view in views
        }
        arrays[GROUPS] = np.full((7, 7), 1 / 7)
        if name == CONTRASTIVE:
            arrays |= {measure: rng.normal(size=15) for measure in SPACE}
            arrays["space artists"] = np.arange(15, 30)
        record = {
            "seed": seed,
            "groups": names,
            "ndcg@200": {view: float(arrays[view].mean()) for view in views},
            "gini@200": dict.fromkeys(views, 0.25 + seed / 4),
            "fit_cpu_seconds": 3.0,
        }
        return record, arrays

    kept = {
        name: [one(name, seed, lift) for seed in (0, 1)]
        for name, lift in ((CONTRASTIVE, 0.4), ("modality:listening", 0.1), ("pca", 0.0))
    }
    listens = np.where(np.arange(50) % 10 == 0, np.nan, np.arange(50) / 5)
    return kept, queries, listens


def test_figures_are_those_of_plain_loops():
    kept, queries, listens = kept_trials()
    summary = summarise(kept, queries, listens, {ANY: 45, FULL: 22})
    for name, seeds in kept.items():
        for population in (ANY, FULL):
            found = summary["systems"][name][population]
            by_seed = [sum(arrays[population]) / len(arrays[population]) for _, arrays in seeds]
            assert found["value"] == pytest.approx(sum(by_seed) / 2, abs=1e-6)
            assert found["low"] < found["value"] < found["high"]
            assert found["gini"] == {"mean": 0.375, "low": 0.25, "high": 0.5}
            if name != CONTRASTIVE:
                ours = summary["systems"][CONTRASTIVE][population]["value"]
                difference = found["contrastive_minus_this"]
                assert difference["value"] == pytest.approx(ours - found["value"], abs=1e-5)
                assert difference["low"] > 0
    assert summary["systems"][CONTRASTIVE]["entropy"]["mean"] == pytest.approx(np.log(7), abs=1e-5)
    assert summary["populations"][ANY] == {"artists": 45, "queries": 40}


def test_quantiles_leave_out_who_has_no_plays_and_compare_with_listening():
    kept, queries, listens = kept_trials()
    lines = summarise(kept, queries, listens, {ANY: 45, FULL: 22})["quantiles"][ANY]
    assert sum(line["queries"] for line in lines) == 36
    assert all(a["to"] < b["from"] for a, b in itertools.pairwise(lines))
    first = [q for q in range(40) if lines[0]["from"] <= round(listens[q], 3) <= lines[0]["to"]]
    pca, base = (
        mean_scores(kept[name], ANY)[first].mean() for name in ("pca", "modality:listening")
    )
    assert lines[0]["improvement"]["pca"] == pytest.approx(pca / base - 1, abs=1e-4)
    assert "modality:listening" not in lines[0]["improvement"]


def test_correlations_pair_each_artist_with_its_own_figures():
    kept, queries, listens = kept_trials()
    found = summarise(kept, queries, listens, {ANY: 45, FULL: 22})["correlations"]
    expected = [
        # Artist 15 is the sixth query of FULL.
        scipy.stats.kendalltau(arrays[SPACE[0]], arrays[FULL][5:]).statistic
        for _, arrays in kept[CONTRASTIVE]
    ]
    assert found[SPACE[0]]["nDCG@200"] == pytest.approx(np.mean(expected), abs=1e-5)
    assert all(found[name][name] == 1 for name in found)
    for a, b in itertools.combinations(found, 2):
        assert found[a][b] == found[b][a]


def test_the_page_shows_every_system_and_says_what_is_missing():
    kept, queries, listens = kept_trials()
    summary = summarise(kept, queries, listens, {ANY: 45, FULL: 22})
    machine = {"cores": 2, "architecture": "x86_64", "processor": "x", "gpus": 0}
    made_with = [
        {"numpy": "1", "trainer": "abc", "trainings": 3},
        {"numpy": "2", "trainer": "def", "trainings": 2},
    ]
    summary |= {
        "missing": 4,
        "machines": [{**machine, "trainings": 5}],
        "versions": made_with,
    }
    plots = draw_plots(summary)
    assert all(image.startswith(b"\x89PNG") for image in plots.values())
    page = markdown_page(summary, None, dict.fromkeys(plots, "plot.png"), "../modalities.json")
    assert "4 trainings are still to come" in page
    assert "- 5 of the trainings and baselines on 2 cores (x86_64, x), no GPU." in page
    assert "- 2 of them with numpy 2, and the trainer's code `def`." in page
    for name in kept:
        assert f"| {TITLES[name]} |" in page
    value = summary["systems"]["pca"][FULL]["value"]
    assert f"{value:.3f} [" in page
    assert "layers.md" not in page
    assert "layers.md" in markdown_page(summary, "layers.md", dict.fromkeys(plots, "p"), "x.json")
