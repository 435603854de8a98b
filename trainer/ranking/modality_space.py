"""Do the modalities of an artist say the same of it (003, sections 2.6 and 3.5)?

Each artist has one embedding for each of its modalities, in the space of the model. d is the cosine
distance, 1 - cos; a zero vector has cosine 0 with all others.
"""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class ModalitySpace:
    """Figures of each artist that has two modalities or more, all [num] float64.

    Attributes:
      artists: [num] int64 places among the artists that were given.
      expected_contrastive_loss: ECL(i) = mean over the ordered pairs u != v of i's modalities of
        d(i in u, i in v) - mean over the other artists j with v of d(i in u, j in v). In [-2, 2];
        below 0: an artist is nearer to itself in another modality than others are to it. NaN where
        no other artist has any of the modalities.
      intra_cluster_distance: CD_intra(i), the mean distance of i's embeddings from their mean, its
        centroid (footnote 8). Small: the modalities agree.
      inter_cluster_distance: CD_inter(i), the mean distance of i's centroid from the other artists'
        (footnote 8). Large: the artist stands apart. NaN where there is no other.
    """

    artists: np.ndarray
    expected_contrastive_loss: np.ndarray
    intra_cluster_distance: np.ndarray
    inter_cluster_distance: np.ndarray


def modality_space(embeddings: np.ndarray, present: np.ndarray) -> ModalitySpace:
    """Measures how the embeddings of an artist's modalities lie to each other.

    003 takes it where all artists have all modalities. Here it is taken of the artists that have
    two or more, among themselves, over the modalities that each has. Costs O(num_artists * dim *
    num_modalities^2): a mean of cosines is one cosine with a sum of unit vectors.

    Args:
      embeddings: [num_modalities, num_artists, dim] float32, finite.
      present: [num_modalities, num_artists] bool; where False the embedding does not count.

    Returns:
      The figures of the artists that have two modalities or more, in their order.
    """
    artists = np.flatnonzero(present.sum(axis=0) >= 2)
    present = present[:, artists]
    vectors = embeddings[:, artists].astype(np.float64) * present[:, :, None]
    units = _unit(vectors)
    number = present.sum(axis=0)
    centroids = vectors.sum(axis=0) / np.maximum(number, 1)[:, None]
    directions = _unit(centroids)
    to_centroid = 1 - (units * directions).sum(axis=2)  # [num_modalities, num]
    return ModalitySpace(
        artists,
        _expected_contrastive_loss(units, present),
        (to_centroid * present).sum(axis=0) / np.maximum(number, 1),
        1 - _mean_cosine_with_others(directions, directions, np.ones(len(artists), bool)),
    )


def _expected_contrastive_loss(units: np.ndarray, present: np.ndarray) -> np.ndarray:
    total, pairs = np.zeros((2, present.shape[1]))
    for u, query in enumerate(units):
        for v, key in enumerate(units):
            both = present[u] & present[v]
            if u == v or present[v].sum() < 2 or not both.any():
                continue
            # d_ii - E[d_ij] = E[cos_ij] - cos_ii.
            others = _mean_cosine_with_others(query, key, present[v])
            total[both] += (others - (query * key).sum(axis=1))[both]
            pairs[both] += 1
    return np.divide(total, pairs, out=np.full(len(total), np.nan), where=pairs > 0)


def _mean_cosine_with_others(query: np.ndarray, key: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """[num]: of each row of `query`, the mean over the other counted rows of `key`, or NaN."""
    key = key * counted[:, None]
    total = query @ key.sum(axis=0) - (query * key).sum(axis=1)
    others = counted.sum() - counted
    return np.divide(total, others, out=np.full(len(query), np.nan), where=others > 0)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1; zeros stay."""
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, norm, out=np.zeros_like(vectors), where=norm > 0)
