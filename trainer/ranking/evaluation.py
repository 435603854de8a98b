"""All metrics of a system's ranking in one pass: each score is computed once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np
import scipy.sparse as sp

from trainer.ranking import distribution, metrics, small_lists
from trainer.ranking.ndcg import QueryScores
from trainer.ranking.ranking import RankingBlock, hidden_positives, ranking_blocks
from trainer.systems.base import Scorer

NDCG_CUTOFF: Final = 200
"""Of the nDCG that models are chosen and judged by (000, section 4.3)."""
METRIC: Final = f"ndcg@{NDCG_CUTOFF}"


@dataclasses.dataclass(frozen=True)
class RankingScores(QueryScores):
    """Every metric of a ranking; `ndcg` is METRIC.

    Attributes:
      per_query: by name, [num_queries] float64, METRIC first.
      of_lists: by name, a figure of all queries' lists together; NaN where there is no query.
      top: [num_queries, places] int32, as `top_lists` gives them; None where nobody asked for it.
    """

    per_query: Mapping[str, np.ndarray]
    of_lists: Mapping[str, float]
    top: np.ndarray | None = None


def evaluate_ranking(
    scorer: Scorer,
    truth: sp.csr_matrix,
    candidates: np.ndarray,
    popularity: np.ndarray,
    *,
    k: Sequence[int],
    seed: int = 0,
    block: int = 1024,
    places: int = 0,
    rank: Callable[..., Iterable[RankingBlock]] = ranking_blocks,
) -> RankingScores:
    """Ranks the candidates for each of them that has a positive, and measures the rankings.

    For each k: ndcg, hit_ratio, recall, precision, popularity_bias, and of all lists together
    coverage, gini and hubness, each as `name@k`. Whatever k is: METRIC, r_precision, map, mrr, and
    unordered_accuracy@n and edit_distance_accuracy@n for n of `small_lists.SIZES`. The functions of
    these names say what they are.

    Args:
      scorer: scores a block of queries against all candidates; compared as float32.
      truth: [num_artists, num_artists] CSR; row q's nonzero columns are q's hidden positives, its
        values their weights. Those that are not candidates do not count.
      candidates: [num_candidates] int64 rows, unique: the artists of the judged split.
      popularity: [num_artists], in any unit, no NaN.
      k: cut-off ranks.
      seed: of the order of ties.
      block: most queries that are scored at once; fewer where there are very many candidates.
      places: how many places of each list to keep as `top`; 0: none.
      rank: what ranks, with the arguments of `ranking_blocks`.

    Returns:
      What was measured; METRIC is that of `query_ndcg`.

    Raises:
      ValueError: a score is NaN, the scores have the wrong shape, a candidate comes twice, or a
        cut-off or block is below 1.
    """
    if not k or min(k) < 1:
        raise ValueError(f"k must be one or more numbers of at least 1, not {list(k)}.")
    hidden = hidden_positives(truth, candidates)
    percentile = distribution.popularity_percentile(np.asarray(popularity)[candidates])
    cutoff = max(*k, NDCG_CUTOFF, *small_lists.SIZES, places)
    top = np.zeros((len(hidden.queries), min(places, len(candidates))), np.int32)
    parts = [_no_query(k)]
    counts = {cut: np.zeros(len(candidates), np.int64) for cut in k}
    for ranked in rank(scorer, hidden, candidates, cutoff, seed=seed, block=block):
        parts.append(_per_query(ranked, percentile, k))
        top[ranked.part] = ranked.top[:, :places]
        for cut in k:
            counts[cut] += distribution.occurrences(ranked.top, cut, len(candidates))
    per_query = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    of_lists = {
        f"{measure.__name__}@{cut}": measure(counts[cut])
        for measure in (distribution.coverage, distribution.gini, distribution.hubness)
        for cut in k
    }
    return RankingScores(
        hidden.queries,
        per_query[METRIC],
        hidden.num_skipped,
        per_query,
        of_lists,
        top if places else None,
    )


def _per_query(
    ranked: RankingBlock, percentile: np.ndarray, k: Sequence[int]
) -> dict[str, np.ndarray]:
    hits, num_positives, ranks = ranked.hits, ranked.num_positives, ranked.positive_ranks()
    truth = small_lists.true_weights(ranked.positives, max(small_lists.SIZES))
    true_percentile = (ranked.positives != 0) @ percentile / num_positives
    return {
        METRIC: metrics.ndcg(hits, num_positives, NDCG_CUTOFF),
        **{f"ndcg@{cut}": metrics.ndcg(hits, num_positives, cut) for cut in k},
        **{f"hit_ratio@{cut}": metrics.hit_ratio(hits, cut) for cut in k},
        **{f"recall@{cut}": metrics.recall(hits, num_positives, cut) for cut in k},
        **{f"precision@{cut}": metrics.precision(hits, cut) for cut in k},
        "r_precision": metrics.r_precision(ranks, num_positives),
        "map": metrics.average_precision(ranks, num_positives),
        "mrr": metrics.reciprocal_rank(ranks, num_positives),
        **{
            f"{accuracy.__name__}@{n}": accuracy(ranked.weights, truth, num_positives, n)
            for accuracy in (small_lists.unordered_accuracy, small_lists.edit_distance_accuracy)
            for n in small_lists.SIZES
        },
        **{
            f"popularity_bias@{cut}": distribution.popularity_bias(
                ranked.top, cut, percentile, true_percentile
            )
            for cut in k
        },
    }


def _no_query(k: Sequence[int]) -> dict[str, np.ndarray]:
    """What `_per_query` returns of a block without any query, so that there is always one block."""
    nothing = np.zeros((0, 1))
    empty = RankingBlock(
        slice(0, 0), nothing.astype(np.int64), nothing, sp.csr_matrix((0, 1)), np.zeros(0, int)
    )
    return _per_query(empty, np.zeros(1), k)
