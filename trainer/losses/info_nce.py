"""InfoNCE between two modalities of the same artists (003, section 2.1)."""

from __future__ import annotations

from typing import Final

import tensorflow as tf

_NEVER: Final = -1e9
"""The logit of whom a softmax shall leave out; finite, so that its gradient is 0 and not NaN."""


def info_nce(
    anchors: tf.Tensor, others: tf.Tensor, both: tf.Tensor, temperature: float
) -> tf.Tensor:
    """-log of the share that an artist's other modality has among all that it is compared with.

      L_i = -log( X(a_i, b_i) / sum over k = 1 ... 2M, k != i, of X(a_i, z_k) ),
      X(x, y) = exp(cos(x, y) / temperature),   z_k = a_k for k <= M, else b_(k - M)

    The negatives are the other artists in both modalities. Only the M artists that have both take
    part, as anchors and as negatives. Anchors are of one modality alone, as the paper has it.

    Args:
      anchors: [num_artists, dim] float32, a.
      others: [num_artists, dim] float32, b of the same artists.
      both: [num_artists] bool, who has both modalities; what the others' rows hold does not matter.
      temperature: above 0.

    Returns:
      [num_artists] float32, not negative; 0 without both modalities. The paper sums it.
    """
    anchors = tf.math.l2_normalize(anchors, axis=1)
    others = tf.math.l2_normalize(others, axis=1)
    within = tf.matmul(anchors, anchors, transpose_b=True) / temperature  # [num, num]
    across = tf.matmul(anchors, others, transpose_b=True) / temperature  # [num, num]
    within = tf.linalg.set_diag(within, tf.fill(tf.shape(both), _NEVER))
    compared = tf.concat(
        [tf.where(both[None, :], within, _NEVER), tf.where(both[None, :], across, _NEVER)], axis=1
    )
    loss = tf.reduce_logsumexp(compared, axis=1) - tf.linalg.diag_part(across)
    return tf.where(both, loss, 0.0)
