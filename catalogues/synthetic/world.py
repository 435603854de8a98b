"""Artists with hidden tastes in communities in genres, each made when it is asked for."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

TASTE_DIM: Final = 16

_COMMUNITY_SIZES: Final = (120, 60, 260, 40, 180, 340, 80, 220)
"""Sizes repeat in this cycle, so that a community's place is known without a list of them all."""

_MOST_GENRES: Final = 40
_COMMUNITIES_A_GENRE: Final = 3
_NEAR_COMMUNITIES: Final = (1, 2)
_NUM_BRIDGES: Final = 2
_CACHED_COMMUNITIES: Final = 24

_GENRE_STEP: Final = 0.9
_COMMUNITY_SPREAD: Final = 0.7
_ARTIST_SPREAD: Final = 0.6

_LEAST_DRAW: Final = 0.9
_MEDIAN_DRAW: Final = 5.7
_DRAW_SPREAD: Final = 1.32
_LARGEST_DRAW: Final = 240.0


@dataclass(frozen=True)
class Community:
    """Some artists of one genre who are much alike.

    Attributes:
        place: which community it is.
        genre: its genre's number.
        numbers: the artists' numbers, `[size] int64`, scattered over all artists so that an id
            does not tell the community.
        ids: the artists' ids, `[size]` text.
        taste: `[size, TASTE_DIM] float32`, of length one.
        draw: the number of edges that each artist would have on average, `[size] float64`.
        fame: a standardised log popularity, `[size] float64`, which goes along with `draw`.
    """

    place: int
    genre: int
    numbers: npt.NDArray[np.int64]
    ids: npt.NDArray[np.object_]
    taste: npt.NDArray[np.float32]
    draw: npt.NDArray[np.float64]
    fame: npt.NDArray[np.float64]

    @property
    def size(self) -> int:
        """How many artists it has."""
        return len(self.numbers)


class World:
    """All communities of a synthetic catalogue. The same numbers give the same world."""

    def __init__(self, num_artists: int, seed: int):
        """Lays out the communities without making them.

        Args:
            num_artists: artists in all communities together.
            seed: of every random stream.
        """
        self.num_artists = num_artists
        self.seed = seed
        self._offsets = np.concatenate([[0], np.cumsum(_COMMUNITY_SIZES)])
        cycles, rest = divmod(num_artists, int(self._offsets[-1]))
        begun = int(np.searchsorted(self._offsets, rest, side="left"))
        self.num_communities = cycles * len(_COMMUNITY_SIZES) + begun
        self.num_genres = min(
            _MOST_GENRES, max(1, round(self.num_communities / _COMMUNITIES_A_GENRE))
        )
        layout = self.stream("layout")
        # A few genres have most of the communities, as in any record shop.
        shares = layout.permutation(1.0 / np.arange(1, self.num_genres + 1) ** 0.7)
        self._genre_ends = np.cumsum(shares / shares.sum())
        self._genre_centres = _walk(layout, self.num_genres)
        self._bridges = [int(layout.integers(self.num_communities)) for _ in range(_NUM_BRIDGES)]
        self._stride = _coprime_stride(num_artists, layout)
        self._shift = int(layout.integers(num_artists))
        self._cache: OrderedDict[int, Community] = OrderedDict()

    def stream(self, purpose: str, *numbers: int) -> np.random.Generator:
        """A random stream of its own for a purpose (and for a community, say)."""
        return np.random.default_rng([self.seed, *purpose.encode(), 0, *numbers])

    def partners(self, place: int) -> tuple[int, ...]:
        """The communities with which one may share edges, itself not among them.

        If p is a partner of c then c is one of p, so that giving the edges between the two to
        the one that comes first has each made exactly once.
        """
        total = self.num_communities
        found = {(place + sign * step) % total for step in _NEAR_COMMUNITIES for sign in (1, -1)}
        # A reflection is its own inverse: a bridge leads back to where it comes from.
        found |= {(bridge - place) % total for bridge in self._bridges}
        return tuple(sorted(found - {place}))

    def community(self, place: int) -> Community:
        """Makes a community, or gives it from the few that were asked for last."""
        if place in self._cache:
            self._cache.move_to_end(place)
            return self._cache[place]
        community = self._make(place)
        self._cache[place] = community
        if len(self._cache) > _CACHED_COMMUNITIES:
            self._cache.popitem(last=False)
        return community

    def _make(self, place: int) -> Community:
        cycle, part = divmod(place, len(_COMMUNITY_SIZES))
        start = cycle * int(self._offsets[-1]) + int(self._offsets[part])
        size = min(_COMMUNITY_SIZES[part], self.num_artists - start)
        share = (place + 0.5) / self.num_communities
        genre = min(int(np.searchsorted(self._genre_ends, share)), self.num_genres - 1)
        stream = self.stream("community", place)
        centre = _unit(self._genre_centres[genre] + _COMMUNITY_SPREAD * _direction(stream, 1))
        taste = _unit(centre + _ARTIST_SPREAD * _direction(stream, size))
        normal = stream.standard_normal(size)
        draw = np.minimum(_LEAST_DRAW + _MEDIAN_DRAW * np.exp(_DRAW_SPREAD * normal), _LARGEST_DRAW)
        numbers = (np.arange(start, start + size) * self._stride + self._shift) % self.num_artists
        return Community(
            place=place,
            genre=genre,
            numbers=numbers,
            ids=np.array([f"artist-{number:08d}" for number in numbers.tolist()], dtype=object),
            taste=taste.astype(np.float32),
            draw=draw,
            fame=0.75 * normal + math.sqrt(1 - 0.75**2) * stream.standard_normal(size),
        )


def _walk(stream: np.random.Generator, steps: int) -> npt.NDArray[np.float64]:
    centres = [_direction(stream, 1)[0]]
    for _ in range(steps - 1):
        centres.append(_unit(centres[-1] + _GENRE_STEP * _direction(stream, 1))[0])
    return np.stack(centres)


def _direction(stream: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    """Random vectors of length about one, `[count, TASTE_DIM]`."""
    return stream.standard_normal((count, TASTE_DIM)) / math.sqrt(TASTE_DIM)


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    vectors = np.atleast_2d(vectors)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _coprime_stride(total: int, stream: np.random.Generator) -> int:
    """A step by which one walks over all numbers below `total` without meeting one twice."""
    stride = int(total * 0.618) + int(stream.integers(1, max(2, total // 10)))
    while math.gcd(stride, total) != 1:
        stride += 1
    return stride
