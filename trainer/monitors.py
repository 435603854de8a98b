"""Monitors of an embedding that need no judgement: its rank, its norms and its hubs.

An embedding that collapses still has a falling loss for a while; these show it at once.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Final

import numpy as np

RANKME_ARTISTS: Final = 25_600
"""The most artists whose rank is taken: as many as Garrido et al. 2023 take."""
RANKME_EPSILON: Final = 1e-7
"""Added to each share of the singular values (Garrido et al. 2023)."""
HUB_ARTISTS: Final = 10_000
"""The most artists among whom neighbours are sought; the time grows with the square."""
HUB_SIZE: Final = 2.0
"""A hub is among the k nearest of more than this times k others (Feldbauer et al. 2020)."""
BLOCK_SCORES: Final = 2**21
"""Dot products that are held at once."""
SEED: Final = 0
"""Of both samples."""


@dataclasses.dataclass(frozen=True)
class EmbeddingMonitors:
    """What an embedding looks like from outside; each is explained at the function of its name.

    Attributes:
      rankme: the effective rank, from 1 (all artists on one line) to dim.
      norm_spread: the standard deviation of the l2 norms over their mean.
      hub_share: of all places among the neighbours, those that hubs hold, 0 to 1.
    """

    rankme: float
    norm_spread: float
    hub_share: float


def embedding_monitors(embedding: np.ndarray, k: int = 10) -> EmbeddingMonitors:
    """The monitors of an embedding. The same embedding always gives the same.

    Args:
      embedding: [num_artists, dim] float32; either may be 0.
      k: how many neighbours an artist has.

    Returns:
      Finite numbers, but NaN for all three where a number of the embedding is not finite.

    Raises:
      ValueError: for k below 1.
    """
    if not np.isfinite(embedding).all():
        return EmbeddingMonitors(math.nan, math.nan, math.nan)
    return EmbeddingMonitors(rankme(embedding), norm_spread(embedding), hub_share(embedding, k))


def rankme(embedding: np.ndarray) -> float:
    """RankMe = exp(-sum_i p_i log p_i), with p_i = sigma_i / sum_j sigma_j + RANKME_EPSILON.

    sigma are the singular values of the embedding, not centred. Neither a rotation nor a factor
    changes it. A collapse into one point or one line gives 1, orthogonal rows of one length as
    many as they are. Above RANKME_ARTISTS a sample is taken.

    Source: Garrido, Balestriero, Najman & LeCun 2023, 'RankMe: Assessing the downstream
    performance of pretrained self-supervised representations by their rank'.

    Args:
      embedding: [num_artists, dim] float32, finite.

    Returns:
      0 where there is no artist, and where all vectors are zero.
    """
    if not embedding.size:
        return 0.0
    sample = _sample(embedding, RANKME_ARTISTS)
    singular = np.linalg.svd(sample, compute_uv=False)  # [min(num_artists, dim)] float64
    if not singular.any():
        return 0.0
    share = singular / singular.sum() + RANKME_EPSILON
    return float(np.exp(-(share * np.log(share)).sum()))


def norm_spread(embedding: np.ndarray) -> float:
    """The coefficient of variation of the l2 norms: their standard deviation over their mean.

    Unit vectors give 0. A zero vector counts as a norm of 0, so that an embedding with a share s
    of zero vectors among unit vectors gives sqrt(s / (1 - s)).

    Args:
      embedding: [num_artists, dim] float32, finite.

    Returns:
      0 where there is no artist, and where all vectors are zero.
    """
    norms = np.linalg.norm(embedding.astype(np.float64), axis=1)
    return float(norms.std() / norms.mean()) if norms.any() else 0.0


def hub_share(embedding: np.ndarray, k: int = 10) -> float:
    """Of all places among the k nearest neighbours, the share that is held by hubs.

    The k-occurrence N_k of an artist is how many others have it among their k nearest by dot
    product; its mean is k. Hubs are the artists with N_k > HUB_SIZE * k, and the share is
    sum_{hubs} N_k / (num_artists * k). Artists that tie for the last places share them in equal
    parts, so that the order of the artists is of no account, and an embedding that is one point
    has no hub.

    Above HUB_ARTISTS a sample of the artists stands for all: both those who ask and those who are
    found. If only those who ask were a sample, an artist's N_k would be a few by chance, and many
    would look like hubs: 2,000 of 20,000 random directions in 100 dimensions that ask all of them
    find a share of 0.26, where all that ask all find 0.0025, and 5,000 among themselves 0.0026.
    Where the norms differ, the share grows with the artists: compare those of equal samples.

    Sources: Radovanovic, Nanopoulos & Ivanovic 2010, 'Hubs in space' (k-occurrence); Feldbauer,
    Rattei & Flexer 2020, 'scikit-hubness' (hub size and this share, there 'hub occurrence').

    Args:
      embedding: [num_artists, dim] float32, finite.
      k: how many neighbours an artist has; all others where there are fewer.

    Returns:
      0 where there are fewer than two artists, and for zero vectors.

    Raises:
      ValueError: for k below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    occurrence, k = _k_occurrence(_sample(embedding, HUB_ARTISTS), k)
    # The parts of a place that is shared do not add up exactly.
    hubs = occurrence > HUB_SIZE * k + 1e-6
    return float(occurrence[hubs].sum() / (len(occurrence) * k)) if hubs.any() else 0.0


def _k_occurrence(embedding: np.ndarray, k: int) -> tuple[np.ndarray, int]:
    """N_k of each row of a [num, dim] float64: [num] float64, and k, at most num - 1."""
    num = len(embedding)
    occurrence, k = np.zeros(num), min(k, num - 1)
    if k < 1:
        return occurrence, k
    # Keeps the products within float32; a power of two, so that what ties does so still.
    embedding = np.ldexp(embedding, -np.frexp(np.abs(embedding).max(initial=0.0))[1])
    for queries in np.array_split(np.arange(num), -(-num * num // BLOCK_SCORES)):
        # Rounding makes equal what is equal but for the order of the additions.
        scores = (embedding[queries] @ embedding.T).astype(np.float32)  # [num_queries, num]
        scores[np.arange(len(queries)), queries] = -np.inf
        last = np.partition(scores, num - k, axis=1)[:, num - k]  # the k-th greatest
        query, found = np.nonzero(scores >= last[:, None])
        tied = scores[query, found] == last[query]
        num_tied = np.bincount(query[tied], minlength=len(queries))
        places = k - np.bincount(query[~tied], minlength=len(queries))  # left to those that tie
        weights = np.where(tied, (places / num_tied)[query], 1.0)
        occurrence += np.bincount(found, weights, minlength=num)
    return occurrence, k


def _sample(embedding: np.ndarray, most: int) -> np.ndarray:
    """The rows, or `most` of them drawn without replacement, as float64."""
    num = len(embedding)
    if num > most:
        embedding = embedding[np.random.default_rng(SEED).choice(num, most, replace=False)]
    return embedding.astype(np.float64)
