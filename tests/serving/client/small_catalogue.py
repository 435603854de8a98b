"""A model of four artists whose answers can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from serving.client import Embeddings
from serving.retries import RetryPolicy

ARTISTS = {"a": "Belle and Sebastian", "é": "Sigur Rós", "모노": "모노", "d": "!!!"}
TOKEN = "s3cret-token"
SOON = RetryPolicy(attempts=4, first_wait=0.001)


class Catalogue(tf.Module):
    """Each artist's embedding is its row, a one and the version; the next artists are similar."""

    def __init__(self, version: float, audio_dim: int = 2):
        super().__init__()
        self.ids = tf.constant(list(ARTISTS))
        self.names = tf.constant(list(ARTISTS.values()))
        self.version = version
        self.audio_dim = audio_dim

    def row(self, artist_id):
        """[...] int32; as many as there are artists for one that is not known."""
        equal = tf.equal(artist_id[..., None], self.ids)
        row = tf.argmax(equal, axis=-1, output_type=tf.int32)
        return tf.where(tf.reduce_any(equal, axis=-1), row, len(ARTISTS))

    def save(self, path: Path) -> Path:
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "artist_id")])
        def serving_default(artist_id):
            known = self.row(artist_id) < len(ARTISTS)
            row = tf.cast(self.row(artist_id), tf.float32)
            embedding = tf.stack([row, row * 0 + 1 / 3, row * 0 + self.version], axis=1)
            return {"embedding": tf.where(known[:, None], embedding, 0.0), "known": known}

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string, "artist_id"),
                tf.TensorSpec([], tf.int32, "k"),
            ]
        )
        def similar(artist_id, k):
            known = self.row(artist_id) < len(ARTISTS)
            step = tf.range(1, 1 + tf.clip_by_value(k, 0, len(ARTISTS) - 1))
            found = (self.row(artist_id)[:, None] + step) % len(ARTISTS)
            score = 1 / tf.cast(step, tf.float32)[None] + tf.zeros_like(found, tf.float32)
            return {
                "similar_id": tf.where(known[:, None], tf.gather(self.ids, found), ""),
                "name": tf.where(known[:, None], tf.gather(self.names, found), ""),
                "score": tf.where(known[:, None], score, 0.0),
                "known": known,
            }

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string, "artist_id"),
                tf.TensorSpec([None, self.audio_dim], tf.float32, "audio"),
                tf.TensorSpec([None], tf.int64, "audio_present"),
                tf.TensorSpec([None, None], tf.string, "tags"),
                tf.TensorSpec([None, None], tf.float32, "tags_weight"),
                tf.TensorSpec([None, None], tf.string, "neighbor_id"),
                tf.TensorSpec([None, None], tf.float32, "neighbor_weight"),
            ]
        )
        def embed_new(
            artist_id, audio, audio_present, tags, tags_weight, neighbor_id, neighbor_weight
        ):
            known = self.row(neighbor_id) < len(ARTISTS)
            length = tf.cast(tf.strings.length(tags, unit="UTF8_CHAR"), tf.float32)
            parts = [
                tf.cast(audio_present, tf.float32) * (1 + tf.reduce_sum(audio, axis=1)),
                tf.reduce_sum(length * tags_weight, axis=1),
                tf.reduce_sum(tf.where(known, 1 + neighbor_weight, 0.0), axis=1),
            ]
            count = tf.reduce_sum(tf.cast(known, tf.int64), axis=1)
            return {"embedding": tf.stack(parts, axis=1), "known_neighbors": count}

        signatures = {"serving_default": serving_default, "similar": similar}
        tf.saved_model.save(self, str(path), signatures={**signatures, "embed_new": embed_new})
        return path


def assert_equal(one: Embeddings, other: Embeddings) -> None:
    np.testing.assert_array_equal(one.embedding, other.embedding, strict=True)
    np.testing.assert_array_equal(one.known, other.known, strict=True)
