"""Slices of the judged artists: for whom is a model good, and for whom is it not?

Nothing hidden is read: a slice is of what the catalogue says of an artist, and of the edges that
are visible in the connected condition.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import Final

import numpy as np

from trainer.graph import ArtistGraph
from trainer.ranking.genres import genres
from trainer.ranking.names import ALL, LONG_TAIL, NEW, NO_EDGES, ONE_EDGE

DEGREE_QUANTILES: Final = 5
POPULARITY_QUANTILES: Final = 20
"""As in 003, figure 4."""
_ARTISTS_A_QUANTILE: Final = 30
"""The fewest for which popularity is cut once more."""
_MOST_SHOWN: Final = 12
"""Of genres, and of patterns of modalities."""


@dataclasses.dataclass(frozen=True)
class Slice:
    """Some of the judged artists.

    Attributes:
      family: 'all', 'long_tail', 'degree', 'popularity', 'genre', 'modalities' or 'new'.
      name: unique; what a gate's rule calls it, such as 'long_tail' or 'genre:jazz'.
      title: for a person; says the range of a quantile, such as 'degree 3-7'.
      artists: [num] int64 rows, ascending, at least one.
    """

    family: str
    name: str
    title: str
    artists: np.ndarray


def slices_of(graph: ArtistGraph, split: str, known: np.ndarray | None = None) -> list[Slice]:
    """Cuts the artists of a split in all ways that the catalogue allows.

    - `all`.
    - long_tail: `no_edges` and `one_edge`, artists with so many visible edges, and both together,
      `long_tail`.
    - degree: quantiles of the number of visible edges, `degree:q1` the fewest.
    - popularity: quantiles of the popularity, `popularity:q01` the least popular; artists without
      one are in none. Fewer than 20 where one would have less than 30 artists.
    - genre: `genre:<word>`, the heaviest word of the categories modality that most artists of the
      catalogue have; the 12 most frequent in the catalogue.
    - modalities: `modalities:<pattern>`, which are present, such as 'audio+tags' or 'none'; the 12
      most frequent among these artists.
    - `new`: artists that are not among `known`.

    Those of degree hold each artist once; so do those of popularity each with a known one, and
    those of modalities where there are no more than 12 patterns. Equal values are never parted, so
    that there may be fewer quantiles, numbered without a gap. Empty slices are left out.

    Args:
      graph: the catalogue.
      split: whose artists; visible edges are graph.visible_edges(split).
      known: ids of the artists that the blessed model's catalogue has; None where nobody knows.
    """
    artists = graph.artists(split)
    degree = np.diff(graph.visible_edges(split).indptr)[artists]
    found = [
        Slice(ALL, ALL, "all artists", artists),
        Slice(LONG_TAIL, NO_EDGES, "no visible edge", artists[degree == 0]),
        Slice(LONG_TAIL, ONE_EDGE, "one visible edge", artists[degree == 1]),
        Slice(LONG_TAIL, LONG_TAIL, "long tail: at most one visible edge", artists[degree <= 1]),
    ]
    for number, places in enumerate(quantile_groups(degree, DEGREE_QUANTILES), start=1):
        title = f"degree {_range(degree[places])}"
        found.append(Slice("degree", f"degree:q{number}", title, artists[places]))
    found += _by_popularity(graph.popularity[artists], artists)
    found += _by_genre(graph, artists)
    found += _by_modalities(graph, artists)
    if known is not None:
        new = artists[~np.isin(graph.artist_id[artists].astype(str), np.asarray(known).astype(str))]
        found.append(Slice(NEW, NEW, "new since the blessed model", new))
    return [each for each in found if len(each.artists)]


def quantile_groups(values: np.ndarray, number: int) -> list[np.ndarray]:
    """Cuts values at their quantiles; equal values stay together.

    Args:
      values: [num] numbers, no NaN.
      number: of groups; fewer where many values are equal.

    Returns:
      The places of each group's values, none empty, low values first.
    """
    if not len(values):
        return []
    cuts = np.unique(np.quantile(values, np.arange(1, number) / number, method="inverted_cdf"))
    place = np.searchsorted(cuts, values)
    return [np.flatnonzero(place == i) for i in range(len(cuts) + 1) if (place == i).any()]


def _by_popularity(popularity: np.ndarray, artists: np.ndarray) -> list[Slice]:
    known = np.flatnonzero(~np.isnan(popularity))
    number = min(POPULARITY_QUANTILES, len(known) // _ARTISTS_A_QUANTILE)
    if number < 2:
        return []
    return [
        Slice(
            "popularity",
            f"popularity:q{place:02d}",
            f"popularity {_range(popularity[known[group]])}",
            artists[known[group]],
        )
        for place, group in enumerate(quantile_groups(popularity[known], number), start=1)
    ]


def _by_genre(graph: ArtistGraph, artists: np.ndarray) -> list[Slice]:
    found = genres(graph, _MOST_SHOWN)
    genre = found.genre[artists]
    return [
        Slice("genre", f"genre:{word}", f"{found.modality}: {word}", artists[genre == word])
        for word in found.frequent
    ]


def _by_modalities(graph: ArtistGraph, artists: np.ndarray) -> list[Slice]:
    if not graph.content:
        return []
    names = sorted(graph.content)
    present = np.column_stack([graph.content[name].present[artists] for name in names])
    patterns = ["+".join(np.array(names)[row]) or "none" for row in present]
    counts = collections.Counter(patterns)
    return [
        Slice(
            "modalities",
            f"modalities:{pattern}",
            f"content: {pattern}",
            artists[np.array(patterns) == pattern],
        )
        for pattern in sorted(counts, key=lambda each: (-counts[each], each))[:_MOST_SHOWN]
    ]


def _range(values: np.ndarray) -> str:
    low, high = (_number(end) for end in (values.min(), values.max()))
    return low if low == high else f"{low}-{high}"


def _number(value: float) -> str:
    """Whole numbers in full, others to four digits."""
    if value == int(value):
        return str(int(value))
    return np.format_float_positional(value, precision=4, fractional=False, trim="-")
