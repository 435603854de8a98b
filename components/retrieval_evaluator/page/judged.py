"""The contents of the page of a judgement."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import scipy.sparse as sp

from components.retrieval_evaluator.judgement import Judgement
from components.retrieval_evaluator.names import BLESSED_MODEL, CONDITIONS, KNN, MODEL, PAGERANK
from components.retrieval_evaluator.page.collect import changes, degree_bins, exposure
from components.retrieval_evaluator.page.contents import CatalogueMap, PageContents
from components.retrieval_evaluator.page.training_curves import read_curves
from trainer.catalogue_map import catalogue_map
from trainer.explorer_data import read_places
from trainer.graph import ArtistGraph
from trainer.ranking.genres import genres

_CONNECTED: Final = CONDITIONS[0]
_DRAWN: Final = (MODEL, BLESSED_MODEL, PAGERANK, KNN)
"""Systems that are drawn where all would be too many."""
_NUM_NEIGHBORS: Final = 10
_NUM_GROUPS: Final = 11
_MOST_PLACES: Final = 20_000


def page_contents(
    judgement: Judgement,
    graph: ArtistGraph,
    truth: sp.csr_matrix,
    model_path: str,
    training_log: Path | None,
) -> PageContents:
    """Collects what the page shows; everything but the tables is of the connected condition.

    Args:
      judgement: with the first places of the rankings.
      graph: the catalogue.
      truth: [num_artists, num_artists] CSR of hidden edges.
      model_path: of the SavedModel, whose map is shown if it brings one.
      training_log: the folder with TensorBoard's files.
    """
    scores = {
        system: judgement.scores[_CONNECTED][system]
        for system in _DRAWN
        if system in judgement.scores[_CONNECTED]
    }
    candidates, queries = judgement.artists, scores[MODEL].queries
    edges = graph.visible_edges(judgement.split)
    lists = {
        # -1, which is nobody, stays so.
        system: np.append(candidates, -1)[one.top[:, :_NUM_NEIGHBORS]]
        for system, one in scores.items()
        if one.top is not None
    }
    other = BLESSED_MODEL if BLESSED_MODEL in scores else PAGERANK
    return PageContents(
        metrics=judgement.metrics(),
        verdict=judgement.verdict.as_json(),
        degrees=degree_bins(
            np.diff(edges.indptr)[queries], {system: one.ndcg for system, one in scores.items()}
        ),
        exposure=exposure(lists, truth, queries, candidates, _popularity(graph, edges)),
        map=_map(judgement, graph, model_path),
        changes=changes(
            other,
            scores[other],
            scores[MODEL],
            (lists[other], lists[MODEL]),
            truth,
            candidates,
            graph.name,
        ),
        curves=read_curves(training_log) if training_log else [],
    )


def _popularity(graph: ArtistGraph, edges: sp.csr_matrix) -> np.ndarray:
    """The catalogue's; the number of visible edges where it has none, as `popularity_bias` does."""
    if np.isnan(graph.popularity).all():
        return np.diff(edges.indptr).astype(np.float64)
    return graph.popularity


def _map(judgement: Judgement, graph: ArtistGraph, model_path: str) -> CatalogueMap | None:
    """The model's own map of its catalogue, or the judged artists by their connected vectors."""
    places = read_places(model_path)
    if places is not None and len(places) == len(graph):
        method = "the map that the explorer shows"
        artists = np.arange(len(graph))
    elif len(judgement.artists):
        embedding = judgement.embeddings[_CONNECTED]
        places = np.zeros((len(graph), 2))
        places[judgement.artists] = catalogue_map(np.nan_to_num(embedding), "pca")
        artists = judgement.artists
        method = "the two leading principal components of their vectors"
    else:
        return None
    score = np.full(len(graph), np.nan)
    scored = judgement.scores[_CONNECTED][MODEL]
    score[scored.queries] = scored.ndcg
    if len(artists) > _MOST_PLACES:
        # The judged ones, and others evenly among the rest.
        others = np.setdiff1d(artists, judgement.artists)
        room = max(_MOST_PLACES - len(judgement.artists), 0)
        step = np.linspace(0, len(others) - 1, min(room, len(others))).astype(int)
        artists = np.union1d(judgement.artists, others[step])
        method += f", of {len(graph):,}"
    found = genres(graph, _NUM_GROUPS)
    names = [*found.frequent, "other" if found.frequent else "artists"]
    place = {word: number for number, word in enumerate(found.frequent)}
    group = np.array([place.get(word, len(place)) for word in found.genre[artists]])
    return CatalogueMap(
        x=places[artists, 0],
        y=places[artists, 1],
        name=graph.name[artists],
        group=group,
        groups=names,
        score=score[artists],
        method=method,
    )
