"""What a person may say of graph building; each default once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import dacite

AUTO: Final = "auto"
MEMORY: Final = "memory"
SUBGRAPHS: Final = "subgraphs"
SAMPLINGS: Final = (AUTO, MEMORY, SUBGRAPHS)
"""Where training finds what an artist hears: docs/scale.md."""


@dataclasses.dataclass(frozen=True)
class ListeningConfig:
    """How plays become the modality `listening`: weighted matrix factorisation.

    Attributes:
      enabled: whether they do.
      factors: the length of the vectors.
      alpha, epsilon: of the confidence 1 + alpha * log(1 + plays / epsilon) that a listener likes
        an artist.
      regularization: lambda, the weight of the vectors' squares.
      iterations: of alternating least squares.
      max_listeners: the listeners who played the most training artists that are kept.
      seed: of the vectors that the fit begins with.
    """

    enabled: bool = True
    factors: int = 64
    alpha: float = 1.0
    epsilon: float = 1.0
    regularization: float = 1.0
    iterations: int = 15
    max_listeners: int = 100_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        for name in ("factors", "iterations", "max_listeners"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("alpha", "epsilon", "regularization"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name):g}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, not {self.seed}")


@dataclasses.dataclass(frozen=True)
class BuildConfig:
    """How ego graphs are built.

    Attributes:
      fractions: of train, val and test, where the catalogue has no split column.
      neighbor_cap: the most neighbours that an ego graph lists; what is cut is counted.
      vocabulary_size: the most used words of a categories modality that models see. Learning word
        factors takes 8 bytes times its square in a worker.
      max_tracks: of a table of vectors with several rows an artist, the rows that are averaged: of
        each modality the first that have it, in the table's order; what is cut is counted (25: 000,
        section 3.1).
      word_factors: the most numbers that an artist's words are reduced to, where a model asks for
        `factors`.
      pca_dim: a vector modality wider than this is reduced to as many principal components; 0: none
        is. Learning them takes 24 bytes times the square of the modality's width in a worker.
      listening: how plays become content.
      sampling: one of SAMPLINGS. MEMORY: training loads the whole graph. SUBGRAPHS: each artist's
        neighbourhood is sampled here, and training streams these files. AUTO: the former where it
        fits in memory.
      fan_outs: of subgraphs, the most neighbours that an artist at each distance from the root
        hears, the root first; one for each of the network's convolutions, further ones are not
        used.
      shards: files of each split.
    """

    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    neighbor_cap: int = 10_000
    vocabulary_size: int = 500
    max_tracks: int = 25
    word_factors: int = 200
    pca_dim: int = 0
    listening: ListeningConfig = ListeningConfig()
    sampling: str = AUTO
    fan_outs: tuple[int, ...] = (25, 10, 5, 3)
    shards: int = 1

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        if len(self.fractions) != 3 or min(self.fractions) <= 0:
            raise ValueError("fractions must be three numbers above zero")
        if abs(sum(self.fractions) - 1) > 1e-9:
            raise ValueError(f"fractions must sum to 1, not {sum(self.fractions):g}")
        for name in ("neighbor_cap", "vocabulary_size", "max_tracks", "word_factors", "shards"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.pca_dim < 0:
            raise ValueError(f"pca_dim must be at least 0, not {self.pca_dim}")
        if self.sampling not in SAMPLINGS:
            raise ValueError(
                f"sampling must be one of {', '.join(SAMPLINGS)}, not {self.sampling!r}"
            )
        if not self.fan_outs or min(self.fan_outs) < 1:
            raise ValueError("fan_outs must be numbers above zero, one for each convolution")
        # Else an artist near one root would hear artists whose own neighbours no subgraph has.
        if list(self.fan_outs) != sorted(self.fan_outs, reverse=True):
            raise ValueError(f"fan_outs must not rise from hop to hop: {list(self.fan_outs)}")


@dataclasses.dataclass(frozen=True)
class Reach:
    """What subgraphs hold, for the network that will read them.

    Attributes:
      fan_outs: one for each hop.
      modalities: of which the content is kept; None: of all.
    """

    fan_outs: tuple[int, ...]
    modalities: tuple[str, ...] | None = None


def read_reach(given: Mapping[str, Any]) -> Reach:
    """A Reach from what was JSON."""
    return dacite.from_dict(Reach, given, dacite.Config(cast=[tuple]))


def read_config(given: Mapping[str, Any]) -> BuildConfig:
    """A BuildConfig from what was JSON, which has lists only."""
    return dacite.from_dict(BuildConfig, given, dacite.Config(cast=[tuple]))
