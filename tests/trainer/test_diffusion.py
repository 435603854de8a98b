"""The diffusion system keeps the contract of all systems, and what it alone promises."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.graphs import graph_of, two_communities
from tests.trainer.small_systems import small_diffusion_config, small_system
from tests.trainer.test_gnn import OfAnyGraph, TrainedSystemContract
from trainer.pairwise import PairwiseTerm
from trainer.ranking.validation_sample import ValidationSample
from trainer.systems.base import PAIRWISE, System
from trainer.systems.servable import TrainingRun
from trainer.tasks.diffusion import Teacher, choose_teacher
from trainer.visits import shares, visits


class TestDiffusion(TrainedSystemContract):
    # A vector is learnt for each training artist, known by its id.
    blind_to_names = False
    unit_length = False

    def make_system(self):
        return OfAnyGraph(small_diffusion_config(epochs=12))


class Pairwise(System):
    """A system's pairwise scorer, as a system of its own; with constants that are not zero."""

    def __init__(self, system: OfAnyGraph):
        self._system = system

    def fit(self, graph, validation):
        self._system.fit(graph, validation)
        self._system.fitted.network.pairwise.constants.assign([1.0, 0.5, 0.2])

    def scorer(self, graph, edges):
        return self._system.scorers(graph, edges)[PAIRWISE]


class TestDiffusionPairwise(TrainedSystemContract):
    blind_to_names = False

    def make_system(self):
        return Pairwise(OfAnyGraph(small_diffusion_config(epochs=12)))


def fitted(**options):
    case = two_communities()
    system = small_system(case.graph, small_diffusion_config(epochs=2, **options))
    system.fit(case.graph, case.truth("val"))
    return case, system


def test_what_validation_scores_is_what_is_served():
    case = two_communities()
    system = small_system(case.graph, small_diffusion_config(epochs=1))
    task = system.task(case.graph, case.truth("val"))
    system.network = task.build()
    judged = case.graph.artists("val")
    # First: this chooses how much content weighs.
    scored = task.embed_validation()
    edges = {"connected": case.graph.visible_edges("val"), "cold": case.graph.training_edges()}
    for condition, embedding in scored.items():
        whole = system.embed(case.graph, edges[condition])
        np.testing.assert_allclose(embedding, whole[judged], atol=1e-5)
    assert scored.keys() == edges.keys()


def test_mixed_precision_keeps_weights_and_vectors_in_float32():
    case, system = fitted(mixed_precision=True)
    assert {v.dtype for v in system.network.trainable_variables} == {tf.float32}
    embedding = system.embed(case.graph, case.graph.visible_edges("test"))
    assert embedding.dtype == np.float32 and np.isfinite(embedding).all()


def test_content_never_moves_what_the_graph_has_taught():
    case = two_communities()
    gradients = {}
    for random in (False, True):
        config = small_diffusion_config(random=random)
        task = small_system(case.graph, config).task(case.graph, case.truth("val"))
        network = task.build()
        with tf.GradientTape() as tape:
            loss = task.loss(next(task.batches(0)), tf.constant([0, 1], tf.int64))
        assert network.has_content != random
        of_graph = {"vectors:0", "gain:0", "gamma:0"}
        graph = sorted((v for v in network.trainable_variables if v.name in of_graph), key=str)
        gradients[random] = tape.gradient(loss, graph)
    for with_content, without in zip(gradients[False], gradients[True], strict=True):
        np.testing.assert_array_equal(with_content, without)
        assert np.abs(without).max() > 0


def test_the_gates_are_what_validation_scores_best_with(monkeypatch):
    case, system = fitted()
    task = system.task(case.graph, case.truth("val"))
    network = task.build()
    # The best is neither where the search begins nor what it tries last.
    best = np.array([0.8, -0.5], np.float32)
    monkeypatch.setattr(
        ValidationSample, "score", lambda self, _: -float(np.abs(network.gates - best).sum())
    )
    embedding = task.embed_validation()["connected"]
    np.testing.assert_array_equal(network.gates, best)
    # And what is embedded is embedded with them.
    whole = embed_with(system, network, case)
    np.testing.assert_allclose(embedding, whole[case.graph.artists("val")], atol=1e-5)


def embed_with(system, network, case):
    system.network = network
    return system.embed(case.graph, case.graph.visible_edges("val"))


