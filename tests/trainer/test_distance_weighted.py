"""Distance-weighted draws against the distribution that they should have."""

import re

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from trainer.mining import distance_weighted
from trainer.mining.distance_weighted import (
    CUTOFF,
    NONZERO_LOSS_CUTOFF,
    draw_negatives,
    log_weights,
)
from trainer.mining.row_sampling import first_above

DISTANCES = [0.0, 0.3, 0.55, 0.7, 0.9, 1.1, 1.3, 1.45, 1.9]


def draw(distances, allowed, num_draws, *, dim=4, seed=(3, 5)):
    """Draws for one anchor, row 0, whose distance to column i is distances[i]."""
    num = len(distances)
    distance = np.tile(np.array(distances, np.float32), (num, 1))
    allowed = np.tile(np.array(allowed, bool), (num, 1))
    anchors = tf.zeros([num_draws], tf.int64)
    drawn = draw_negatives(
        tf.constant(distance), tf.constant(allowed), anchors, dim, tf.constant(seed, tf.int64)
    )
    return drawn.numpy()


def density(distance, dim):
    """q(d): of the distance between two uniform points on the unit sphere."""
    return distance ** (dim - 2) * (1 - distance**2 / 4) ** ((dim - 3) / 2)


@pytest.mark.parametrize("dim", [3, 4, 8])
def test_negatives_are_drawn_as_wu_et_al_say(dim):
    allowed = [False] + [True] * 8
    counts = np.bincount(draw(DISTANCES, allowed, 20_000, dim=dim), minlength=9)
    weight = np.array(
        [
            1 / density(max(d, CUTOFF), dim) if may and d < NONZERO_LOSS_CUTOFF else 0.0
            for d, may in zip(DISTANCES, allowed, strict=True)
        ]
    )
    expected = 20_000 * weight / weight.sum()
    drawn = expected > 0
    assert (counts[~drawn] == 0).all()
    # The 99.99% quantile of chi-square with 5 degrees of freedom is 25.7.
    chi_square = ((counts - expected)[drawn] ** 2 / expected[drawn]).sum()
    assert drawn.sum() == 6
    assert chi_square < 25.7


def test_the_weights_are_the_inverse_density_up_to_a_constant():
    distance = np.array([0.5, 0.8, 1.2, 1.39])
    weights = np.exp(log_weights(tf.constant(distance, tf.float32), 6).numpy())
    product = weights * density(distance, 6)
    np.testing.assert_allclose(product, product[0], rtol=1e-4)


@pytest.mark.parametrize("dim", [2, 100, 256])
def test_the_weights_are_finite_at_both_ends(dim):
    assert np.isfinite(log_weights(tf.constant([0.0, 1e-4, 2.0, 2.1]), dim)).all()


def test_beyond_the_cutoff_all_allowed_ones_are_as_likely():
    allowed = [False, True, True, False, True]
    drawn = draw([0.1, 1.5, 1.99, 1.7, 1.45], allowed, 9_000)
    counts = np.bincount(drawn, minlength=5)
    assert counts[0] == counts[3] == 0
    # Each with probability 1/3: a deviation of sqrt(9000 * 2/9) = 45.
    np.testing.assert_allclose(counts[[1, 2, 4]], 3_000, atol=4 * 45)


def test_an_excluded_one_is_never_drawn_however_near():
    rng = np.random.default_rng(1)
    for seed in range(50):
        distances = rng.uniform(0, 2, 12)
        allowed = rng.random(12) < 0.3
        allowed[rng.integers(12)] = True
        drawn = draw(distances, allowed, 200, dim=100, seed=(seed, 0))
        assert allowed[drawn].all()


