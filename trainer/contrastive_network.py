"""One encoder for each modality, into a space that they share (003, section 2.1)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import tensorflow as tf

from trainer.config import ATTENTION, FACTORS, ContrastiveConfig, EncoderConfig
from trainer.content import FeatureColumns
from trainer.layer_steps import LayerSteps
from trainer.layers.mean_convolution import UnitLength
from trainer.layers.word_attention import WordAttention
from trainer.named_weights import Weight, dense_weights
from trainer.network import EMBEDDING, PairScore, Profile
from trainer.network_graphs import Neighbors, WholeGraph
from trainer.row_blocks import in_row_blocks

_WORD_DIM: Final = 200
"""Width of the vectors of words where the catalogue gives none."""
_BLOCK: Final = 512
"""Artists that are embedded at a time: attention needs some 100 kB for each of them."""


class ContrastiveNetwork(tf.Module):
    """y_v = l2norm(mean over v's modalities m of l2norm(encoder_m(x_vm))).

    An artist without any modality has the zero vector. The paper averages the encoders' outputs and
    compares them by their cosine, in the loss as in the ranking: their lengths are never taught
    anything, and would weigh the modalities by chance.

    Args:
      config: sizes of the encoders.
      modalities: entries of `content.json`.
      layout: which columns of the features are whose; only these modalities are read.
      words: how words became features, of trainer.config.WORDS.
      seed: of the first vectors of words, where the catalogue has none.
    """

    pair_score: PairScore | None = None
    num_stages = 0

    def __init__(
        self,
        config: ContrastiveConfig,
        modalities: Sequence[Mapping[str, Any]],
        layout: Sequence[FeatureColumns],
        words: str,
        seed: int,
    ):
        super().__init__(name="contrastive_network")
        self.config = config
        self.tables: Sequence[tf.lookup.StaticHashTable] = ()
        self._modalities = modalities
        entries = {entry["name"]: entry for entry in modalities}
        self.layout = tuple(layout)
        self._unit = UnitLength(dtype="float32")
        self.encoders = []
        for columns in self.layout:
            entry = entries[columns.name]
            encoder = _encoder(
                config.encoder(columns.name, has_words(entry, words)),
                config.embedding_dim,
                functools.partial(_word_vectors, entry, seed),
            )
            encoder.build([None, columns.width])
            self.encoders.append(encoder)

    def present(self, features: tf.Tensor) -> tf.Tensor:
        """[num_artists, num_encoders] bool, from `present_modalities`."""
        return present_modalities(features, self._modalities, self.layout)

    def encode(self, features: tf.Tensor) -> list[tf.Tensor]:
        """Each encoder's output, [num_artists, embedding_dim] float32, of any length.

        What it makes of an artist without its modality means nothing.
        """
        return [
            encoder(_columns(features, columns))
            for encoder, columns in zip(self.encoders, self.layout, strict=True)
        ]

    def embed(self, features: tf.Tensor) -> tf.Tensor:
        """[num_artists, embedding_dim] float32, of length 1, or 0 without any modality.

        Args:
          features: [num_artists, num_features] float32.
        """
        return in_row_blocks(
            lambda first, end: self._mean(features[first:end]), tf.shape(features)[0], rows=_BLOCK
        )

    def named_weights(self, columns: Sequence[str]) -> list[Weight]:
        """All its weights by what they mean.

        Args:
          columns: what each column of the features is about.
        """
        found: list[Weight] = []
        for part, encoder in zip(self.layout, self.encoders, strict=True):
            inputs: Sequence[str] | None = columns[part.start : part.start + part.width]
            for place, layer in enumerate(encoder.layers):
                name = f"{part.name}_{place}"
                if isinstance(layer, WordAttention):
                    found += layer.named_weights(name, inputs or ())
                else:
                    found += dense_weights(name, layer, inputs)
                inputs = None
        return found

    def embed_graph(self, given: WholeGraph) -> Profile:
        """EMBEDDING of a whole graph; its edges are not read."""
        return {EMBEDDING: self.embed(given.features)}

    def memory(
        self, given: WholeGraph, on_stage: Callable[[], None] = lambda: None
    ) -> tuple[list[tf.Tensor], Profile]:
        """Nothing, as no artist hears another; and what `embed_graph` returns."""
        return [], self.embed_graph(given)

    def steps(self) -> LayerSteps:
        """No layer hears a neighbour."""
        return LayerSteps([], 0, 0, self.embed, self.variables)

    def embed_new(
        self, features: tf.Tensor, neighbors: Neighbors, memory: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """`embed`; neighbours and memory are not read."""
        return self.embed(features)

    def _mean(self, features: tf.Tensor) -> tf.Tensor:
        if not self.encoders:
            return tf.zeros([tf.shape(features)[0], self.config.embedding_dim])
        present = tf.unstack(self.present(features), axis=1)
        # Not a product: it would let NaN through, should an encoder ever make one.
        directions = [
            tf.where(has[:, None], self._unit(encoded), 0.0)
            for has, encoded in zip(present, self.encode(features), strict=True)
        ]
        # The length of a sum of unit vectors is the mean's but for a factor.
        return self._unit(tf.add_n(directions))


def present_modalities(
    features: tf.Tensor, modalities: Sequence[Mapping[str, Any]], layout: Sequence[FeatureColumns]
) -> tf.Tensor:
    """Which modalities artists have.

    Args:
      features: [num_artists, num_features] float32.
      modalities: entries of `content.json`.
      layout: which columns of the features are whose.

    Returns:
      [num_artists, len(layout)] bool. Words that are in no vocabulary are none.
    """
    words = {entry["name"] for entry in modalities if entry["kind"] == "categories"}
    found = []
    for columns in layout:
        has = features[:, columns.flag] > 0
        if columns.name in words:
            has &= tf.reduce_any(_columns(features, columns) != 0, axis=1)
        found.append(has)
    return tf.stack(found, axis=1) if found else tf.zeros([tf.shape(features)[0], 0], tf.bool)


def _columns(features: tf.Tensor, columns: FeatureColumns) -> tf.Tensor:
    return features[:, columns.start : columns.start + columns.width]


def has_words(entry: Mapping[str, Any], words: str) -> bool:
    """Whether a modality of `content.json` has a column for each word of its vocabulary.

    Args:
      entry: of the modality.
      words: how words become features, of trainer.config.WORDS.
    """
    return entry["kind"] == "categories" and words != FACTORS


def _encoder(
    config: EncoderConfig, dim: int, word_vectors: Callable[[], np.ndarray]
) -> tf.keras.Sequential:
    """Hidden layers, or attention, and a linear layer into the shared space."""
    hidden: list[tf.keras.layers.Layer]
    if config.kind == ATTENTION:
        hidden = [WordAttention(word_vectors(), config.heads, config.units[0])]
    else:
        hidden = [tf.keras.layers.Dense(units, "relu") for units in config.units]
    # float32 also under mixed precision: cosines of nearly equal artists need the digits.
    last = tf.keras.layers.Dense(dim, dtype="float32")
    return tf.keras.Sequential([*hidden, last], name=f"encoder_of_{config.modality}")


def _word_vectors(entry: Mapping[str, Any], seed: int) -> np.ndarray:
    """[num_words, dim] float32: what attention begins with, the catalogue's factors if it can."""
    if "factors" in entry:
        return entry["factors"]
    shape = len(entry["vocabulary"]), _WORD_DIM
    return np.random.default_rng(seed).normal(0, _WORD_DIM**-0.5, shape).astype(np.float32)
