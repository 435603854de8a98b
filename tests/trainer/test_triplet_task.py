"""What a training step draws: ends of edges, negatives, modalities and connections."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.graphs import two_communities
from tests.trainer.small_systems import small_config, triplet_task
from trainer.layers.connection_dropout import kept_weights
from trainer.layers.graph_convolution import NUM_NEIGHBORS, SIMILAR, WEIGHT
from trainer.mining.uniform import draw_uniform_negatives
from trainer.tasks import triplet as triplet_module
from trainer.tasks.triplet import one_direction


def symmetric(num, pairs):
    """Both directions of each pair once, in some order."""
    both = sorted({pair for u, v in pairs if u != v for pair in ((u, v), (v, u))})
    return np.array(both, np.int64).reshape(-1, 2), np.int64(num)


@given(st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=30), st.integers(0, 99))
def test_one_end_of_every_edge_is_its_anchor(edges, seed):
    pairs, size = symmetric(9, edges)
    chosen = one_direction(tf.constant(pairs), size, tf.constant([seed, 0])).numpy()
    kept = {tuple(pair) for pair in pairs[chosen]}
    for u, v in pairs:
        assert ((u, v) in kept) != ((v, u) in kept)


def test_either_end_is_as_likely_and_an_edge_of_one_direction_stays():
    pairs = tf.constant([[0, 1], [1, 0], [2, 3], [4, 4]], tf.int64)
    chosen = np.array(
        [one_direction(pairs, np.int64(5), tf.constant([seed, 1])) for seed in range(400)]
    )
    assert (chosen[:, 0] != chosen[:, 1]).all()
    # Five standard deviations of a fair coin that is thrown 400 times.
    assert abs(chosen[:, 0].sum() - 200) < 5 * 10
    assert chosen[:, 2].all()


def test_uniform_negatives_are_drawn_among_the_allowed_as_often_each():
    allowed = np.array([[0, 1, 0, 1, 1], [1, 0, 0, 0, 0], [0] * 5, [1] * 5, [0, 0, 0, 0, 1]], bool)
    anchors = np.repeat(np.arange(5), 6_000)
    drawn = draw_uniform_negatives(tf.constant(allowed), tf.constant(anchors), [7, 8]).numpy()
    for row in (0, 1, 3, 4):
        counts = np.bincount(drawn[anchors == row], minlength=5)
        assert (counts[~allowed[row]] == 0).all()
        expected = 6_000 / allowed[row].sum()
        assert np.abs(counts[allowed[row]] - expected).max() < 4 * np.sqrt(expected)
    again = draw_uniform_negatives(tf.constant(allowed), tf.constant(anchors), [7, 8]).numpy()
    np.testing.assert_array_equal(again, drawn)


TARGET = np.repeat(np.arange(300), 10)


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_what_stays_of_an_artists_messages_is_a_mean(share):
    weight = np.random.default_rng(2).uniform(1, 2, len(TARGET))
    weight = (weight / np.bincount(TARGET, weights=weight)[TARGET]).astype(np.float32)
    kept = kept_weights(TARGET, tf.constant(weight), 301, share, tf.constant([5, 6])).numpy()
    stays = kept > 0
    totals = np.bincount(TARGET, weights=kept, minlength=301)
    left = np.bincount(TARGET, weights=stays, minlength=301) > 0
    np.testing.assert_allclose(totals[left], 1, rtol=1e-5)
    assert not totals[~left].any() and not left[300]
    assert abs(stays.mean() - (1 - share)) < 4 * np.sqrt(share * (1 - share) / len(TARGET))
    # The weights of one artist keep their proportions.
    np.testing.assert_allclose(
        kept[stays],
        (weight / np.maximum(np.bincount(TARGET, weights=weight * stays), 1e-9)[TARGET])[stays],
        rtol=1e-4,
    )


def graphs_of_a_step(monkeypatch, seed=(0, 0), **options):
    """The features and graphs that the network embeds in one training step."""
    case = two_communities()
    config = small_config(2, **{k: v for k, v in options.items() if k == "connection_dropout"})
    network = {k: v for k, v in options.items() if k != "connection_dropout"}
    config = dataclasses.replace(config, network=dataclasses.replace(config.network, **network))
    task = triplet_task(case.graph, config)
    tf.keras.utils.set_random_seed(0)
    built, seen = task.build(), {}

    def embed(features, graphs):
        seen["features"], seen["graphs"] = features.numpy(), graphs
        return type(built).embed(built, features, graphs)

    monkeypatch.setattr(built, "embed", embed)
    batch = tf.nest.map_structure(tf.convert_to_tensor, next(iter(task.batches(0))))
    task.loss(batch, tf.constant(seed, tf.int64))
    return seen["features"], [graph.edge_sets[SIMILAR] for graph in seen["graphs"]]


def test_nothing_is_dropped_by_default(monkeypatch):
    def never(*_):
        raise AssertionError

    monkeypatch.setattr(triplet_module, "kept_weights", never)
    monkeypatch.setattr(triplet_module, "without_modalities", never)
    graphs_of_a_step(monkeypatch)


def test_connections_go_for_one_step_and_are_still_counted(monkeypatch):
    _, whole = graphs_of_a_step(monkeypatch)
    _, first = graphs_of_a_step(monkeypatch, connection_dropout=0.5)
    _, same = graphs_of_a_step(monkeypatch, connection_dropout=0.5)
    _, other = graphs_of_a_step(monkeypatch, seed=(0, 1), connection_dropout=0.5)
    for place in (0, 1):
        weights = [edges[place][WEIGHT].numpy() for edges in (whole, first, same, other)]
        assert (weights[0] > 0).all() and (weights[1] == 0).any() and (weights[1] > 0).any()
        np.testing.assert_array_equal(weights[1], weights[2])
        assert (weights[1] != weights[3]).any()
        # A sum over neighbours is as large as without.
        numbers = [edges[place][NUM_NEIGHBORS].numpy() for edges in (whole, first)]
        np.testing.assert_array_equal(*numbers)


def test_modalities_go_for_one_step(monkeypatch):
    whole, _ = graphs_of_a_step(monkeypatch)
    first, _ = graphs_of_a_step(monkeypatch, modality_dropout=0.5)
    same, _ = graphs_of_a_step(monkeypatch, modality_dropout=0.5)
    other, _ = graphs_of_a_step(monkeypatch, seed=(0, 1), modality_dropout=0.5)
    np.testing.assert_array_equal(first, same)
    assert (first != other).any() and (first != whole).any()
    assert ((first == whole) | (first == 0)).all()


@pytest.mark.parametrize(
    "option", [{"sampling": "uniform"}, {"anchors": "one"}, {"connection_dropout": 0.5}]
)
def test_an_option_changes_the_loss_and_the_same_seed_repeats_it(option):
    tf.config.experimental.enable_op_determinism()
    case = two_communities(40)
    losses = []
    for options in ({}, option, option):
        task = triplet_task(case.graph, small_config(1, **options))
        tf.keras.utils.set_random_seed(0)
        task.build()
        batch = tf.nest.map_structure(tf.convert_to_tensor, next(iter(task.batches(0))))
        losses.append(float(task.loss(batch, tf.constant([0, 3], tf.int64))))
    assert losses[1] == losses[2] != losses[0]
    assert min(losses) > 0
