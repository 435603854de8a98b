"""The systems that need no training, by name: what a trained one is compared with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

from trainer.systems.base import System
from trainer.systems.common_neighbours import CommonNeighbours
from trainer.systems.knn import NearestContent
from trainer.systems.pagerank import PageRank
from trainer.systems.popularity import Popularity
from trainer.systems.random_order import RandomOrder

BASELINES: Final[dict[str, Callable[[], System]]] = {
    "pagerank": PageRank,
    "common_neighbours": CommonNeighbours,
    "knn": NearestContent,
    "popularity": Popularity,
    "random": RandomOrder,
}


def content_baselines(
    statistics: Mapping[str, Any], seed: int = 0
) -> dict[str, Callable[[], System]]:
    """The baselines of 003 (section 2.5), by name: 'modality:<name>', 'pca', 'random_projection'.

    They read content as networks do, so that they need what the builder learnt of it. The judge
    does not compare with them: `BASELINES` has 'knn', which reads the same.

    Args:
      statistics: `content.json` of the catalogue.
      seed: of what is random in them.
    """
    # It brings TensorFlow along, which the names above are asked for without.
    from trainer.systems.modalities import ReducedContent, SingleModality

    names = [entry["name"] for entry in statistics["modalities"]]
    return {
        **{
            f"modality:{name}": functools.partial(SingleModality, name, statistics)
            for name in names
        },
        "pca": functools.partial(ReducedContent, "pca", statistics, seed),
        "random_projection": functools.partial(
            ReducedContent, "random_projection", statistics, seed
        ),
    }
