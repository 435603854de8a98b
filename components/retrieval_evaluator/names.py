"""What is compared, by name, and what a person reads for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CONNECTED: Final = "connected"
COLD: Final = "cold"
CONDITIONS: Final = (CONNECTED, COLD)
MODEL: Final = "model"
"""Its vectors: what the gate decides on."""
MODEL_PAIRWISE: Final = "model_pairwise"
"""The ranking of its `similar`, where that is more than the vectors' dot products."""
BLESSED_MODEL: Final = "blessed_model"
PAGERANK: Final = "pagerank"
KNN: Final = "knn"

SYSTEM_TITLES: Final[Mapping[str, str]] = {
    MODEL: "new model",
    MODEL_PAIRWISE: "new model, its `similar`",
    BLESSED_MODEL: "last blessed model",
    PAGERANK: "personalised PageRank",
    "common_neighbours": "common neighbours",
    KNN: "nearest content",
    "popularity": "popularity",
    "random": "random order",
}
_METRIC_TITLES: Final = {
    "ndcg": "nDCG",
    "hit_ratio": "hit ratio",
    "r_precision": "R-precision",
    "map": "MAP",
    "mrr": "MRR",
    "unordered_accuracy": "unordered accuracy",
    "edit_distance_accuracy": "edit-distance accuracy",
    "popularity_bias": "popularity bias",
    "gini": "Gini",
    "released_map": "MAP as released",
    "graded_ndcg": "graded nDCG",
}


def system_title(name: str) -> str:
    """A system in a person's words; one that has none keeps its name."""
    return SYSTEM_TITLES.get(name, name)


def metric_title(name: str) -> str:
    """A metric in a person's words: 'nDCG@200' of 'ndcg@200'."""
    kind, at, k = name.partition("@")
    return f"{_METRIC_TITLES.get(kind, kind)}{at}{k}"
