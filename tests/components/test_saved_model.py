"""A SavedModel of another day is given what it knows, and lacks what the graph lacks."""

from __future__ import annotations

import numpy as np
import pytest

from components.retrieval_evaluator.saved_model import JudgedModel
from tests.components.rings import CASE, NUM_ARTISTS, SOUND, Echo
from tests.trainer.graphs import graph_of, vectors, words


def embed(tmp_path, fan_out=25, **names):
    Echo(**names).save(str(tmp_path / "model"))
    graph = CASE.graph
    model = JudgedModel(str(tmp_path / "model"), fan_out)
    embedding, pairwise = model.embed(graph, graph.training_edges())
    assert pairwise is None
    return embedding


def test_it_is_given_content_and_edges(tmp_path):
    embedding = embed(tmp_path)
    assert embedding[:, :2].tolist() == SOUND
    assert embedding[:, 2].tolist() == [1.0] * NUM_ARTISTS
    degrees = np.diff(CASE.graph.training_edges().indptr)
    assert embedding[:, 3].tolist() == degrees.tolist()


def test_modalities_that_the_graph_lacks_are_missing(tmp_path):
    embedding = embed(tmp_path, audio="melody", tags="moods")
    assert (embedding[:, :2] == 9).all()
    assert (embedding[:, 2] == 0).all()


def test_a_modality_of_another_length_is_missing(tmp_path):
    assert (embed(tmp_path, dim=3)[:, :3] == 9).all()


def test_a_modality_of_another_kind_is_missing(tmp_path):
    embedding = embed(tmp_path, audio="tags", tags="audio")
    assert (embedding[:, :2] == 9).all()
    assert (embedding[:, 2] == 0).all()


def test_a_folder_without_a_model_does_not_load(tmp_path):
    with pytest.raises(OSError):
        JudgedModel(str(tmp_path), 25)


def test_the_fan_out_is_the_models_own(tmp_path):
    """Not that of the model beside which it is judged."""
    # Artist 0 hears three others, of weights 1, 2 and 4.
    edges = [(0, 1, 1.0), (0, 2, 2.0), (0, 3, 4.0)]
    content = {"audio": vectors([[0, 0]] * 4), "tags": words([{}] * 4)}
    graph = graph_of(edges, [0] * 4, content).graph
    for own, given, heard in ((None, 2, 6), (1, 2, 4), (2, 1, 6), (0, 1, 7), (None, 0, 7)):
        path = str(tmp_path / f"{own}-{given}")
        Echo(fan_out=own).save(path)
        embedding, _ = JudgedModel(path, given).embed(graph, graph.training_edges())
        assert embedding[0, 3] == heard


def test_a_model_says_whom_it_knows(tmp_path):
    Echo(artist_id=["björk", "a"]).save(str(tmp_path / "model"))
    assert JudgedModel(str(tmp_path / "model"), 25).artist_id.tolist() == ["björk", "a"]
    Echo().save(str(tmp_path / "older"))
    assert JudgedModel(str(tmp_path / "older"), 25).artist_id is None
