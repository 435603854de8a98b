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
    num_positives = np.diff(positives.indptr)
    rows = np.repeat(np.arange(len(num_positives)), num_positives)
    # Sorted as they are and then turned around: there may be weights that cannot be negated.
    rising = positives.data[np.lexsort((positives.data, rows))]
    place = np.repeat(positives.indptr[1:], num_positives) - 1 - np.arange(len(rows))
    truth = np.zeros((len(num_positives), places), positives.dtype)
    listed = place < places
    truth[rows[listed], place[listed]] = rising[listed]
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
    distance = length.copy()
    # Without any positive all places are substituted.
    some = np.flatnonzero(
        ((found[:, :n] != 0) & (np.arange(found[:, :n].shape[1]) < length[:, None])).any(axis=1)
    )
    if len(some):
        distance[some] = _edit_distances(found[some], truth[some], length[some])
    return 1 - distance / length


def _edit_distances(found: np.ndarray, truth: np.ndarray, length: np.ndarray) -> np.ndarray:
    """[num_queries] int64: Levenshtein's between the first `length` places of two lists each."""
    size = int(length.max())
    found, truth = found[:, :size], truth[:, :size]
    distance = np.zeros((size + 1, size + 1, len(length)), np.int16)
    distance[0] = distance[:, 0] = np.arange(size + 1)[:, None]
    same = (found[:, :, None] == truth[:, None, :]) & (found[:, :, None] != 0)
    different = np.ascontiguousarray(~same.transpose(1, 2, 0))
    # distance[i, j]: between the first i of the ranking and the first j of the truth. All cells of
    # a diagonal i + j = step are known once those of the two before it are.
    for step in range(2, 2 * size + 1):
        i = np.arange(max(1, step - size), min(size, step - 1) + 1)
        j = step - i
        edited = 1 + np.minimum(distance[i - 1, j], distance[i, j - 1])
        distance[i, j] = np.minimum(distance[i - 1, j - 1] + different[i - 1, j - 1], edited)
    return distance[length, length, np.arange(len(length))].astype(np.int64)
