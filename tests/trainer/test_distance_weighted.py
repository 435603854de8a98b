"""Distance-weighted draws against the distribution that they should have."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.mining.distance_weighted import (
    CUTOFF,
    NONZERO_LOSS_CUTOFF,
    draw_negatives,
    log_weights,
)

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


def test_the_same_seed_draws_the_same():
    allowed = [False] + [True] * 8
    first, again = (draw(DISTANCES, allowed, 100) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (draw(DISTANCES, allowed, 100, seed=(3, 6)) != first).any()
    assert (draw(DISTANCES, allowed, 100, seed=(4, 5)) != first).any()
