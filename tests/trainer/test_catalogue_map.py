"""The map of a catalogue: similar artists lie together, always in the same places."""

from __future__ import annotations

import numpy as np
import pytest

from trainer import catalogue_map as module
from trainer.catalogue_map import catalogue_map
from trainer.config import MAPS, ExplorerConfig


def clusters(num_each: int, dim: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Three directions with noise, vectors of any length; and whose is whose."""
    rng = np.random.default_rng(0)
    which = np.repeat(np.arange(3), num_each)
    vectors = np.eye(3, dim)[which] + 0.2 * rng.normal(size=(3 * num_each, dim))
    return (vectors * rng.uniform(0.5, 3, size=(len(which), 1))).astype(np.float32), which


@pytest.mark.parametrize("layout", MAPS)
def test_an_artist_lies_nearest_to_those_it_is_similar_to(layout):
    embedding, which = clusters(40)
    places = catalogue_map(embedding, layout)
    assert (places.dtype, places.shape) == (np.float32, (120, 2))
    assert np.abs(places).max() <= 1
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (which[distance.argmin(axis=1)] == which).mean() > 0.95


@pytest.mark.parametrize("layout", MAPS)
def test_the_same_vectors_get_the_same_places(layout):
    embedding, _ = clusters(40)
    places = catalogue_map(embedding, layout)
    np.testing.assert_array_equal(catalogue_map(embedding.copy(), layout), places)


@pytest.mark.parametrize("layout", MAPS)
@pytest.mark.parametrize("num_artists", [0, 1, 2, 3, 120])
def test_artists_that_nothing_tells_apart_lie_in_one_place(layout, num_artists):
    for one in (np.ones(4), np.zeros(4)):
        places = catalogue_map(np.tile(one, (num_artists, 1)).astype(np.float32), layout)
        np.testing.assert_array_equal(places, np.zeros((num_artists, 2)))


@pytest.mark.parametrize("layout", MAPS)
def test_two_and_three_artists_have_a_map(layout):
    two = catalogue_map(np.eye(2, dtype=np.float32), layout)
    np.testing.assert_allclose(np.abs(two), [[1, 0], [1, 0]], atol=1e-6)
    assert two[0, 0] == -two[1, 0]
    three = catalogue_map(np.eye(3, dtype=np.float32), layout)
    sides = [np.linalg.norm(three[i] - three[i - 1]) for i in range(3)]
    np.testing.assert_allclose(sides, sides[0], rtol=1e-5)


def test_equal_artists_among_others_do_not_break_the_layout():
    embedding, _ = clusters(40)
    embedding[:50] = embedding[0]
    assert np.isfinite(catalogue_map(embedding)).all()


def test_a_vector_of_two_numbers_or_one_is_enough():
    for dim in (1, 2):
        places = catalogue_map(np.random.default_rng(0).normal(size=(30, dim)).astype(np.float32))
        assert np.isfinite(places).all()
        assert places.any()


def test_the_length_of_a_vector_does_not_matter():
    embedding, _ = clusters(20)
    places = catalogue_map(embedding, "pca")
    np.testing.assert_allclose(catalogue_map(embedding * 7, "pca"), places, atol=1e-5)


def test_the_sign_of_a_component_is_that_of_its_largest_loading():
    """The first axis lies along the first number, so who has more of it lies to the right."""
    embedding = np.array([[3, 1, 0.1], [1, 3, 0], [2, 1, -0.1], [1, 2, 0]], np.float32)
    axis = catalogue_map(embedding, "pca")[:, 0]
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    loading = (unit - unit.mean(axis=0)).T @ (axis - axis.mean())
    assert loading[np.abs(loading).argmax()] > 0


def test_of_many_artists_the_prominent_are_laid_out_and_the_others_lie_among_them(monkeypatch):
    monkeypatch.setattr(module, "MOST_LAID_OUT", 30)
    embedding, which = clusters(20)
    prominence = np.random.default_rng(1).permutation(60)
    places = catalogue_map(embedding, "pca", prominence)
    first = np.sort(prominence[:30])
    alone = catalogue_map(embedding[first], "pca")
    # Up to the scale, which all share.
    ratio = np.ptp(alone, axis=0) / np.ptp(places[first], axis=0)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)
    for row in prominence[30:]:
        distance = np.linalg.norm(places[first] - places[row], axis=1)
        assert which[first[distance.argmin()]] == which[row]


def test_another_layout_is_refused():
    with pytest.raises(ValueError, match="map must be one of umap, pca, not 'tsne'"):
        ExplorerConfig(map="tsne")
