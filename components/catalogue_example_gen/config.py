"""What a person may say of graph building; each default once."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class BuildConfig:
    """How ego graphs are built.

    Attributes:
      fractions: of train, val and test, where the catalogue has no split column.
      neighbor_cap: the most neighbours that an ego graph lists; what is cut is counted.
      vocabulary_size: the most used words of a categories modality that models see.
      shards: files of each split.
    """

    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    neighbor_cap: int = 10_000
    vocabulary_size: int = 500
    shards: int = 1

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        if len(self.fractions) != 3 or min(self.fractions) <= 0:
            raise ValueError("fractions must be three numbers above zero")
        if abs(sum(self.fractions) - 1) > 1e-9:
            raise ValueError(f"fractions must sum to 1, not {sum(self.fractions):g}")
        for name in ("neighbor_cap", "vocabulary_size", "shards"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
