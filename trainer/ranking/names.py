"""The names of metrics and slices, and which way each metric is better; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

Better = Literal["higher", "lower", "near zero"]

PER_QUERY: Final[Mapping[str, Better]] = {
    "ndcg": "higher",
    "hit_ratio": "higher",
    "recall": "higher",
    "precision": "higher",
    "r_precision": "higher",
    "map": "higher",
    "mrr": "higher",
    "unordered_accuracy": "higher",
    "edit_distance_accuracy": "higher",
    "popularity_bias": "near zero",
}
"""Metrics with a value for each query, by their name without a cut-off."""
OF_LISTS: Final[Mapping[str, Better]] = {
    "coverage": "higher",
    "gini": "lower",
    "hubness": "lower",
}
"""Figures of all queries' lists together."""
_WITHOUT_CUTOFF: Final = ("r_precision", "map", "mrr")
_CUTOFFS: Final[Mapping[str, tuple[int, ...]]] = {
    "unordered_accuracy": (3, 5, 10, 25),
    "edit_distance_accuracy": (3, 5, 10, 25),
}
"""Of the metrics that are not taken at the ranks that a person names."""
_ALWAYS: Final = ("ndcg@200",)


ALL: Final = "all"
"""The slice of all judged artists."""
LONG_TAIL: Final = "long_tail"
"""Of artists with at most one visible edge."""
NO_EDGES: Final = "no_edges"
ONE_EDGE: Final = "one_edge"
NEW: Final = "new"
"""Of artists that the blessed model's catalogue does not have."""


def metric_names(k: Iterable[int]) -> list[str]:
    """The names of all metrics that are measured when the cut-off ranks are `k`."""
    ranks = tuple(k)
    names = list(_ALWAYS)
    for kind in (*PER_QUERY, *OF_LISTS):
        if kind in _WITHOUT_CUTOFF:
            names.append(kind)
        else:
            names += [f"{kind}@{cut}" for cut in _CUTOFFS.get(kind, ranks)]
    return list(dict.fromkeys(names))