def test_a_killed_and_resumed_training_ends_the_same(tmp_path, monkeypatch):
    """With gates that move, and a pairwise term that is chosen at the end."""
    case = two_communities()

    def trained(run=None, stop=None):
        def on_epoch(report):
            if report.epoch == stop:
                raise KeyboardInterrupt

        run = TrainingRun(str(tmp_path / "checkpoints") if run else None, None, on_epoch)
        system = small_system(case.graph, small_diffusion_config(epochs=5), run)
        system.fit(case.graph, case.truth("val"))
        return [variable.numpy() for variable in system.network.variables]

    def score(self, scorer):
        # Not the default's gates, on whatever machine: content that counts for more adds to it.
        return float(scorer(self.queries, np.arange(len(case.graph.artists("val")))).sum())

    monkeypatch.setattr(ValidationSample, "score", score)
    expected = trained()
    with pytest.raises(KeyboardInterrupt):
        trained(run=True, stop=3)
    for found, wanted in zip(trained(run=True), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    names = [v.name for v in small_network(case).variables]
    at = dict(zip(names, expected, strict=True))
    assert at["gates:0"].tolist() != pytest.approx([0.2, 0.0])
    assert at["constants:0"].any()


def small_network(case):
    system = small_system(case.graph, small_diffusion_config())
    return system.task(case.graph, case.truth("val")).build()


def test_without_the_pairwise_term_no_walks_are_kept():
    case = two_communities()
    config = small_diffusion_config(epochs=1)
    config = dataclasses.replace(
        config, diffusion=dataclasses.replace(config.diffusion, pairwise=False)
    )
    system = small_system(case.graph, config)
    system.fit(case.graph, case.truth("val"))
    assert list(system.scorers(case.graph, case.graph.visible_edges("val"))) == ["score"]
    _, profile = system.memory(case.graph, case.graph.served_edges())
    assert list(profile) == ["embedding"]


def test_the_pairwise_term_is_chosen_on_the_walks_that_are_served(monkeypatch):
    chosen = {}

    def choose(self, embedding, visited, count, sample):
        chosen["visits"] = visited.toarray()

    monkeypatch.setattr(PairwiseTerm, "choose", choose)
    case = two_communities()
    system = small_system(case.graph, small_diffusion_config(epochs=1))
    system.fit(case.graph, case.truth("val"))
    _, profile = system.memory(case.graph, case.graph.visible_edges("val"))
    judged = case.graph.artists("val")
    visited, visits = profile["visited"].numpy()[judged], profile["visits"].numpy()[judged]
    assert visits.shape[1] == 3 and (visits > 0).all(axis=1).any()
    dense = np.zeros((len(judged), len(case.graph)), np.float32)
    np.add.at(dense, (np.arange(len(judged))[:, None], visited), visits)
    np.testing.assert_allclose(chosen["visits"], dense, rtol=1e-6)


def test_length_is_popularity():
    case, system = fitted()
    edges = case.graph.visible_edges("test")
    length = np.linalg.norm(system.embed(case.graph, edges), axis=1)
    count = np.maximum(np.diff(edges.indptr), 1)
    expected = count ** float(system.network.gamma)
    np.testing.assert_allclose(length[length > 0], expected[length > 0], rtol=1e-4)
    assert (length > 0).sum() > len(length) / 2


def test_without_content_an_artist_that_knows_nobody_has_no_vector():
    case, system = fitted(random=True)
    embedding = system.embed(case.graph, case.graph.training_edges())
    assert not embedding[case.graph.artists("test")].any()
    assert np.linalg.norm(embedding[case.graph.artists("train")], axis=1).all()


def test_an_artist_that_training_did_not_know_is_passed_through():
    """Its own vector is unknown, but walks lead over it to those that are known."""
    case = graph_of([(0, 1), (1, 2), (3, 0), (4, 2), (5, 1)], [0, 0, 0, 1, 1, 2])
    system = small_system(case.graph, small_diffusion_config(random=True, epochs=1))
    system.fit(case.graph, case.truth("val"))
    later = dataclasses.replace(
        case.graph, artist_id=np.array([*case.graph.artist_id[:5], "artist:new"], object)
    )
    edges = graph_of([(5, 0), (5, 3), (1, 2)], [0] * 6).graph.neighbors
    embedding = system.embed(later, edges)
    assert np.isfinite(embedding).all()
    # 3 knows but the newcomer, over which it comes to 0.
    assert np.linalg.norm(embedding[3]) > 0


def test_the_teacher_prefers_common_visits_and_popular_artists():
    case = two_communities()
    edges = case.graph.visible_edges("val")
    artists = case.graph.artists("val")
    known = case.graph.split == 0
    visited = shares(visits(edges, artists, known, hops=3, decay=0.5, reach=10))
    count = np.diff(edges.indptr)[artists]
    logits = Teacher(10.0, 0.5).logits(visited, count)
    u, v = 0, 1
    common = float(visited[u].toarray()[0] @ visited[v].toarray()[0])
    np.testing.assert_allclose(logits[u, v], 10 * common * max(count[v], 1) ** 0.5, rtol=1e-5)
    assert (np.diag(logits) < -1e8).all()


@pytest.mark.parametrize("factor, expected", [(0, 0.25), (1, None)])
def test_validation_chooses_the_teachers_exponent(factor, expected):
    case = two_communities()
    artists = case.graph.artists("val")
    edges = case.graph.visible_edges("val")
    known = case.graph.split == 0
    visited = shares(visits(edges, artists, known, hops=2, decay=0.5, reach=9))
    count = np.diff(edges.indptr)[artists]
    sample = ValidationSample(factor * case.truth("val"), artists)
    teacher = choose_teacher(visited, count, sample, 20.0)
    assert teacher.scale == 20
    assert teacher.gamma == expected or expected is None and 0 <= teacher.gamma <= 0.5


def test_walks_go_over_all_edges_whatever_the_fan_out():
    """Where edges have weights, a cut would take from popular artists what makes them popular."""
    case = graph_of([(u, v, 1.0 + u + v) for u in range(12) for v in range(u)], [0] * 9 + [1, 1, 2])
    assert case.graph.weighted
    found = []
    for fan_out in (1, 100):
        system = small_system(case.graph, small_diffusion_config(epochs=1, fan_out=fan_out))
        system.fit(case.graph, case.truth("val"))
        found.append(system.embed(case.graph, case.graph.visible_edges("test")))
    np.testing.assert_array_equal(*found)
    # Artist 11 knows nine others; the training artists know each other and it.
    length = np.linalg.norm(found[0], axis=1)
    np.testing.assert_allclose(length[11], 9 ** float(system.network.gamma), rtol=1e-4)
