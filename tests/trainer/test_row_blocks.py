"""A catalogue is embedded some artists at a time, and it makes no difference how many."""

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.graphs import awkward, two_communities
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
from tests.trainer.test_network import network_of, random_edges, tensors_of
from trainer import contrastive_network, row_blocks
from trainer.content import raw_content
from trainer.network import EMBEDDING
from trainer.network_graphs import WholeGraph, bipartite
from trainer.row_blocks import in_row_blocks, row_bounds
from trainer.systems.servable import encoded

SYSTEMS = {
    "sage_mean": small_config(3),
    "dnn": small_config(0),
    "gin": with_network(small_config(2), layer="gin"),
    "gated gcn": with_network(small_config(2), layer="gated_gcn", modality_units=8),
    "diffusion": small_diffusion_config(),
    "contrastive": small_contrastive_config(),
    "pretrained": small_pretrained_config(),
}


@settings(deadline=None, max_examples=50)
@given(
    degrees=st.lists(st.integers(0, 9), max_size=30),
    rows=st.integers(1, 12),
    edges=st.integers(1, 20),
)
def test_blocks_follow_one_another_and_keep_to_their_bounds(degrees, rows, edges):
    bounds = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int64)
    blocks = []

    def make(first, end):
        blocks.append((int(first), int(end)))
        return tf.range(first, end)[:, None] * 10

    found = in_row_blocks(make, len(degrees), tf.constant(bounds), rows, edges)
    np.testing.assert_array_equal(found, 10 * np.arange(len(degrees))[:, None])
    (first_call, *blocks) = blocks
    assert first_call == (0, min(1, len(degrees)))
    assert [row for block in blocks for row in range(*block)] == list(range(len(degrees)))
    for first, end in blocks:
        assert end - first <= rows
        assert end - first == 1 or bounds[end] - bounds[first] <= edges
        # And no block is smaller than it has to be.
        more = end + 1
        assert end == len(degrees) or more - first > rows or bounds[more] - bounds[first] > edges


def test_bounds_are_where_the_edges_of_each_row_begin():
    found = row_bounds(tf.constant([0, 0, 2, 4, 4, 4], tf.int64), 6)
    assert found.numpy().tolist() == [0, 2, 2, 3, 3, 6, 6]


def with_blocks_of(monkeypatch, rows, edges):
    monkeypatch.setattr(row_blocks, "ROWS", rows)
    monkeypatch.setattr(row_blocks, "EDGES", edges)
    monkeypatch.setattr(contrastive_network, "_BLOCK", rows)


def untrained(graph, config):
    """A system that embeds without having learnt; its first weights tell artists apart."""
    system = small_system(graph, config)
    if config.pretrained != "none":
        system.fit(graph, sp.csr_matrix(graph.neighbors.shape, dtype=np.float32))
    else:
        none = sp.csr_matrix(graph.neighbors.shape, dtype=np.float32)
        system.network = system.task(graph, none).build()
    return system


@pytest.mark.parametrize("config", SYSTEMS.values(), ids=SYSTEMS)
def test_the_size_of_a_block_moves_no_embedding(config, monkeypatch):
    graph = two_communities().graph
    system = untrained(graph, with_epochs(config, 1))
    edges = graph.served_edges()
    whole = system.profile(graph, edges)
    memory, remembered = system.memory(graph, edges)
    assert np.ptp(whole[EMBEDDING].numpy(), axis=0).max() > 0.1
    np.testing.assert_allclose(remembered[EMBEDDING], whole[EMBEDDING], atol=1e-6)
    for rows, room in ((5, 7), (1000, 3)):
        with_blocks_of(monkeypatch, rows, room)
        # It is traced for a network once, and would not see other blocks.
        system._embedding_of = None
        found = system.profile(graph, edges)
        assert found.keys() == whole.keys()
        for name, part in found.items():
            np.testing.assert_allclose(part, whole[name], atol=1e-6)
    for part, before in zip(system.memory(graph, edges)[0], memory, strict=True):
        np.testing.assert_allclose(part, before, atol=1e-6)


@pytest.mark.parametrize("layer", ["sage_mean", "gin", "gated_gcn"])
@pytest.mark.parametrize("blocks", [(4096, 65536), (4, 9)])
def test_a_whole_graph_in_blocks_is_the_network_on_all_of_it_at_once(layer, blocks, monkeypatch):
    edges = random_edges(4)
    features = tf.random.stateless_normal([edges.shape[0], 6], [0, 1])
    network = network_of(3, layer)
    expected = network.embed(features, [bipartite(*tensors_of(full_block(edges)))] * 3)
    with_blocks_of(monkeypatch, *blocks)
    ends = edges.tocoo()
    # In any order: what a client gives need not be sorted.
    order = np.random.default_rng(0).permutation(edges.nnz)
    given = WholeGraph(
        tf.constant([str(row) for row in range(edges.shape[0])]),
        features,
        tf.constant(ends.col[order], tf.int64),
        tf.constant(ends.row[order], tf.int64),
        tf.constant(ends.data[order], tf.float32),
    )
    np.testing.assert_allclose(network.embed_graph(given)[EMBEDDING], expected, atol=1e-6)


@pytest.mark.parametrize("system", ["gated gcn", "diffusion"])
def test_artists_without_edges_or_content_are_embedded_in_blocks_too(system, monkeypatch):
    graph = awkward().graph
    system = untrained(graph, with_epochs(SYSTEMS[system], 1))
    nothing = sp.csr_matrix(graph.neighbors.shape, dtype=np.float32)
    whole = system.embed(graph, nothing)
    with_blocks_of(monkeypatch, 3, 2)
    system._embedding_of = None
    np.testing.assert_allclose(system.embed(graph, nothing), whole, atol=1e-6)
    assert np.isfinite(whole).all()


def test_content_becomes_numbers_in_blocks_as_at_once(monkeypatch):
    graph = two_communities().graph
    encoder = small_system(graph).encoder
    with_blocks_of(monkeypatch, 5, 1)
    found = encoded(encoder, raw_content(graph), len(graph))
    np.testing.assert_allclose(found, encoder(raw_content(graph)), atol=1e-6)
