"""Accuracy of the first few places against the true list of the same length (002, section 5).

002 compares "the top most similar artists" with "the ground truth using both unordered accuracy
(what proportion of artists are present in both lists) and edit distance", for n = 3, 5, 10 and 25.
It gives no formula, but the figures of its table 1 are multiples of 1 / (49 n) for 49 artists:
sums over artists of whole numbers out of n. So both are a count over the length of the lists.

The truth of 002 orders all artists; ours is the hidden edges, in the order of their weights. Two
things follow. A query with fewer positives than n is compared over as many places as it has
positives, m = min(n, num_positives), so that both lists have one length, as in 002, and a perfect
ranking has accuracy 1. And positives of equal weight have no order among them: of all true lists
that the weights allow, the one nearest to the ranking counts. In a catalogue without weights every
list of positives is a true list, and the two accuracies are equal.

Everywhere `found` is [num_queries, cutoff], the weight of the hidden edge to each place of the
ranking, 0 where there is none; `truth` is [num_queries, places], each query's weights in falling
order, filled up with 0; `num_positives` is [num_queries] int64, at least 1. Both must reach down to
min(n, num_positives). The results are [num_queries] float64 in [0, 1].
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.sparse as sp

SIZES: Final = (3, 5, 10, 25)
"""The n of table 1 of 002."""


def true_weights(positives: sp.csr_matrix, places: int) -> np.ndarray:
    """[num_queries, places]: of each row of a CSR the largest values, falling, filled up with 0."""
    truth = np.zeros((positives.shape[0], places), positives.dtype)
    for row, start in enumerate(positives.indptr[:-1]):
        weights = np.sort(positives.data[start : positives.indptr[row + 1]])[::-1][:places]
        truth[row, : len(weights)] = weights
    return truth


def unordered_accuracy(
    found: np.ndarray, truth: np.ndarray, num_positives: np.ndarray, n: int
) -> np.ndarray:
    """The share of artists that are in both lists (002, section 5).

    accuracy = |first m of the ranking and first m of the truth| / m, m = min(n, num_positives).
    """
    length = np.minimum(n, num_positives)
    found, truth = found[:, :n], truth[:, :n]
    listed = (np.arange(found.shape[1]) < length[:, None]) & (found != 0)
    true = np.arange(truth.shape[1]) < length[:, None]
    last = np.take_along_axis(truth, length[:, None] - 1, axis=1)
    # Who weighs more than the last true place is in the true list for sure. Those who weigh the
    # same share what places are left.
    certain = (listed & (found > last)).sum(axis=1)
    tied = np.minimum((listed & (found == last)).sum(axis=1), (true & (truth == last)).sum(axis=1))
    return (certain + tied) / length


def edit_distance_accuracy(
    found: np.ndarray, truth: np.ndarray, num_positives: np.ndarray, n: int
) -> np.ndarray:
    """How little of the ranking must be edited to become the true list (002, section 5).

    accuracy = 1 - d / m, m = min(n, num_positives), where d is the Levenshtein distance
    (insertions, deletions and substitutions of one artist) between the first m of both lists.

    An artist matches any place of the truth that has its weight. That is the least distance over
    all orders of equal weights: an alignment uses an artist once and a place once, so that some
    order puts each matched artist where it is matched.
    """
    length = np.minimum(n, num_positives)
    size = int(length.max(initial=0))
    # distance[j]: between the first i of the ranking and the first j of the truth.
    distance = np.tile(np.arange(size + 1)[:, None], len(length))
    result = np.zeros(len(length), np.int64)
    for i in range(1, size + 1):
        before, distance = distance, np.empty_like(distance)
        distance[0] = i
        same = (found[:, i - 1 : i] == truth[:, :size]) & (found[:, i - 1 : i] != 0)
        for j in range(1, size + 1):
            edited = 1 + np.minimum(before[j], distance[j - 1])
            distance[j] = np.minimum(before[j - 1] + ~same[:, j - 1], edited)
        result = np.where(length == i, distance[i], result)
    return 1 - result / length
