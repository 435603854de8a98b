"""Hidden edges never reach an embedding. The most important tests of the house."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.graphs import HiddenGraph, graph_of, two_communities
from tests.trainer.small_systems import (
    full_block,
    small_config,
    small_contrastive_config,
    small_diffusion_config,
    small_pretrained_config,
    small_system,
    with_epochs,
    with_network,
)
from tests.trainer.test_visits import slow_visits
from trainer.batches import epoch_batches, message_edges
from trainer.config import TrainingConfig
from trainer.graph import SPLITS
from trainer.network import ArtistNetwork
from trainer.network_graphs import bipartite
from trainer.tasks.triplet import block_arrays
from trainer.tracing import trace

JUDGED = ("val", "test")
SYSTEMS = {
    "gnn of 1": small_config(1),
    "gnn of 3": small_config(3),
    "gated gnn": with_network(small_config(2), layer="gated_gcn", modality_units=8),
    "gin": with_network(small_config(2), layer="gin"),
    "diffusion": small_diffusion_config(),
    "contrastive": small_contrastive_config(),
    "pretrained": small_pretrained_config(),
}
UNKNOWING = {
    "gnn": small_config(2, random=True),
    "gated gnn": with_network(small_config(2, random=True), layer="gated_gcn"),
    "gin": with_network(small_config(2, random=True), layer="gin"),
    "diffusion": small_diffusion_config(random=True),
}
"""Without content."""


def with_hidden_edges_moved(case: HiddenGraph, split: str) -> HiddenGraph:
    """The same graph, but other pairs of the split are similar."""
    artists = case.graph.artists(split)
    rng = np.random.default_rng(3)
    hidden = case.hidden.tolil()
    for u in artists:
        for v in artists:
            if u < v:
                hidden[u, v] = hidden[v, u] = float(rng.random() < 0.5)
    moved = HiddenGraph(case.graph, hidden.tocsr())
    assert (moved.truth(split) != case.truth(split)).nnz
    return moved


@pytest.mark.parametrize("config", SYSTEMS.values(), ids=SYSTEMS)
def test_the_judged_edges_move_no_embedding(config):
    case = two_communities()
    moved = with_hidden_edges_moved(case, "test")
    embeddings = []
    for one in (case, moved):
        system = small_system(one.graph, with_epochs(config, 2))
        system.fit(one.graph, one.truth("val"))
        embeddings.append(system.embed(one.graph, one.graph.visible_edges("test")))
    np.testing.assert_array_equal(*embeddings)


def test_validation_edges_choose_the_epoch_and_nothing_else():
    """With one epoch there is nothing to choose, and so nothing may differ.

    The diffusion's teacher has an exponent that they choose as well: two numbers in all.
    """
    case = two_communities()
    moved = with_hidden_edges_moved(case, "val")
    embeddings = []
    for one in (case, moved):
        system = small_system(one.graph, small_config(2, epochs=1))
        system.fit(one.graph, one.truth("val"))
        embeddings.append(system.embed(one.graph, one.graph.visible_edges("val")))
    np.testing.assert_array_equal(*embeddings)


@pytest.mark.parametrize("config", UNKNOWING.values(), ids=UNKNOWING)
def test_an_edge_that_would_leak_moves_the_embedding_if_it_is_made_visible(config):
    """The test above can fail: the very same edge, visible, does move the embedding."""
    split = [0] * 8 + [2, 2]
    edges = [(i, i + 1) for i in range(7)] + [(8, 0), (9, 4)]
    hidden = graph_of([*edges, (8, 9)], split)
    none = graph_of(edges, split)
    shown = graph_of([*edges, (8, 9)], [0] * 10)
    system = small_system(none.graph, with_epochs(config, 2))
    system.fit(none.graph, none.truth("val"))
    unmoved = [
        system.embed(case.graph, case.graph.visible_edges("test"))[8] for case in (none, hidden)
    ]
    np.testing.assert_array_equal(*unmoved)
    leaked = system.embed(shown.graph, shown.graph.neighbors)[8]
    assert np.abs(leaked - unmoved[0]).max() > 1e-3


@pytest.mark.parametrize("epoch", range(4))
@pytest.mark.parametrize("convolutions", [1, 2, 3])
def test_a_pairs_own_edge_carries_no_message_in_training(epoch, convolutions):
    graph = two_communities().graph
    config = TrainingConfig(pseudo_eval_fraction=0.34, seed=5)
    batches = epoch_batches(
        graph.training_edges(),
        graph.artists("train"),
        weighted=False,
        num_convolutions=convolutions,
        config=config,
        epoch=epoch,
    )
    num_pairs = 0
    for batch in batches:
        artists = batch.trace.artists
        size = batch.trace.blocks[-1].num_targets
        pairs = set(zip(artists[batch.anchor], artists[batch.positive]))
        num_pairs += len(pairs)
        assert all(graph.training_edges()[pair] for pair in pairs)
        fold = set(artists[:size])
        for block in batch.trace.blocks:
            carried = set(zip(artists[block.target], artists[block.source]))
            assert not {(u, v) for u, v in carried if u in fold and v in fold}
            assert not {(u, v) for u, v in carried if (u, v) in pairs or (v, u) in pairs}
        # Training sees training artists only.
        assert (graph.split[artists] == SPLITS.index("train")).all()
    assert num_pairs


@pytest.mark.parametrize("epoch", range(3))
def test_a_fold_walks_over_no_edge_among_its_artists(epoch):
    """Nor is any artist of the fold counted as visited: at test time none has a vector."""
    graph = two_communities().graph
    config = small_diffusion_config(pseudo_eval_fraction=0.34, seed=3)
    task = small_system(graph, config).task(graph, two_communities().truth("val"))
    task.build()
    training = graph.artists("train")
    num_pairs = 0
    for artists, count, (target, source, share), hidden, teacher in task.batches(epoch):
        assert (graph.split[artists] == SPLITS.index("train")).all()
        assert not set(training[source]) & set(artists)
        edges = graph.training_edges()
        np.testing.assert_array_equal(hidden, edges[artists][:, artists].toarray() > 0)
        visible = np.diff(edges.indptr)[artists] - hidden.sum(axis=1)
        np.testing.assert_array_equal(count, visible)
        num_pairs += hidden.sum()
        # What the pairs' own edges would change: the same fold of a graph that never had them.
        without = edges.tolil()
        for u in artists:
            for v in artists:
                without[u, v] = 0
        expected = slow_visits(without.tocsr(), ~np.isin(np.arange(len(graph)), artists), 2, 0.5, 5)
        shares = np.zeros((len(artists), len(graph)))
        shares[target, training[source]] = share
        training_only = np.isin(np.arange(len(graph)), training)
        np.testing.assert_allclose(shares, expected[artists] * training_only, atol=1e-6)
        assert (np.diag(teacher) < -1e8).all()
    assert num_pairs


@pytest.mark.parametrize("split", JUDGED)
def test_the_gradient_between_artists_with_a_hidden_edge_is_zero(split):
    """d embedding(u) / d features(v), K = 1: zero for hidden neighbours, not for visible ones."""
    case = two_communities()
    graph = case.graph
    config = small_config(1)
    network = ArtistNetwork(config.network)
    block = full_block(message_edges(graph.visible_edges(split), False, 25))
    tensors = tf.nest.map_structure(tf.convert_to_tensor, block_arrays(block))
    features = tf.constant(np.random.default_rng(0).standard_normal((len(graph), 5)), tf.float32)
    for u, v in list(zip(*case.truth(split).nonzero()))[:6]:
        with tf.GradientTape() as tape:
            tape.watch(features)
            # The squares of a unit vector sum to 1 whatever the features are: weights break that.
            embedding = network.embed(features, [bipartite(*tensors)])[u]
            total = tf.reduce_sum(embedding * tf.range(1.0, 9.0))
        gradient = tape.gradient(total, features).numpy()
        assert not gradient[v].any()
        visible = graph.neighbors[u].indices
        assert all(gradient[w].any() for w in visible)


def test_the_third_split_stands_alone():
    """Judging test, an artist of val neither sends nor receives a message."""
    graph = two_communities().graph
    edges = graph.visible_edges("test")
    val = graph.artists("val")
    assert not edges[val].nnz
    assert not edges[:, val].nnz


def test_cold_artists_hear_nothing():
    case = two_communities()
    graph = case.graph
    traced = trace(graph.training_edges(), graph.artists("test"), 3)
    assert list(traced.artists) == list(graph.artists("test"))


def test_renaming_hidden_neighbours_changes_nothing_for_the_others():
    """Content of a hidden neighbour does not matter to an artist's embedding."""
    case = two_communities()
    system = small_system(case.graph, with_epochs(small_config(2), 2))
    system.fit(case.graph, case.truth("val"))
    u, v = (int(rows[0]) for rows in case.truth("test").nonzero())
    audio = case.graph.content["audio"]
    values = audio.values.copy()
    values[v] += 10
    content = {**case.graph.content, "audio": dataclasses.replace(audio, values=values)}
    changed = dataclasses.replace(case.graph, content=content)
    edges = message_edges(case.graph.visible_edges("test"), False, 25)
    # Artist v may send to common training neighbours, which u hears; alone it must not reach u.
    alone = edges.tolil()
    alone[:, v] = 0
    alone = alone.tocsr()
    alone.eliminate_zeros()
    np.testing.assert_allclose(
        system.embed(case.graph, alone)[u], system.embed(changed, alone)[u], atol=1e-6
    )


@pytest.mark.parametrize("config", SYSTEMS.values(), ids=SYSTEMS)
def test_what_is_learnt_does_not_depend_on_the_artists_that_are_judged_last(config):
    """Without the test artists in the catalogue, the same weights are learnt."""
    case = two_communities()
    without = case.renamed(np.flatnonzero(case.graph.split != SPLITS.index("test")))
    weights = []
    for one in (case, without):
        system = small_system(one.graph, with_epochs(config, 2))
        system.fit(one.graph, one.truth("val"))
        assert system.network is not None
        weights.append([variable.numpy() for variable in system.network.trainable_variables])
    # Features round differently in another row; a leak moves weights by the learning rate, 0.02.
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)
