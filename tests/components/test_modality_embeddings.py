"""One modality at a time, of some artists, and which modalities a SavedModel is given."""

import dataclasses

import numpy as np
import tensorflow as tf

from components.retrieval_evaluator.modality_embeddings import modality_embeddings
from components.retrieval_evaluator.saved_model import Embedded, JudgedModel
from tests.trainer.graphs import graph_of, vectors, words

CONTENT = {
    "audio": vectors([[1.0, 2.0], None, [3.0, 4.0], [5.0, 6.0]]),
    "mood": vectors([[1.0], None, None, None]),
    "tags": words([{"a": 1.0}, {"b": 2.0, "c": 3.0}, {}, {"d": 4.0, "e": 5.0}]),
    "unread": words([{"x": 1.0}] * 4),
}
GRAPH = graph_of([(0, 1), (1, 2), (2, 3)], [0, 0, 0, 2], CONTENT).graph
ARTISTS = np.array([3, 1, 2])


class Reading:
    """Embeds as (sum of audio, sum of weights of tags), and checks what it is shown."""

    artist_id = None

    def reads(self, graph):
        return "audio", "mood", "tags"

    def embed(self, graph, edges):
        assert edges.nnz == graph.neighbors.nnz == 0
        assert graph.artist_id.tolist() == GRAPH.artist_id[ARTISTS].tolist()
        assert len(graph.content) == 1
        embedding = np.zeros((len(graph), 2), np.float32)
        if "audio" in graph.content:
            embedding[:, 0] = graph.content["audio"].values.sum(axis=1)
        if "tags" in graph.content:
            content = graph.content["tags"]
            spans = zip(content.offsets[:-1], content.offsets[1:])
            embedding[:, 1] = [content.weights[start:stop].sum() for start, stop in spans]
            assert content.words.tolist() == ["d", "e", "b", "c"]
        return Embedded(embedding)


def test_artists_are_embedded_from_one_modality_at_a_time():
    found = modality_embeddings(Reading(), GRAPH, ARTISTS)
    # None of these artists has a mood.
    assert found.modalities == ["audio", "tags"]
    assert found.present.tolist() == [[True, False, True], [True, True, False]]
    assert found.embedding.tolist() == [[[11, 0], [0, 0], [7, 0]], [[0, 9], [0, 5], [0, 0]]]


def test_no_modality_is_no_embedding():
    bare = dataclasses.replace(GRAPH, content={})
    model = Reading()
    model.reads = lambda graph: ()
    found = modality_embeddings(model, bare, ARTISTS)
    assert found.embedding.shape[:2] == found.present.shape == (0, 3)


def test_a_saved_model_reads_what_it_knows_by_name_and_kind(tmp_path):
    whole, number = tf.int64, tf.float32
    specs = {
        "audio": ([None, 2], number),
        "audio_present": ([None], whole),
        # One number in the graph.
        "mood": ([None, 3], number),
        "mood_present": ([None], whole),
        "tags": ([None], tf.string),
        "tags_weight": ([None], number),
        "tags_length": ([None], whole),
        # Words in the graph.
        "unread": ([None, 1], number),
        "unread_present": ([None], whole),
    }
    signature = {name: tf.TensorSpec(shape, dtype, name) for name, (shape, dtype) in specs.items()}

    def embed_graph(**given):
        # Every input must be read, or the signature would lose it.
        return {"embedding": tf.stack([tf.size(tensor) for tensor in given.values()])}

    function = tf.function(embed_graph).get_concrete_function(**signature)
    tf.saved_model.save(tf.Module(), str(tmp_path), signatures={"embed_graph": function})
    model = JudgedModel(str(tmp_path), 25)
    assert model.reads(GRAPH) == ("audio", "tags")
    assert model.reads(dataclasses.replace(GRAPH, content={})) == ()
