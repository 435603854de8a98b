"""Each modality through a dense layer of its own, before the first graph convolution."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from trainer.content import FeatureColumns
from trainer.named_weights import Weight, dense_weights, numbered


@tf.keras.utils.register_keras_serializable("artist_sim")
class ModalityProjection(tf.keras.layers.Layer):
    """x_v = [p_1; ...; p_M], p_m = sigma(P_m c_vm + b_m), or a learnt vector where c_vm is missing.

    Args:
      units: width of each p_m.
      layout: which columns of the features are whose.
    """

    def __init__(self, units: int, layout: Sequence[FeatureColumns], **kwargs):
        super().__init__(name="modality_projection", **kwargs)
        self._units = units
        self._layout = tuple(layout)
        self._project = [
            tf.keras.layers.Dense(units, activation="elu", name=f"project_{place}")
            for place in range(len(self._layout))
        ]
        self._missing = [
            None
            if part.flag is None
            else self.add_weight(f"missing_{place}", [units], initializer="random_normal")
            for place, part in enumerate(self._layout)
        ]

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """[num_artists, num_features] -> [num_artists, number of modalities * units]."""
        parts = []
        for part, project, missing in zip(self._layout, self._project, self._missing, strict=True):
            known = project(features[:, part.start : part.start + part.width])
            if missing is not None:
                present = features[:, part.flag, tf.newaxis] > 0.5
                known = tf.where(present, known, tf.cast(missing, known.dtype))
            parts.append(known)
        return tf.concat(parts, axis=1)

    def named_weights(self, columns: Sequence[str]) -> list[Weight]:
        """Its weights; `columns` says what each column of the features is about."""
        found = []
        for part, project, missing in zip(self._layout, self._project, self._missing, strict=True):
            name = f"projection/{part.name}"
            read = columns[part.start : part.start + part.width]
            found += dense_weights(name, project, read)
            if missing is not None:
                found.append(Weight(f"{name}/missing", missing))
        return found

    @property
    def output_names(self) -> list[str]:
        """What each number of its output is about."""
        return [name for part in self._layout for name in numbered(part.name, self._units)]

    def get_config(self) -> dict:
        """Keras configuration."""
        return {**super().get_config(), "units": self._units, "layout": self._layout}


def without_modalities(
    features: tf.Tensor, layout: Sequence[FeatureColumns], share: float, seed: tf.Tensor
) -> tf.Tensor:
    """Features in which modalities are missing at random, encoded as if the artist had none.

    Args:
      features: [num_artists, num_features] float32.
      layout: which columns are whose. The random vectors, which no artist lacks, stay.
      share: the probability of each modality of each artist to go, below 1.
      seed: [2] int, the same seed drops the same.

    Returns:
      [num_artists, num_features] float32.
    """
    shape = [tf.shape(features)[0], len(layout)]
    kept = tf.cast(tf.random.stateless_uniform(shape, seed) >= share, tf.float32)
    columns = []
    for place, part in enumerate(layout):
        width = part.width + (part.flag is not None)
        columns += [place if part.flag is not None else len(layout)] * width
    kept = tf.concat([kept, tf.ones([shape[0], 1])], axis=1)
    return features * tf.gather(kept, tf.constant(columns, tf.int32), axis=1)
