"""Two rings of artists, and models of them that are known by heart."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from components.retrieval_evaluator.own_listening import OwnView
from components.retrieval_evaluator.saved_model import Embedded
from tests.trainer.graphs import graph_of, vectors, words

# Two rings of eight artists that share nothing; of each ring two are of val and two of test.
RING = 8
NUM_ARTISTS = 2 * RING
EDGES = [
    (ring * RING + i, ring * RING + (i + step) % RING)
    for ring in range(2)
    for i in range(RING)
    for step in (1, 2, 3)
]
SPLIT = [0, 0, 1, 1, 2, 2, 0, 0] * 2
SOUND = [[1.0, 0.0] if i < RING else [0.0, 1.0] for i in range(NUM_ARTISTS)]
CASE = graph_of(EDGES, SPLIT, {"audio": vectors(SOUND), "tags": words([{"a": 1.0}] * NUM_ARTISTS)})
GOOD = np.array(SOUND, np.float32)
# Each artist sits with the other ring's.
BAD = np.array([SOUND[(i + 1) % 2 * RING] for i in range(NUM_ARTISTS)], np.float32)


class Fixed:
    """A model that knows its embeddings by heart; counts the edges that it is shown."""

    def __init__(
        self,
        embedding: np.ndarray,
        cold: np.ndarray | None = None,
        artist_id: np.ndarray | None = None,
    ):
        self.artist_id = artist_id
        self._embeddings = [embedding, embedding if cold is None else cold]
        self.num_edges: list[int] = []

    def own_view(self, graph):
        return OwnView(graph)

    def reads(self, graph):
        return ()

    def embed(self, graph, edges):
        self.num_edges.append(edges.nnz)
        return Embedded(self._embeddings[len(self.num_edges) - 1])


class Raising:
    artist_id = None

    def own_view(self, graph):
        return OwnView(graph)

    def embed(self, graph, edges):
        raise tf.errors.InvalidArgumentError(None, None, "another day's signature")


class Echo(tf.Module):
    """Embeds as (audio or 9, words of 'tags', edges into the artist).

    Models of today carry their fan-out and the ids of their catalogue, older ones no fan-out.
    """

    def __init__(
        self,
        audio: str = "audio",
        dim: int = 2,
        tags: str = "tags",
        fan_out: int | None = None,
        artist_id: list[str] | None = None,
    ):
        super().__init__()
        if fan_out is not None:
            self.fan_out = tf.Variable(fan_out, dtype=tf.int64)
        if artist_id is not None:
            self.artist_id = tf.Variable(artist_id)
        self._names = (audio, tags)
        text, whole, number = tf.string, tf.int64, tf.float32
        self.signature = {
            "artist_id": tf.TensorSpec([None], text, "artist_id"),
            "source": tf.TensorSpec([None], whole, "source"),
            "target": tf.TensorSpec([None], whole, "target"),
            "weight": tf.TensorSpec([None], number, "weight"),
            audio: tf.TensorSpec([None, dim], number, audio),
            f"{audio}_present": tf.TensorSpec([None], whole, f"{audio}_present"),
            tags: tf.TensorSpec([None], text, tags),
            f"{tags}_weight": tf.TensorSpec([None], number, f"{tags}_weight"),
            f"{tags}_length": tf.TensorSpec([None], whole, f"{tags}_length"),
        }

    def save(self, path: str) -> None:
        audio, tags = self._names

        def embed_graph(**given):
            present = given[f"{audio}_present"][:, None] > 0
            number = tf.math.unsorted_segment_sum(
                given["weight"], given["target"], tf.size(given["artist_id"])
            )
            # Every input must be read, or the signature would lose it.
            unread = 0.0 * (
                tf.cast(tf.size(given[tags]), tf.float32)
                + tf.reduce_sum(given[f"{tags}_weight"])
                + tf.cast(tf.reduce_sum(given["source"]), tf.float32)
            )
            columns = [
                tf.where(present, given[audio], 9.0),
                tf.cast(given[f"{tags}_length"], tf.float32)[:, None],
                number[:, None] + unread,
            ]
            return {"embedding": tf.concat(columns, axis=1)}

        function = tf.function(embed_graph).get_concrete_function(**self.signature)
        tf.saved_model.save(self, path, signatures={"embed_graph": function})
