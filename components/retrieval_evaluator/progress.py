"""How far the judge is, for whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Final

import numpy as np
import scipy.sparse as sp

from components.retrieval_evaluator.names import CONDITIONS
from trainer.console import Phases
from trainer.ranking.ranking import RankingBlock, hidden_positives

_JUDGING: Final = "judging"


class JudgingProgress:
    """Counts the queries that are ranked, of all systems in all conditions.

    A model whose `similar` ranks by more than the dot product is ranked once more in each, which is
    known only then: what there is to do grows by that.

    Args:
      truth: [num_artists, num_artists] CSR, hidden edges of the judged split.
      artists: [num_candidates] int64 rows of that split.
      num_systems: how many are judged.
    """

    def __init__(self, truth: sp.csr_matrix, artists: np.ndarray, num_systems: int):
        self._queries = len(hidden_positives(truth, artists).queries)
        self._phases = Phases({_JUDGING: num_systems * len(CONDITIONS) * self._queries})
        self._system = ""
        self._rankings = 0

    def __enter__(self) -> JudgingProgress:
        self._phases.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._phases.__exit__(kind, error, traceback)

    def tell(self, system: str) -> None:
        """This one's turn has come."""
        self._system, self._rankings = system, 0
        self._phases.advance(_JUDGING, 0, system)

    def watching(
        self, rank: Callable[..., Iterable[RankingBlock]]
    ) -> Callable[..., Iterator[RankingBlock]]:
        """The same ranking, whose queries are counted as they are done."""

        def ranked(*args: Any, **options: Any) -> Iterator[RankingBlock]:
            self._rankings += 1
            if self._rankings > len(CONDITIONS):
                self._phases.extend(_JUDGING, self._queries)
            for block in rank(*args, **options):
                yield block
                self._phases.advance(_JUDGING, len(block.top), self._system)

        return ranked
