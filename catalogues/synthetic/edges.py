"""Edges as a noisy sample of the hidden similarity, with degrees as the artists draw them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from catalogues.synthetic.world import Community, World

_INSIDE_SHARE: Final = 0.62
"""Which part of an artist's edges stays inside the community, on average."""

_WEIGHT_SHARPNESS: Final = 2.0
"""How fast the similarity falls as tastes part."""

_EDGE_SHARPNESS: Final = 9.0
"""How fast the chance of an edge falls as tastes part."""

_STRAY_SHARE: Final = 0.04
"""Which part of the edges has nothing to do with taste."""

_WEIGHT_NOISE: Final = 0.05
_LEAST_WEIGHT: Final = 0.001

_Matrix = npt.NDArray[np.float64]


def hidden_similarity(first: Community, second: Community) -> _Matrix:
    """Similarity of tastes, `[first.size, second.size]` in (0, 1]: exp(cosine - 1), sharpened."""
    cosine = first.taste.astype(np.float64) @ second.taste.astype(np.float64).T
    return np.exp(_WEIGHT_SHARPNESS * (np.minimum(cosine, 1.0) - 1.0))


def sample_edges(world: World, place: int) -> dict[str, Any]:
    """The edges inside a community and those to its partners that come after it.

    Args:
        world: the world.
        place: which community.

    Returns:
        Columns `source`, `target` (ids) and `weight` (`[num_edges]` float64 in (0, 1]). Over all
        places every edge comes once, in one direction, and none leads to itself.
    """
    community = world.community(place)
    partners = world.partners(place)
    inside_share = _INSIDE_SHARE if partners else 1.0
    sources, targets, weights = [], [], []
    for other_place in (place, *(partner for partner in partners if partner > place)):
        other = world.community(other_place)
        stream = world.stream("edges", place, other_place)
        if other_place == place:
            expected = inside_share * community.draw.sum() / 2
        else:
            # Each side spends the same part of its draw on each of its partners.
            spent = community.draw.sum() / len(partners)
            returned = other.draw.sum() / max(1, len(world.partners(other_place)))
            expected = (1 - _INSIDE_SHARE) * (spent + returned) / 2
        rows, columns, weight = _sample_block(
            community, other, expected, stream, same=other_place == place
        )
        sources.append(community.ids[rows])
        targets.append(other.ids[columns])
        weights.append(weight)
    return {
        "source": np.concatenate(sources),
        "target": np.concatenate(targets),
        "weight": np.concatenate(weights),
    }


def _sample_block(
    first: Community,
    second: Community,
    expected_edges: float,
    stream: np.random.Generator,
    *,
    same: bool,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    similarity = hidden_similarity(first, second)
    attraction = similarity ** (_EDGE_SHARPNESS / _WEIGHT_SHARPNESS)
    attraction = (1 - _STRAY_SHARE) * attraction + _STRAY_SHARE * attraction.mean()
    rate = np.outer(first.draw, second.draw) * attraction
    if same:
        rate = np.triu(rate, k=1)
    rate = _saturated(rate, expected_edges)
    rows, columns = np.nonzero(stream.random(rate.shape) < rate)
    noise = 1 + _WEIGHT_NOISE * stream.standard_normal(len(rows))
    weight = np.clip(similarity[rows, columns] * noise, _LEAST_WEIGHT, 1.0)
    return rows, columns, weight


def _saturated(rate: _Matrix, expected: float) -> _Matrix:
    """Turns rates into probabilities, 1 - exp(-scale * rate), that sum to about `expected`."""
    total = rate.sum()
    if total <= 0:
        return np.zeros_like(rate)
    scale = expected / total
    probability = -np.expm1(-scale * rate)
    # Saturation takes from the hubs; a second round gives back most of what it took.
    shortfall = expected / max(probability.sum(), 1e-12)
    return -np.expm1(-scale * min(shortfall, 4.0) * rate)
