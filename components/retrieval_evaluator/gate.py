"""The gate: whether a new model may replace the blessed one, and why."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from components.retrieval_evaluator.config import GateConfig
from trainer.ranking.bootstrap import Interval, interval, paired_interval
from trainer.ranking.ndcg import QueryScores


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The gate's decision.

    Attributes:
      blessed: whether the model may be pushed.
      reason: one sentence with the figures.
      value: mean nDCG@200 of the new model with its 95% interval, NaN if there is none.
      difference: mean of (new - blessed) over the queries that both have, with its 95% interval;
        None where there is no blessed model or no such query.
    """

    blessed: bool
    reason: str
    value: Interval
    difference: Interval | None


def judge(
    new: QueryScores,
    blessed: QueryScores | None,
    config: GateConfig,
    *,
    faults: Sequence[str] = (),
) -> Verdict:
    """Blesses a model that is above the floor and not worse than the blessed one.

    A model without any scored query, with NaN scores or with a fault is never blessed; nor is one
    that cannot be compared with the blessed model because they share no query.

    Args:
      new: nDCG@200 of the new model in config.condition.
      blessed: that of the latest blessed model over the rows of the same graph; None for the first
        model, which has only the floor.
      config: what must be reached.
      faults: what else is wrong with the model, as clauses ('all embeddings are equal').

    Returns:
      The verdict.
    """
    value = interval(new.ndcg)
    difference, unpaired = _difference(new, blessed)
    flaw = _flaw(new, faults)
    if flaw:
        return Verdict(False, f"Not blessed: {flaw}.", value, difference)
    above = value.value > config.floor
    clauses = [
        f"{_score_name(config)} {value.value:.3f} [{value.low:.3f}, {value.high:.3f}] is "
        f"{'' if above else 'not '}above the floor {config.floor:g}"
    ]
    not_worse = True
    if blessed is None:
        clauses.append("there is no blessed model to compare with")
    elif difference is None:
        not_worse = False
        clauses.append("it shares no query with the blessed model to be compared on")
    elif math.isnan(difference.value):
        not_worse = False
        clauses.append("the blessed model's scores are NaN, so the two cannot be compared")
    else:
        not_worse = difference.low >= -config.slack
        clauses.append(
            f"{'not' if not_worse else 'may be'} worse than the blessed model: difference "
            f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}], allowed "
            f"down to {0 - config.slack:.3f}"
        )
    joint = " and " if above == not_worse else " but "
    reason = joint.join(clauses)
    if difference is not None and unpaired:
        reason += f" ({unpaired} queries that only one of the two has are left out)"
    return Verdict(above and not_worse, reason, value, difference)


def _difference(new: QueryScores, blessed: QueryScores | None) -> tuple[Interval | None, int]:
    """The paired interval over the common queries, and how many queries are not common."""
    if blessed is None:
        return None, 0
    common, in_new, in_blessed = np.intersect1d(
        new.queries, blessed.queries, assume_unique=True, return_indices=True
    )
    unpaired = len(new.queries) + len(blessed.queries) - 2 * len(common)
    if not len(common):
        return None, unpaired
    return paired_interval(new.ndcg[in_new], blessed.ndcg[in_blessed]), unpaired


def _flaw(new: QueryScores, faults: Sequence[str]) -> str:
    """What forbids any blessing, empty if nothing does."""
    flaws = list(faults)
    if not len(new.ndcg):
        flaws.append(
            f"there is no query to judge by ({new.num_skipped} artists of the split have no "
            "hidden positive)"
        )
    num_nan = int(np.isnan(new.ndcg).sum())
    if num_nan:
        flaws.append(f"the scores of {num_nan} of {len(new.ndcg)} queries are NaN")
    return "; ".join(flaws)


def _score_name(config: GateConfig) -> str:
    return "nDCG@200" if config.condition == "connected" else f"{config.condition} nDCG@200"