@pytest.mark.parametrize("dim", [4, 100])
def test_each_anchor_draws_from_its_own_row(dim):
    rng = np.random.default_rng(2)
    distance = rng.uniform(1.2, 1.6, (7, 7)).astype(np.float32)
    allowed = rng.random((7, 7)) < 0.8
    anchors = rng.permutation(np.repeat(np.arange(7), 10_000))
    drawn = draw_negatives(
        tf.constant(distance), tf.constant(allowed), tf.constant(anchors), dim, (1, 2)
    )
    chi_square = degrees = 0
    for row in range(7):
        counts = np.bincount(drawn.numpy()[anchors == row], minlength=7)
        near = allowed[row] & (distance[row] < NONZERO_LOSS_CUTOFF)
        weight = np.where(near, 1 / density(np.float64(distance[row]), dim), 0.0)
        assert near.any()
        assert (counts[~near] == 0).all()
        # Cells that expect too few for the chi-square distribution are counted as one.
        expected = 10_000 * weight / weight.sum()
        large = expected > 10
        pooled = np.append(counts[large], counts[~large].sum())
        expected = np.append(expected[large], expected[~large].sum())
        filled = expected > 0
        chi_square += ((pooled - expected)[filled] ** 2 / expected[filled]).sum()
        degrees += filled.sum() - 1
    # Mean and variance of chi-square are its degrees of freedom and twice that.
    assert degrees > 8
    assert abs(chi_square - degrees) < 4 * np.sqrt(2 * degrees)


def test_unlikely_ones_have_their_share_next_to_a_likely_one():
    # Each 4e-8 times as likely as the near one: float32 would add that to its weight in vain.
    dim, num, num_draws = 30, 2_001, 2_000_000
    distances = np.float32(np.arange(0.5, 1.4, 1e-3))
    odds = density(np.float64(distances), dim) / density(0.5, dim)
    far = np.flatnonzero(odds > 2.5e7)[0]
    drawn = draw([0.5] + [distances[far]] * (num - 1), [True] * num, num_draws, dim=dim)
    expected = num_draws * (num - 1) / (num - 1 + odds[far])
    assert expected > 100
    assert abs((drawn > 0).sum() - expected) < 4 * np.sqrt(expected)
    # They are alike, wherever they stand in the row.
    assert abs(((drawn > 0) & (drawn <= 1_000)).sum() - expected / 2) < 4 * np.sqrt(expected / 2)


@pytest.fixture
def fixed_uniform(monkeypatch):
    """Sets what all uniform draws come to."""

    def fix(value):
        monkeypatch.setattr(
            tf.random,
            "stateless_uniform",
            lambda shape, seed, dtype: tf.fill(shape, tf.constant(value, dtype)),
        )

    return fix


@pytest.mark.parametrize(
    ("uniform", "expected"), [(0.0, 2), (0.4999, 2), (0.5, 6), (1 - 2**-52, 6)]
)
def test_the_ends_of_a_row(fixed_uniform, uniform, expected):
    fixed_uniform(uniform)
    allowed = [False, False, True, False, False, False, True, False, False]
    assert draw([1.2] * 9, allowed, 1).tolist() == [expected]
    assert draw([1.45] * 9, allowed, 1).tolist() == [expected]


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-52])
@pytest.mark.parametrize("dim", [2, 100, 256])
def test_no_excluded_one_under_extreme_weights(fixed_uniform, uniform, dim):
    fixed_uniform(uniform)
    rng = np.random.default_rng(4)
    # At 256 dimensions the logarithms of the weights span 200.
    distance = rng.choice([0.5, 0.8, 1.2, 1.39, 1.45, 2.0], (300, 300)).astype(np.float32)
    allowed = rng.random((300, 300)) < rng.choice([0.02, 0.5], (300, 1))
    allowed[:, 0] = allowed[:, -1] = False
    allowed[:, 150] = True
    drawn = draw_negatives(
        tf.constant(distance), tf.constant(allowed), tf.range(300, dtype=tf.int64), dim, (0, 0)
    ).numpy()
    near = allowed & (distance < NONZERO_LOSS_CUTOFF)
    near |= allowed & ~near.any(axis=1, keepdims=True)
    assert near[np.arange(300), drawn].all()


