"""What the comparison of modalities judges by, and how it is shown."""

from __future__ import annotations

import dataclasses

import numpy as np

from benchmarks.catalogue import JudgedCatalogue
from benchmarks.modalities import all_edges, judged, systems_of, table
from tests.trainer.graphs import two_communities
from tests.trainer.small_systems import small_contrastive_config, statistics_of
from trainer.systems.contrastive import ContrastiveSystem


def small_catalogue() -> JudgedCatalogue:
    case = two_communities()
    statistics = statistics_of(case.graph)
    return JudgedCatalogue(
        "", case.graph, statistics, "test", case.truth("val"), case.truth("test")
    )


def test_all_edges_are_those_that_anybody_may_see_and_those_that_a_split_hides():
    catalogue, case = small_catalogue(), two_communities()
    split = case.graph.split
    hidden = case.hidden.toarray() > 0
    # What lies between two splits is in no example.
    hidden[np.not_equal.outer(split, split)] = False
    expected = (case.graph.served_edges().toarray() > 0) | hidden
    np.testing.assert_array_equal(all_edges(catalogue).toarray() > 0, expected)


def test_what_is_compared():
    statistics = statistics_of(two_communities().graph)
    systems = systems_of(statistics, small_contrastive_config())
    baselines = ["modality:audio", "modality:tags", "pca", "random_projection"]
    assert list(systems) == ["contrastive:two", "contrastive:all", *baselines]
    made = systems["contrastive:all"]()
    assert isinstance(made, ContrastiveSystem)
    assert made.config.contrastive == dataclasses.replace(
        small_contrastive_config().contrastive, require="all"
    )


def test_a_system_is_judged_on_the_artists_with_content_and_compared_with_the_first():
    catalogue = small_catalogue()
    systems = systems_of(catalogue.statistics, small_contrastive_config())
    scores = {}
    for name in ("pca", "modality:audio"):
        system = systems[name]()
        system.fit(catalogue.graph, catalogue.validation)
        scores[name] = judged(system, catalogue)
    known = catalogue.has_content()
    assert not known[2] and not set(scores["pca"]["all with content"].queries) & {2, 23}
    lines = table(
        "all with content", {n: s["all with content"] for n, s in scores.items()}, catalogue
    )
    ndcg = [s["all with content"].ndcg for s in scores.values()]
    assert f"| pca | {ndcg[0].mean():.4f} [" in lines[-2] and "| – |" in lines[-2]
    assert f"| {(ndcg[0] - ndcg[1]).mean():.4f} [" in lines[-1]
