"""The map of a catalogue: a place in the plane for each artist, near those it is similar to."""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np

from trainer.config import MAPS

_UMAP: Final = MAPS[0]

MOST_LAID_OUT: Final = 20_000
"""Artists that are laid out together; the others are placed among them."""

_LEAST_FOR_UMAP: Final = 100
"""Below, neighbourhoods are the whole catalogue, and a layout of them says less than a plane."""
_NEIGHBORS: Final = 15
_EPOCHS: Final = 200
_MIN_DIST: Final = 0.3
_BLOCK: Final = 1024


def catalogue_map(
    embedding: np.ndarray, layout: str = _UMAP, prominence: np.ndarray | None = None
) -> np.ndarray:
    """Places of all artists; the same input gives the same places.

    By the directions of the embeddings: for some systems their length is a popularity.

    `umap` is UMAP (McInnes, Healy and Melville 2018) of the exact nearest neighbours, from `pca`
    on; `pca` is the plane of the two leading principal components.

    Args:
      embedding: [num_artists, dim] float32, finite.
      layout: `umap` or `pca`; fewer artists than 100 always are in the plane of `pca`.
      prominence: [num_artists] int64, the rows with the most prominent artists first; these are
        laid out where there are more than MOST_LAID_OUT, and any other one gets the mean place of
        those that it is most similar to. By default in the order of the rows.

    Returns:
      [num_artists, 2] float32, centred, in [-1, 1].
    """
    length = np.linalg.norm(embedding, axis=1, keepdims=True)
    unit = (embedding / np.maximum(length, 1e-12)).astype(np.float32)
    num_artists = len(unit)
    order = np.arange(num_artists) if prominence is None else np.asarray(prominence)
    laid_out = np.sort(order[:MOST_LAID_OUT])
    others = np.sort(order[MOST_LAID_OUT:])
    places = np.zeros((num_artists, 2))
    places[laid_out] = _plane(unit[laid_out])
    # Nothing tells artists apart whose vectors are all one.
    if layout == _UMAP and len(laid_out) >= _LEAST_FOR_UMAP and places.any():
        places[laid_out] = _umap(unit[laid_out], places[laid_out])
    if len(others):
        nearest, similarity = _nearest(unit[others], unit[laid_out], 5)
        weight = np.maximum(similarity, 1e-6)[:, :, np.newaxis]
        around = places[laid_out][nearest]  # [num_others, 5, 2]
        places[others] = (weight * around).sum(axis=1) / weight.sum(axis=1)
    return _scaled(places)


def _plane(unit: np.ndarray) -> np.ndarray:
    """[num, 2]: the two leading principal components; the largest loading of each is positive."""
    places = np.zeros((len(unit), 2))
    if len(unit) < 2:
        return places
    centred = unit.astype(np.float64) - unit.mean(axis=0, dtype=np.float64)
    variance, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :2]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[largest, np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    # An axis without variance holds rounding alone, which would be scaled up to a map.
    axes = axes * (variance[::-1][:2] > 1e-9 * len(unit))
    places[:, : axes.shape[1]] = centred @ axes
    return places


def _umap(unit: np.ndarray, start: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        # That one thread is used with a seed, and that no index is built of given neighbours.
        warnings.simplefilter("ignore")
        # Imports and compiles for seconds: here alone.
        import umap

        nearest, similarity = _nearest(unit, unit, _NEIGHBORS)
        distance = np.maximum(1 - similarity, 0)
        # The scale and the noise of UMAP's own starts; equal vectors would never part without it.
        noise = np.random.default_rng(0).normal(scale=1e-4, size=start.shape)
        start = (start * (10 / np.abs(start).max()) + noise).astype(np.float32)
        reducer = umap.UMAP(
            n_neighbors=_NEIGHBORS,
            n_epochs=_EPOCHS,
            min_dist=_MIN_DIST,
            metric="cosine",
            init=start,
            precomputed_knn=(nearest, distance, None),
            random_state=0,
            n_jobs=1,
        )
        return reducer.fit_transform(unit)


def _nearest(queries: np.ndarray, among: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k of `among` with the largest dot products: rows int64, products float32, largest first.

    Where both are the same array, the row itself is first.
    """
    nearest = np.empty((len(queries), k), np.int64)
    similarity = np.empty((len(queries), k), np.float32)
    for start in range(0, len(queries), _BLOCK):
        product = queries[start : start + _BLOCK] @ among.T
        if queries is among:
            itself = np.arange(len(product))
            product[itself, start + itself] = 2
        best = np.argpartition(product, len(among) - k, axis=1)[:, -k:]
        best.sort(axis=1)
        found = np.take_along_axis(product, best, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        nearest[start : start + _BLOCK] = np.take_along_axis(best, order, axis=1)
        similarity[start : start + _BLOCK] = np.take_along_axis(found, order, axis=1)
    return nearest, np.minimum(similarity, 1)


def _scaled(places: np.ndarray) -> np.ndarray:
    """Centred on its extent and shrunk alike in both directions."""
    if not len(places):
        return places.astype(np.float32)
    low, high = places.min(axis=0), places.max(axis=0)
    half = (high - low).max() / 2
    if half <= 0:
        return np.zeros(places.shape, np.float32)
    return np.clip((places - (low + high) / 2) / half, -1, 1).astype(np.float32)
