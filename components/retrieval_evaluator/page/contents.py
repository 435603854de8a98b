"""What the page shows, as plain values: made in `collect`, drawn in `figures` and `rendering`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainer.ranking.bootstrap import Interval


@dataclasses.dataclass(frozen=True)
class DegreeBin:
    """Queries of nearly as many visible edges.

    Attributes:
      low: fewest edges.
      high: most edges.
      num_queries: of the bin.
      scores: by system, the mean nDCG@200 with its 95% interval.
    """

    low: int
    high: int
    num_queries: int
    scores: Mapping[str, Interval]

    @property
    def title(self) -> str:
        """'3–4'; '0' where there is one number only."""
        return str(self.low) if self.low == self.high else f"{self.low}–{self.high}"


@dataclasses.dataclass(frozen=True)
class Exposure:
    """Where in popularity the retrieved artists lie.

    Attributes:
      cutoff: of the lists.
      shares: by system, for 'truth', the hidden positives, and for 'candidates', all of them:
        [11] float, the share that each tenth of the candidates of known popularity has, the least
        popular first, and at last the share of those whose popularity is unknown.
    """

    cutoff: int
    shares: Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class CatalogueMap:
    """Places of artists in the plane.

    Attributes:
      x, y: [num_artists] float.
      name: [num_artists] of the artists.
      group: [num_artists] int, an index into `groups`.
      groups: what the colours stand for.
      score: [num_artists] float, the connected nDCG@200; NaN where the artist is no query.
      method: how the places were found, in words.
    """

    x: np.ndarray
    y: np.ndarray
    name: np.ndarray
    group: np.ndarray
    groups: Sequence[str]
    score: np.ndarray
    method: str


@dataclasses.dataclass(frozen=True)
class Neighbor:
    """A retrieved artist.

    Attributes:
      name: for people.
      similar: whether it is a hidden positive of the query.
    """

    name: str
    similar: bool


@dataclasses.dataclass(frozen=True)
class Change:
    """A query whose list changed for the better or worse.

    Attributes:
      name: of the artist.
      num_positives: its hidden positives.
      before: nDCG@200 of the other system.
      after: nDCG@200 of the new model.
      neighbors_before: its first artists with the other system.
      neighbors_after: its first artists with the new model.
    """

    name: str
    num_positives: int
    before: float
    after: float
    neighbors_before: Sequence[Neighbor]
    neighbors_after: Sequence[Neighbor]


@dataclasses.dataclass(frozen=True)
class Changes:
    """The largest gains and losses against another system, on the same queries.

    Attributes:
      other: the system: the blessed model, or PageRank where there is none.
      gains: the largest first.
      losses: the largest first.
    """

    other: str
    gains: Sequence[Change]
    losses: Sequence[Change]


@dataclasses.dataclass(frozen=True)
class Curve:
    """A scalar of the training.

    Attributes:
      name: as TensorBoard has it, 'val/connected_ndcg_at_200'.
      epoch: [num_epochs] int.
      value: [num_epochs] float.
    """

    name: str
    epoch: np.ndarray
    value: np.ndarray


@dataclasses.dataclass(frozen=True)
class PageContents:
    """All of the page.

    Attributes:
      metrics: the content of `metrics.json`.
      verdict: the content of `verdict.json`.
      degrees: bins of connected queries.
      exposure: None where no list is known.
      map: None where no artist is judged.
      changes: None where there is no other system or query.
      curves: empty where the training's log is not there.
    """

    metrics: Mapping[str, Any]
    verdict: Mapping[str, Any]
    degrees: Sequence[DegreeBin]
    exposure: Exposure | None
    map: CatalogueMap | None
    changes: Changes | None
    curves: Sequence[Curve]
