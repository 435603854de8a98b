"""Every graph convolution against plain loops, and against PyTorch Geometric where it is there."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import NO_PYTORCH, PYTORCH_VARIABLE
from tests.trainer.small_systems import full_block
from trainer.config import LAYERS
from trainer.layers import gated_sum as gated_sum_module
from trainer.layers.gated_convolution import GatedGraphConvolution
from trainer.layers.gated_sum import gated_sum
from trainer.layers.gin_convolution import GinGraphConvolution
from trainer.network import CONVOLUTIONS, ArtistNetwork
from trainer.network_graphs import bipartite
from trainer.tasks.triplet import block_arrays

NUM_FEATURES, UNITS = 5, 4


@st.composite
def graphs(draw) -> tuple[sp.csr_matrix, np.ndarray]:
    """Up to nine artists, with or without weights, some without neighbours; and their states."""
    num = draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    edges = np.triu(rng.random((num, num)) < draw(st.sampled_from([0.0, 0.3, 1.0])), 1)
    weights = rng.uniform(0.1, 3, (num, num)) if draw(st.booleans()) else 1.0
    edges = edges * weights
    state = rng.standard_normal((num, NUM_FEATURES)).astype(np.float32)
    return sp.csr_matrix((edges + edges.T).astype(np.float32)), state


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def unit(x):
    length = np.linalg.norm(x)
    return x / length if length > 1e-4 else x


def with_random_weights(convolution, seed=0):
    """Builds it and moves all that is learnt, also biases and epsilon, away from zero."""
    one = np.int64(1)
    loop = bipartite(np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1, np.float32), one, one)
    ArtistNetwork.convolve(convolution, loop, tf.zeros([1, NUM_FEATURES]))
    rng = np.random.default_rng(seed)
    for variable in convolution.trainable_variables:
        variable.assign(0.7 * rng.standard_normal(variable.shape))
    return convolution


def outcome(convolution, edges, state):
    block = tf.nest.map_structure(tf.convert_to_tensor, block_arrays(full_block(edges)))
    return ArtistNetwork.convolve(convolution, bipartite(*block), tf.constant(state)).numpy()


def slow_weights(row: np.ndarray, fan_out: int) -> np.ndarray:
    """Of a sum over the neighbours of one artist: 1 on average, or less beyond the fan-out."""
    count = (row > 0).sum()
    if not count:
        return row
    return row / row.sum() * (min(count, fan_out) if fan_out else count)


def slow_gin(convolution, edges, state, fan_out):
    inner = convolution.aggregate._project.kernel.numpy()
    last = convolution.next_state
    epsilon, bias = last._epsilon.numpy(), last._bias.numpy()
    rows = []
    for i, row in enumerate(edges.toarray()):
        total = (1 + epsilon) * state[i]
        for j, weight in enumerate(slow_weights(row, fan_out)):
            total = total + weight * state[j]
        hidden = elu(total @ inner + bias)
        rows.append(unit(elu(hidden @ last._second.kernel.numpy() + last._second.bias.numpy())))
    return np.array(rows)


def slow_gated(convolution, edges, state, fan_out):
    part, last = convolution.aggregate, convolution.next_state

    def dense(layer, x):
        return x @ layer.kernel.numpy() + (layer.bias.numpy() if layer.use_bias else 0)

    rows = []
    for i, row in enumerate(edges.toarray()):
        total = dense(last._skip, state[i])
        for j, weight in enumerate(slow_weights(row, fan_out)):
            eta = sigmoid(dense(part._key, state[i]) + dense(part._query, state[j]))
            total = total + weight * eta * dense(part._value, state[j])
        rows.append(unit(elu(total)))
    return np.array(rows)


SUMMING = {"gin": (GinGraphConvolution, slow_gin), "gated_gcn": (GatedGraphConvolution, slow_gated)}


@pytest.mark.parametrize("name", SUMMING)
@settings(max_examples=30)
@given(given=graphs(), fan_out=st.sampled_from([0, 1, 3]), seed=st.integers(0, 1000))
def test_a_convolution_is_what_plain_loops_make(name, given, fan_out, seed):
    edges, state = given
    kind, slow = SUMMING[name]
    convolution = with_random_weights(kind(UNITS, "convolution", fan_out), seed)
    expected = slow(convolution, edges, state, fan_out)
    np.testing.assert_allclose(outcome(convolution, edges, state), expected, atol=2e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_of_every_name_is_there_and_tells_degrees_apart_only_if_it_sums(name):
    # Artists 0 and 4 hear the same from one and from three neighbours.
    edges = np.zeros((8, 8))
    edges[0, 1] = edges[4, 5] = edges[4, 6] = edges[4, 7] = 1
    state = np.ones((8, NUM_FEATURES), np.float32)
    convolution = with_random_weights(CONVOLUTIONS[name](UNITS, "convolution", 0))
    found = outcome(convolution, sp.csr_matrix(edges), state)
    assert np.allclose(found[0], found[4], atol=1e-5) == (name == "sage_mean")
    assert set(CONVOLUTIONS) == set(LAYERS)


@pytest.mark.parametrize("name", LAYERS)
def test_artists_without_neighbours_and_content_are_finite_and_so_is_their_gradient(name):
    convolution = with_random_weights(CONVOLUTIONS[name](UNITS, "convolution", 0))
    for variable in convolution.trainable_variables:
        if variable.shape.rank == 1:
            variable.assign(tf.zeros_like(variable))
    nothing = tf.zeros([0], tf.int64)
    graph = bipartite(nothing, nothing, tf.zeros([0]), tf.constant(3), tf.constant(3))
    state = tf.zeros([3, NUM_FEATURES])
    with tf.GradientTape() as tape:
        tape.watch(state)
        found = ArtistNetwork.convolve(convolution, graph, state)
    gradient = tape.gradient(found, [state, *convolution.trainable_variables])
    assert not found.numpy().any()
    # What no edge reaches may have no gradient; what has one, a finite one.
    assert all(np.isfinite(tf.convert_to_tensor(g)).all() for g in gradient if g is not None)


def plain_gated_sum(key, query, value, target, source, weight):
    gate = tf.sigmoid(tf.gather(key, target) + tf.gather(query, source))
    said = weight[:, None] * gate * tf.gather(value, source)
    return tf.math.unsorted_segment_sum(said, target, key.shape[0])


@pytest.mark.parametrize("most", [1, 60, 2**26], ids=["one channel", "two channels", "all"])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "graph"])
def test_a_gated_sum_in_blocks_has_the_value_and_gradient_of_a_plain_one(
    most, compiled, monkeypatch
):
    monkeypatch.setattr(gated_sum_module, "_MAX_GATES", most)
    rng = np.random.default_rng(3)
    matrices = [tf.constant(rng.standard_normal((num, 6)), tf.float32) for num in (5, 7, 7)]
    # The target 4 and the source 6 have no edge; edges are in no order.
    edges = (
        tf.constant(rng.integers(0, 4, 20)),
        tf.constant(rng.integers(0, 6, 20)),
        tf.constant(rng.uniform(0, 2, 20), tf.float32),
    )
    scale = tf.constant(rng.standard_normal((5, 6)), tf.float32)
    found = []
    for function in (gated_sum, plain_gated_sum):

        def step(*given, function=function):
            with tf.GradientTape() as tape:
                tape.watch(given)
                total = tf.reduce_sum(scale * (out := function(*given, *edges)))
            return [out, *tape.gradient(total, given)]

        found.append((tf.function(step) if compiled else step)(*matrices))
    for actual, expected in zip(*found, strict=True):
        np.testing.assert_allclose(actual, tf.convert_to_tensor(expected), atol=1e-5)
    assert not found[0][0][4].numpy().any()


def test_blocks_hold_no_more_gates_than_they_may(monkeypatch):
    monkeypatch.setattr(gated_sum_module, "_MAX_GATES", 60)
    widths = []

    def noted(part):
        widths.append(int(part.shape[1]))
        return (part,)

    part = tf.reshape(tf.range(24.0), [4, 6])
    for num_edges, expected in ((0, [6]), (10, [6]), (20, [3] * 2), (25, [2] * 3), (99, [1] * 6)):
        widths.clear()
        (same,) = gated_sum_module._in_blocks(noted, [part], 1, tf.constant(num_edges))
        assert widths == expected
        np.testing.assert_array_equal(same, part)


class TestAgainstPyTorchGeometric:
    """With copied weights; PyTorch is no dependency of this project, so that CI skips this."""

    @pytest.fixture
    def torch(self, monkeypatch):
        environment = os.environ.get(PYTORCH_VARIABLE)
        if not environment:
            pytest.skip(NO_PYTORCH)
        (packages,) = Path(environment).glob("lib/python3*/site-packages")
        # Behind this project's own, whose NumPy is another.
        monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])
        return importlib.import_module("torch")

    @pytest.fixture
    def graph(self):
        rng = np.random.default_rng(8)
        edges = np.triu(rng.random((12, 12)) < 0.3, 1)
        edges[-1], edges[:, -1] = False, False
        state = rng.standard_normal((12, NUM_FEATURES)).astype(np.float32)
        return sp.csr_matrix((edges | edges.T).astype(np.float32)), state

    @staticmethod
    def edge_index(torch, edges):
        coordinates = edges.tocoo()
        return torch.tensor(np.stack([coordinates.col, coordinates.row]), dtype=torch.int64)

    @staticmethod
    def outer(x):
        """What stands around the layer here: l2norm(sigma(x))."""
        return np.array([unit(row) for row in elu(x.detach().numpy())])

    @staticmethod
    def copied(torch, linear, kernel, bias=None):
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(kernel.numpy().T))
            if linear.bias is not None:
                linear.bias.copy_(torch.tensor(np.zeros(UNITS) if bias is None else bias.numpy()))

    def test_gated_gcn_is_res_gated_graph_conv(self, torch, graph):
        from torch_geometric.nn import ResGatedGraphConv

        edges, state = graph
        convolution = with_random_weights(GatedGraphConvolution(UNITS, "convolution"))
        part = convolution.aggregate
        last = convolution.next_state
        theirs = ResGatedGraphConv(NUM_FEATURES, UNITS)
        self.copied(torch, theirs.lin_key, part._key.kernel)
        self.copied(torch, theirs.lin_query, part._query.kernel, part._query.bias)
        self.copied(torch, theirs.lin_value, part._value.kernel, part._value.bias)
        self.copied(torch, theirs.lin_skip, last._skip.kernel)
        with torch.no_grad():
            theirs.bias.copy_(torch.tensor(last._skip.bias.numpy()))
        expected = theirs(torch.tensor(state), self.edge_index(torch, edges))
        np.testing.assert_allclose(
            outcome(convolution, edges, state), self.outer(expected), atol=1e-5
        )

    def test_gin_is_gin_conv(self, torch, graph):
        from torch_geometric.nn import GINConv

        edges, state = graph
        convolution = with_random_weights(GinGraphConvolution(UNITS, "convolution"))
        last = convolution.next_state
        dense = torch.nn.Sequential(
            torch.nn.Linear(NUM_FEATURES, UNITS), torch.nn.ELU(), torch.nn.Linear(UNITS, UNITS)
        )
        # It draws the dense network's weights anew.
        theirs = GINConv(dense, eps=float(last._epsilon), train_eps=True)
        self.copied(torch, dense[0], convolution.aggregate._project.kernel, last._bias)
        self.copied(torch, dense[2], last._second.kernel, last._second.bias)
        expected = theirs(torch.tensor(state), self.edge_index(torch, edges))
        np.testing.assert_allclose(
            outcome(convolution, edges, state), self.outer(expected), atol=1e-5
        )
