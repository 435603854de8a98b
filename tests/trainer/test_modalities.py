"""The baselines of several modalities keep the contract, and compute what their names say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from catalogues.errors import InputError
from tests.trainer.graphs import graph_of, two_communities, vectors
from tests.trainer.small_systems import statistics_of
from tests.trainer.system_contract import SystemContract
from trainer.systems.base import EmbeddingSystem
from trainer.systems.baselines import content_baselines
from trainer.systems.modalities import DIMENSIONS, ReducedContent, SingleModality


class OfAnyGraph(EmbeddingSystem):
    """A baseline that takes its statistics from the graph that it is fitted on."""

    def __init__(self, name: str):
        self._name = name

    def fit(self, graph, validation):
        statistics = statistics_of(graph)
        # The contract has catalogues without the modality.
        names = content_baselines(statistics)
        self._fitted = names.get(self._name, names["pca"])()
        self._fitted.fit(graph, validation)

    def embed(self, graph, edges):
        return self._fitted.embed(graph, edges)


class TestSingleModality(SystemContract):
    def make_system(self):
        return OfAnyGraph("modality:tags")


class TestPca(SystemContract):
    tolerance = 1e-4

    def make_system(self):
        return OfAnyGraph("pca")


class TestRandomProjection(SystemContract):
    tolerance = 1e-4

    def make_system(self):
        return OfAnyGraph("random_projection")


def catalogue():
    """Eight training artists and two of test, without edges; 6 and 8 lack 'b', 7 and 9 'a'."""
    rng = np.random.default_rng(0)
    a = [None if i in (7, 9) else (rng.normal(size=3) + [5, 0, 0]).tolist() for i in range(10)]
    b = [None if i in (6, 8) else (10 * rng.normal(size=2)).tolist() for i in range(10)]
    a[9] = b[8] = None
    return graph_of([(0, 1)], [0] * 8 + [2, 2], {"a": vectors(a), "b": vectors(b)}).graph


def plain_statistics(graph):
    """That leave vectors as they are."""
    statistics = statistics_of(graph)
    for entry in statistics["modalities"]:
        entry["mean"], entry["deviation"] = [0.0] * entry["dim"], [1.0] * entry["dim"]
    return statistics


def fitted(system, graph):
    system.fit(graph, 0 * graph.neighbors)
    return system.embed(graph, graph.neighbors)


def test_a_single_modality_is_its_cosine():
    graph = catalogue()
    found = fitted(SingleModality("b", plain_statistics(graph)), graph)
    values = graph.content["b"].values
    np.testing.assert_allclose(found[0], values[0] / np.linalg.norm(values[0]), rtol=1e-5)
    assert not found[[6, 8]].any() and found[9].any()


def expected_rows(graph):
    """Both modalities side by side, missing ones as the mean of the training artists."""
    parts = []
    for content in (graph.content["a"], graph.content["b"]):
        mean = content.values[:8][content.present[:8]].mean(axis=0)
        parts.append(np.where(content.present[:, None], content.values, mean))
    return np.hstack(parts)


def test_pca_is_fitted_on_the_artists_with_all_modalities():
    graph = catalogue()
    found = fitted(ReducedContent("pca", plain_statistics(graph)), graph)
    rows = expected_rows(graph).astype(float)
    # Six artists in five dimensions: nothing is lost but the place of the origin.
    centered = rows - rows[:6].mean(axis=0)
    unit = centered / np.linalg.norm(centered, axis=1, keepdims=True)
    np.testing.assert_allclose(found @ found.T, unit @ unit.T, atol=1e-4)


def test_a_random_projection_keeps_cosines_roughly():
    """Johnson and Lindenstrauss; here 400 numbers become 200."""
    rng = np.random.default_rng(1)
    wide = rng.normal(size=(6, 400)) + 2 * rng.normal(size=400)
    graph = graph_of([(0, 1)], [0] * 6, {"a": vectors(wide.tolist())}).graph
    found = fitted(ReducedContent("random_projection", plain_statistics(graph)), graph)
    # Not more dimensions than there are artists to fit it on.
    assert found.shape == (6, 6)
    many = np.repeat(wide, 50, axis=0)
    graph = graph_of([(0, 1)], [0] * 300, {"a": vectors(many.tolist())}).graph
    found = fitted(ReducedContent("random_projection", plain_statistics(graph)), graph)
    assert found.shape == (300, DIMENSIONS)
    unit = many / np.linalg.norm(many, axis=1, keepdims=True)
    np.testing.assert_allclose(found @ found.T, unit @ unit.T, atol=0.2)


def test_where_nobody_has_everything_those_with_anything_are_fitted_on():
    graph = catalogue()
    content = dict(graph.content)
    content["a"] = vectors([[1.0, i, 0] if i < 4 else None for i in range(10)])
    content["b"] = vectors([[i * i, 1.0] if i > 4 else None for i in range(10)])
    graph = dataclasses.replace(graph, content=content)
    system = ReducedContent("pca", plain_statistics(graph))
    found = fitted(system, graph)
    assert np.isfinite(found).all()
    # Artist 4 has nothing at all.
    assert np.flatnonzero(~found.any(axis=1)).tolist() == [4]


def test_their_names():
    statistics = statistics_of(two_communities().graph)
    assert list(content_baselines(statistics)) == [
        "modality:audio", "modality:tags", "pca", "random_projection"
    ]  # fmt: skip


def test_a_modality_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="no modality 'tag' .did you mean 'tags'"):
        SingleModality("tag", statistics_of(two_communities().graph))
