"""Every metric of a ranking in plain loops, for scores and weights without ties."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence


def edit_distance(left: Sequence, right: Sequence) -> int:
    """Levenshtein's, by its recursion."""

    @functools.cache
    def between(i: int, j: int) -> int:
        if i == len(left) or j == len(right):
            return len(left) - i + len(right) - j
        if left[i] == right[j]:
            return between(i + 1, j + 1)
        return 1 + min(between(i + 1, j), between(i, j + 1), between(i + 1, j + 1))

    return between(0, 0)


def figures(
    score: Callable[[int, int], float],
    weight: Callable[[int, int], float],
    candidates: Sequence[int],
    popularity: Sequence[float],
    k: Sequence[int],
    sizes: Sequence[int] = (3, 5, 10, 25),
    ordered: bool = True,
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Each metric's value by query, and the figures of all lists.

    Without `ordered` no positive is truer than another, and the edit distance is left out.
    """
    found: dict[str, list[float]] = {}
    lists = []
    percentile = {v: _percentile(v, candidates, popularity) for v in candidates}
    for query in candidates:
        others = [v for v in candidates if v != query]
        positives = [v for v in others if weight(query, v) != 0]
        if not positives:
            continue
        ranking = sorted(others, key=lambda v, query=query: -score(query, v))
        truth = sorted(positives, key=lambda v, query=query: -weight(query, v))
        lists.append(ranking)
        values = {"ndcg@200": _ndcg(ranking, positives, 200)}
        for cut in k:
            hits = [v for v in ranking[:cut] if v in positives]
            values[f"ndcg@{cut}"] = _ndcg(ranking, positives, cut)
            values[f"hit_ratio@{cut}"] = 1.0 if hits else 0.0
            values[f"recall@{cut}"] = len(hits) / len(positives)
            values[f"precision@{cut}"] = len(hits) / cut
            values[f"popularity_bias@{cut}"] = _mean(
                [percentile[v] for v in ranking[:cut]]
            ) - _mean([percentile[v] for v in positives])
        ranks = [rank for rank, v in enumerate(ranking, 1) if v in positives]
        first = ranking[: len(positives)]
        values["r_precision"] = len([v for v in first if v in positives]) / len(positives)
        values["map"] = _mean([i / rank for i, rank in enumerate(ranks, 1)])
        values["mrr"] = 1 / ranks[0]
        for n in sizes:
            length = min(n, len(positives))
            listed, true = ranking[:length], truth[:length] if ordered else positives
            common = len([v for v in listed if v in true])
            values[f"unordered_accuracy@{n}"] = common / length
            if ordered:
                accuracy = 1 - edit_distance(listed, true) / length
                values[f"edit_distance_accuracy@{n}"] = accuracy
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    of_lists = {}
    for cut in k if lists else ():
        counts = [sum(v in ranking[:cut] for ranking in lists) for v in candidates]
        of_lists[f"coverage@{cut}"] = len([x for x in counts if x]) / len(counts)
        of_lists[f"gini@{cut}"] = _gini(counts)
        of_lists[f"hubness@{cut}"] = _skewness(counts)
    return found, of_lists


def _ndcg(ranking, positives, k):
    gain = sum(1 / math.log2(r + 1) for r, v in enumerate(ranking[:k], 1) if v in positives)
    return gain / sum(1 / math.log2(r + 1) for r in range(1, min(len(positives), k) + 1))


def _percentile(artist, candidates, popularity):
    less = len([v for v in candidates if popularity[v] < popularity[artist]])
    equal = len([v for v in candidates if popularity[v] == popularity[artist]])
    return (less + equal / 2) / len(candidates)


def _gini(counts):
    """Half the mean absolute difference of all pairs, over the mean."""
    pairs = [abs(x - y) for x in counts for y in counts]
    return _mean(pairs) / 2 / _mean(counts)


def _skewness(counts):
    mean = _mean(counts)
    variance = _mean([(x - mean) ** 2 for x in counts])
    return _mean([(x - mean) ** 3 for x in counts]) / variance**1.5 if variance else 0.0


def _mean(values):
    return sum(values) / len(values)
