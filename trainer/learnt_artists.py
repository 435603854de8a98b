"""Which artists weights have learnt from, and whether one of them is judged today.

Weights that a training begins with know what every training before them has seen, back to the one
that began anew. So does the network that comes of it: an artist that was learnt from then and is
judged today is judged by a network that has seen the answer.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from trainer.graph import SPLITS, TRAIN, VAL, ArtistGraph
from trainer.text_hashes import text_hashes


@dataclasses.dataclass(frozen=True)
class LearntArtists:
    """The artists that weights know of.

    A training learns from edges whose ends are both training artists, and chooses by hidden edges
    whose ends are both validation artists. So whoever has looked for the artists has looked for the
    edges: a hidden edge of today that a training knew has two ends that are in one of these sets.

    Attributes:
      taught: [num_taught] uint64, hashes of the ids of all that were ever training artists,
        ascending, each once.
      chose: [num_chose] uint64, the same of all that were ever validation artists, whose hidden
        edges chose the best epoch.
    """

    taught: np.ndarray
    chose: np.ndarray

    @classmethod
    def of(cls, graph: ArtistGraph) -> LearntArtists:
        """Those of a training on this graph that begins anew."""
        return cls(*(_hashes(graph, split) for split in (TRAIN, VAL)))

    def and_of(self, earlier: LearntArtists) -> LearntArtists:
        """Those of a training that begins where another ended."""
        return LearntArtists(
            np.union1d(self.taught, earlier.taught), np.union1d(self.chose, earlier.chose)
        )

    def judged_today(self, graph: ArtistGraph) -> str | None:
        """Who of them would be judged, as part of a sentence; None if nobody is.

        An artist of the validation split may have been one before: it chose then what it chooses
        now. One that was a training artist would choose what has learnt it by heart.

        Args:
          graph: today's catalogue.
        """
        found = []
        for split, known in (
            ("test", np.union1d(self.taught, self.chose)),
            ("val", self.taught),
        ):
            judged = _hashes(graph, SPLITS.index(split))
            both = len(np.intersect1d(judged, known, assume_unique=True))
            if both:
                found.append(f"{both:,} of today's {len(judged):,} {split} artists")
        if not found:
            return None
        return f"its weights know {' and '.join(found)} from trainings before"


def _hashes(graph: ArtistGraph, split: int) -> np.ndarray:
    return np.unique(text_hashes(graph.artist_id[graph.split == split]))
