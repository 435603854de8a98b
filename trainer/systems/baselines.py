"""The systems that need no training, by name: what a trained one is compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

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
