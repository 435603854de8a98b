"""How an embedding of content ranks the artists of a population."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import scipy.sparse as sp

from benchmarks.catalogue import JudgedCatalogue
from trainer.graph import ArtistGraph
from trainer.ranking.evaluation import METRIC, evaluate_ranking
from trainer.ranking.modality_groups import GROUP_PLACES, ModalityGroups, group_matrix
from trainer.ranking.ranking import top_lists
from trainer.systems.base import dot_products

ANY: Final = "any"
"""The artists that have a modality: "all the artists" of 003, section 2.4."""
FULL: Final = "full"
"""Those that have every modality: its "full modality coverage"."""
POPULATIONS: Final = (ANY, FULL)
GINI: Final = "gini@200"


@dataclasses.dataclass(frozen=True)
class Population:
    """Artists that are queries and candidates, and who is similar to whom.

    Attributes:
      name: ANY or FULL.
      artists: [num] int64 rows.
      truth: [num_artists, num_artists] CSR, all similar artists that the examples know of.
    """

    name: str
    artists: np.ndarray
    truth: sp.csr_matrix


def populations(catalogue: JudgedCatalogue, names: tuple[str, ...]) -> dict[str, Population]:
    """ANY and FULL, over these modalities.

    No edge is read in the training of content alone, so that all of them are the truth: those among
    training artists, those of judged artists, and the hidden ones of both judged splits. Edges
    between the two judged splits are not in the examples.
    """
    graph = catalogue.graph
    truth = graph.served_edges() + catalogue.validation + catalogue.truth
    truth = (truth + truth.T).tocsr()
    present = np.array([graph.content[name].present for name in names])
    chosen = {ANY: present.any(axis=0), FULL: present.all(axis=0)}
    return {name: Population(name, np.flatnonzero(chosen[name]), truth) for name in POPULATIONS}


@dataclasses.dataclass(frozen=True)
class Ranked:
    """What a ranking of a population came to.

    Attributes:
      queries: [num_queries] int64 rows, the artists that have a similar one among the population.
      ndcg: [num_queries] float64, nDCG@200.
      gini: of the first 200 places of their lists.
    """

    queries: np.ndarray
    ndcg: np.ndarray
    gini: float


def ranked(embedding: np.ndarray, population: Population, graph: ArtistGraph) -> Ranked:
    """Ranks a population by the dot product of its vectors, [num_artists, dim]."""
    found = evaluate_ranking(
        dot_products(embedding),
        population.truth,
        population.artists,
        np.nan_to_num(graph.popularity),
        k=(200,),
    )
    return Ranked(found.queries, found.per_query[METRIC], found.of_lists[GINI])


def across_groups(embedding: np.ndarray, artists: np.ndarray, groups: ModalityGroups) -> np.ndarray:
    """[num_groups, num_groups] float64: how the first places of a group's lists are shared out."""
    lists = top_lists(dot_products(embedding), artists, artists, GROUP_PLACES)
    return group_matrix(lists, groups)
