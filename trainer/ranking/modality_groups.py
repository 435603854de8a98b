"""Do rankings cross the borders between artists with different modalities (003, sections 2.4, 3.3)?

003 draws 7 groups of equal size at random and takes modalities away until each group has one set of
them. Here a group is what artists of the catalogue really have, so that groups differ in size and
in more than their modalities: what to compare a row of the matrix with is the candidates' shares.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np

from trainer.graph import Content

MAX_GROUPS: Final = 8
"""Sets of modalities that are a group each; all rarer ones are one group together."""
GROUP_PLACES: Final = 5
"""How far down a list counts: "the top 5 results" (003, section 3.3)."""
OTHER: Final = "other"
NOTHING: Final = "none"


@dataclasses.dataclass(frozen=True)
class ModalityGroups:
    """Which modalities artists have.

    Attributes:
      names: of the groups, the largest first: 'audio+tags', NOTHING, and OTHER last.
      group: [num_artists] int64, each artist's place in `names`.
    """

    names: tuple[str, ...]
    group: np.ndarray

    def shares(self) -> np.ndarray:
        """[num_groups] float64, each group's share of the artists."""
        return self.sizes() / max(1, len(self.group))

    def sizes(self) -> np.ndarray:
        """[num_groups] int64."""
        return np.bincount(self.group, minlength=len(self.names))


def modality_groups(content: Mapping[str, Content], artists: np.ndarray) -> ModalityGroups:
    """Groups some artists by the modalities that they have.

    Args:
      content: of all artists, by modality.
      artists: [num] int64 rows.

    Returns:
      The MAX_GROUPS most frequent sets of modalities, and OTHER if there are more. Of sets that are
      equally frequent the one with the first name comes first.
    """
    names = sorted(content)
    present = np.array([content[name].present[artists] for name in names], bool)
    present = present.reshape(len(names), len(artists)).T
    patterns, member = np.unique(present, axis=0, return_inverse=True)
    sizes = np.bincount(member.ravel(), minlength=len(patterns))
    titles = ["+".join(np.array(names)[row]) or NOTHING if names else NOTHING for row in patterns]
    order = sorted(range(len(patterns)), key=lambda i: (-sizes[i], titles[i]))
    place = np.empty(len(patterns), np.int64)
    place[order] = np.minimum(np.arange(len(patterns)), MAX_GROUPS)
    kept = tuple(titles[i] for i in order[:MAX_GROUPS])
    rest = (OTHER,) if len(patterns) > MAX_GROUPS else ()
    return ModalityGroups(kept + rest, place[member.ravel()])


def group_matrix(lists: np.ndarray, groups: ModalityGroups, k: int = GROUP_PLACES) -> np.ndarray:
    """How the places of each group's lists are shared out among the groups (003, figure 2).

    matrix[g, h] = places that artists of group h hold among the first k of the lists of group g's
    queries, over all such places.

    Args:
      lists: [num_artists, places] int32: each artist's list, positions among the same artists; -1
        for none.
      groups: of these artists.
      k: how far down a list counts.

    Returns:
      [num_groups, num_groups] float64, each row of sum 1; NaN in a row without any place.
    """
    query, place = np.nonzero(lists[:, :k] >= 0)
    num_groups = len(groups.names)
    cell = groups.group[query] * num_groups + groups.group[lists[query, place]]
    counts = np.bincount(cell, minlength=num_groups**2).reshape(num_groups, num_groups)
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)


def group_entropy(matrix: np.ndarray) -> float:
    """The entropy of what a group's queries retrieve, averaged over the groups (003, table 2).

    H = 1 / num_groups * sum over g of -sum over h of matrix[g, h] * ln matrix[g, h].

    003 gives no formula. That it is this mean, in natural logarithms, fits its table: an embedding
    of one modality can only rank 4 of its 7 groups against each other, which this formula gives at
    most 4 / 7 * ln 4 = 0.79, and the table has 0.76, 0.79 and 0.79. Rows without any place are left
    out of the mean.

    Args:
      matrix: [num_groups, num_groups] float64, from `group_matrix`, or rows of shares.

    Returns:
      0 where every group retrieves one group alone, ln(num_groups) where all retrieve all equally;
      NaN without any row.
    """
    rows = matrix[~np.isnan(matrix).any(axis=1)]
    if not rows.size:
        return float("nan")
    logarithm = np.log(np.where(rows > 0, rows, 1))
    return float(-(rows * logarithm).sum() / len(rows)) + 0.0