def test_the_cumulative_weights_are_exact():
    rng = np.random.default_rng(5)
    distance = rng.uniform(0.3, 1.9, (1_000, 1_000)).astype(np.float32)
    allowed = rng.random((1_000, 1_000)) < 0.5
    cumulative = distance_weighted._cumulative_weights(
        tf.constant(distance), tf.constant(allowed), 100
    ).numpy()
    assert (cumulative == np.floor(cumulative)).all()
    assert cumulative.max() <= distance_weighted.EXACT
    steps = np.diff(cumulative, axis=1, prepend=0)
    assert (steps >= 0).all()
    assert (steps[~allowed] == 0).all()
    assert (cumulative[:, -1] > 0).all()


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=40), min_size=1, max_size=5))
def test_the_search_finds_what_a_linear_one_finds(steps):
    num = min(len(row) for row in steps)
    rows = np.cumsum([row[:num] for row in steps], axis=1).astype(np.float64)
    row, threshold = np.meshgrid(np.arange(len(rows)), np.arange(-0.5, rows.max() + 1, 0.5))
    row, threshold = row.ravel(), threshold.ravel()
    found = first_above(tf.constant(rows), tf.constant(row, tf.int64), tf.constant(threshold))
    expected = [
        next((i for i, value in enumerate(rows[r]) if value > t), num - 1)
        for r, t in zip(row, threshold, strict=True)
    ]
    np.testing.assert_array_equal(found, expected)


def test_an_anchor_without_an_allowed_one_draws_something_of_the_batch():
    drawn = draw(DISTANCES, [False] * 9, 50)
    assert ((drawn >= 0) & (drawn < 9)).all()


def test_a_graph_for_any_size_draws_as_without_one():
    graph = tf.function(
        lambda distance, allowed, anchors, seed: draw_negatives(
            distance, allowed, anchors, 100, seed
        ),
        autograph=False,
        input_signature=[
            tf.TensorSpec([None, None]),
            tf.TensorSpec([None, None], tf.bool),
            tf.TensorSpec([None], tf.int64),
            tf.TensorSpec([2], tf.int64),
        ],
    )
    rng = np.random.default_rng(6)
    for num, num_triplets in [(1, 3), (2, 0), (5, 100), (64, 1_000), (65, 1_000)]:
        values = (
            tf.constant(rng.uniform(0.3, 1.9, (num, num)), tf.float32),
            tf.constant(rng.random((num, num)) < 0.7),
            tf.constant(rng.integers(num, size=num_triplets)),
            tf.constant([7, num], tf.int64),
        )
        drawn = graph(*values)
        assert drawn.dtype == tf.int64
        assert drawn.shape == [num_triplets]
        np.testing.assert_array_equal(drawn, draw_negatives(*values[:3], 100, values[3]))


def test_nothing_is_as_large_as_the_triplets_times_the_artists():
    num, num_triplets = 30, 5_000
    graph = tf.function(draw_negatives, autograph=False).get_concrete_function(
        tf.TensorSpec([num, num]),
        tf.TensorSpec([num, num], tf.bool),
        tf.TensorSpec([num_triplets], tf.int64),
        100,
        tf.TensorSpec([2], tf.int64),
    )
    inner = [graph.graph._get_function(name).graph for name in _function_names(graph)]
    sizes = [
        output.shape.num_elements()
        for each in [graph.graph, *inner]
        for operation in each.get_operations()
        for output in operation.outputs
    ]
    assert max(size for size in sizes if size is not None) == num_triplets


def _function_names(graph):
    return re.findall(r'signature \{\s+name: "([^"]+)"', str(graph.graph.as_graph_def()))


def test_the_same_seed_draws_the_same():
    allowed = [False] + [True] * 8
    first, again = (draw(DISTANCES, allowed, 100) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (draw(DISTANCES, allowed, 100, seed=(3, 6)) != first).any()
    assert (draw(DISTANCES, allowed, 100, seed=(4, 5)) != first).any()
