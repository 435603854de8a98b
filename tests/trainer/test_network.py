"""The network against plain NumPy loops, and traced batches against the whole graph."""

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf
import tensorflow_gnn as tfgnn

from tests.trainer.small_systems import full_block
from trainer.batches import padded
from trainer.config import LAYERS, NetworkConfig
from trainer.layers.graph_convolution import ARTIST, MESSAGE, NEIGHBOR, UnitLength
from trainer.layers.mean_convolution import MeanGraphConvolution
from trainer.network import CONVOLUTIONS, ArtistNetwork
from trainer.network_graphs import bipartite
from trainer.tasks.triplet import block_arrays
from trainer.tracing import trace

RNG = np.random.default_rng(11)
NUM_ARTISTS, NUM_FEATURES, UNITS = 30, 6, 7


def random_edges(seed, num_artists=NUM_ARTISTS):
    """Symmetric, weighted; the last three artists have no edge."""
    rng = np.random.default_rng(seed)
    edges = np.triu(rng.random((num_artists, num_artists)) < 0.08, 1) * rng.uniform(
        0.1, 2, (num_artists, num_artists)
    )
    edges[-3:], edges[:, -3:] = 0, 0
    return sp.csr_matrix((edges + edges.T).astype(np.float32))


def tensors_of(block):
    return tf.nest.map_structure(tf.convert_to_tensor, block_arrays(block))


def network_of(convolutions, layer="sage_mean"):
    tf.keras.utils.set_random_seed(convolutions)
    config = NetworkConfig(convolutions, UNITS, (UNITS, UNITS), 5, layer)
    return ArtistNetwork(config)


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


@pytest.mark.parametrize("weighted", [False, True])
def test_a_convolution_is_lines_8_to_10_of_the_algorithm(weighted):
    edges = random_edges(1)
    if not weighted:
        edges.data[:] = 1
    features = RNG.standard_normal((NUM_ARTISTS, NUM_FEATURES)).astype(np.float32)
    convolution = MeanGraphConvolution(UNITS, "convolution")
    block = full_block(edges)
    state = tf.constant(features)
    actual = ArtistNetwork.convolve(convolution, bipartite(*tensors_of(block)), state).numpy()
    # Biases start at zero; others make the test see them.
    for variable in convolution.trainable_variables:
        variable.assign(RNG.standard_normal(variable.shape))
    actual = ArtistNetwork.convolve(convolution, bipartite(*tensors_of(block)), state).numpy()
    by_shape = {tuple(variable.shape): variable.numpy() for variable in convolution.variables}
    biases = [v.numpy() for v in convolution.variables if v.shape.rank == 1]
    project, combine = by_shape[NUM_FEATURES, UNITS], by_shape[NUM_FEATURES + UNITS, UNITS]
    project_bias = next(v.numpy() for v in convolution.aggregate.variables if v.shape.rank == 1)
    combine_bias = next(b for b in biases if not np.array_equal(b, project_bias))
    for v in range(NUM_ARTISTS):
        message, total = np.zeros(UNITS), 0.0
        for u in range(NUM_ARTISTS):
            if edges[v, u]:
                message += edges[v, u] * elu(features[u] @ project + project_bias)
                total += edges[v, u]
        mean = message / total if total else message
        # The graph update puts the artist's own state first.
        output = elu(np.concatenate([features[v], mean]) @ combine + combine_bias)
        np.testing.assert_allclose(actual[v], output / np.linalg.norm(output), atol=1e-5)


def test_unit_length_leaves_zero_at_zero_and_its_gradient_small():
    rows = tf.constant([[3.0, 4.0], [0.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(rows)
        unit = UnitLength()(rows)
        total = tf.reduce_sum(unit)
    np.testing.assert_allclose(unit, [[0.6, 0.8], [0, 0]], rtol=1e-6)
    assert np.abs(tape.gradient(total, rows).numpy()).max() <= 1


@pytest.mark.parametrize(
    ("layer", "convolutions"),
    [("sage_mean", 0), *((layer, number) for layer in LAYERS for number in range(1, 5))],
)
@pytest.mark.parametrize("pad", [False, True])
def test_a_traced_batch_is_embedded_as_the_whole_graph(layer, convolutions, pad):
    edges = random_edges(convolutions + 20)
    features = RNG.standard_normal((NUM_ARTISTS, NUM_FEATURES)).astype(np.float32)
    network = network_of(convolutions, layer)
    block = bipartite(*tensors_of(full_block(edges)))
    expected = network.embed(tf.constant(features), [block] * convolutions).numpy()
    batch = np.array([17, 3, NUM_ARTISTS - 1, 8])
    traced = trace(edges, batch, convolutions)
    if pad:
        traced = padded(traced)
    blocks = [bipartite(*tensors_of(block)) for block in traced.blocks]
    actual = network.embed(tf.constant(features[traced.artists]), blocks).numpy()
    np.testing.assert_allclose(actual[: len(batch)], expected[batch], atol=1e-5)
    assert len(actual) == len(batch)
    np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("layer", LAYERS)
def test_messages_take_the_place_of_states(layer):
    edges = random_edges(4)
    state = tf.constant(RNG.standard_normal((NUM_ARTISTS, NUM_FEATURES)).astype(np.float32))
    convolution = CONVOLUTIONS[layer](UNITS, "convolution", 0)
    graph = bipartite(*tensors_of(full_block(edges)))
    expected = ArtistNetwork.convolve(convolution, graph, state)
    actual = convolution(
        graph.replace_features(
            node_sets={
                ARTIST: {tfgnn.HIDDEN_STATE: state},
                NEIGHBOR: {MESSAGE: convolution.aggregate.messages(state)},
            }
        )
    )
    np.testing.assert_array_equal(actual, expected)


def test_padding_changes_few_sizes():
    sizes = set()
    for seed in range(20):
        traced = padded(trace(random_edges(seed, 300), np.arange(40), 2))
        sizes |= {(block.num_sources, len(block.target)) for block in traced.blocks}
        assert len(traced.artists) == traced.blocks[0].num_sources
    exact = {
        (block.num_sources, len(block.target))
        for seed in range(20)
        for block in trace(random_edges(seed, 300), np.arange(40), 2).blocks
    }
    assert len(sizes) < len(exact)


def test_an_empty_batch_can_be_padded():
    traced = padded(trace(random_edges(0), np.zeros(0, np.int64), 2))
    assert len(traced.artists) == 0
