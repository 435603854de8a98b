"""What a pushed version brings along for people to look at, `assets.extra/explorer.npz`."""

from __future__ import annotations

import dataclasses
import functools
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

DATA: Final = Path("assets.extra", "explorer.npz")
FORMAT: Final = 1


class BrokenData(Exception):
    """A file that is not what this format says; its text has no path."""


@dataclasses.dataclass(frozen=True)
class Words:
    """A modality of weighted words.

    Attributes:
      vocabulary: [num_words], each once.
      count: [num_words] int32, artists that have the word.
      read: [num_words] bool, whether the model's `embed_new` reads it.
      word: [num_kept] int32, the words of all artists one after the other, of each the strongest
        first.
      weight: [num_kept] float32, as in the catalogue.
      offsets: [num_artists + 1] int64; artist v has word[offsets[v]:offsets[v + 1]].
    """

    vocabulary: Sequence[str]
    count: np.ndarray
    read: np.ndarray
    word: np.ndarray
    weight: np.ndarray
    offsets: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """[num_artists] bool: whether the artist has any word."""
        return np.diff(self.offsets) > 0

    @functools.cached_property
    def column(self) -> Mapping[str, int]:
        """Word -> its place in the vocabulary."""
        return {word: place for place, word in enumerate(self.vocabulary)}

    @functools.cached_property
    def most_words(self) -> int:
        """That any artist has."""
        return int(np.diff(self.offsets).max(initial=0))

    def of(self, row: int) -> dict[int, float]:
        """The artist's words, strongest first: place in the vocabulary -> weight."""
        span = slice(self.offsets[row], self.offsets[row + 1])
        return dict(zip(self.word[span].tolist(), self.weight[span].tolist(), strict=True))


@dataclasses.dataclass(frozen=True)
class Vectors:
    """A modality of vectors.

    Attributes:
      dim: numbers of a vector, as the catalogue has it.
      present: [num_artists] bool.
      place: [num_artists] int64, the row of `values` of each artist that has one.
      values: [num_present, num_kept] float16, standardised; of wide vectors their leading principal
        components.
      mean: [dim] float32.
      deviation: [dim] float32.
      axes: [dim, num_kept] float32, of the components; None where all numbers are kept.
    """

    dim: int
    present: np.ndarray
    place: np.ndarray
    values: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    axes: np.ndarray | None

    def of(self, row: int) -> np.ndarray | None:
        """[num_kept] float32, None where it is unknown."""
        return self.values[self.place[row]].astype(np.float32) if self.present[row] else None

    def standardised(self, vector: np.ndarray) -> np.ndarray:
        """[num_kept] float32 of a vector, [dim], in the catalogue's units."""
        found = (vector - self.mean) / self.deviation
        return found if self.axes is None else found @ self.axes


Modality = Words | Vectors


@dataclasses.dataclass(frozen=True)
class ExplorerData:
    """A catalogue as a pushed model knows it; no edge that a split hides is in it.

    Attributes:
      artist_id: [num_artists] ids.
      name: [num_artists].
      popularity: [num_artists] float32 in the catalogue's unit, NaN where unknown.
      x: [num_artists] float32, the place on the map, in [-1, 1].
      y: [num_artists] float32.
      edge_offsets: [num_artists + 1] int64.
      edges: [2 * num_known_links] int32; the artists known to be similar to v are
        edges[edge_offsets[v]:edge_offsets[v + 1]], ascending, each edge in both directions.
      modalities: by name, in the catalogue's order.
    """

    artist_id: Sequence[str]
    name: Sequence[str]
    popularity: np.ndarray
    x: np.ndarray
    y: np.ndarray
    edge_offsets: np.ndarray
    edges: np.ndarray
    modalities: Mapping[str, Modality]

    def __len__(self) -> int:
        return len(self.artist_id)

    @functools.cached_property
    def row(self) -> Mapping[str, int]:
        """Id -> row."""
        return {artist_id: row for row, artist_id in enumerate(self.artist_id)}

    @functools.cached_property
    def prominence(self) -> np.ndarray:
        """[num_artists] int64 rows: the most popular first, then the most connected."""
        degree = np.diff(self.edge_offsets)
        unpopular = np.where(np.isnan(self.popularity), np.inf, -self.popularity)
        return np.lexsort((-degree, unpopular))

    @functools.cached_property
    def rank(self) -> np.ndarray:
        """[num_artists] int64, each row's place in `prominence`."""
        rank = np.empty(len(self), np.int64)
        rank[self.prominence] = np.arange(len(self))
        return rank

    def neighbors(self, row: int) -> np.ndarray:
        """[num] int32 rows of those known to be similar, ascending."""
        return self.edges[self.edge_offsets[row] : self.edge_offsets[row + 1]]

    def has(self, row: int) -> list[str]:
        """The modalities that the artist has content of."""
        return [name for name, content in self.modalities.items() if content.present[row]]


def read_explorer_data(version: Path) -> ExplorerData | None:
    """What a version brings along.

    Args:
      version: its folder.

    Returns:
      None if it brings none.

    Raises:
      BrokenData: the file cannot be read, or its members do not fit together.
    """
    try:
        content = (version / DATA).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BrokenData(f"cannot be read ({type(error).__name__})") from None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return _data({name: file[name] for name in file.files})
    except BrokenData:
        raise
    # Whatever broken archives raise: zlib's errors, zipfile's, ValueError, KeyError and others.
    except Exception as error:
        raise BrokenData(f"is broken ({type(error).__name__})") from None


def _data(members: Mapping[str, np.ndarray]) -> ExplorerData:
    header = json.loads(members["header"].tobytes())
    if header["format"] != FORMAT:
        raise BrokenData(f"has format {header['format']}, where {FORMAT} is known")
    artist_id = _texts(members, "artist_id")
    num_artists = len(artist_id)
    modalities: dict[str, Modality] = {}
    for place, entry in enumerate(header["modalities"]):
        prefix = f"content{place}_"
        own = {
            name.removeprefix(prefix): value
            for name, value in members.items()
            if name.startswith(prefix)
        }
        modalities[entry["name"]] = _modality(entry, own, num_artists)
    data = ExplorerData(
        artist_id=artist_id,
        name=_texts(members, "name"),
        modalities=modalities,
        **{name: members[name] for name in ("popularity", "x", "y", "edge_offsets", "edges")},
    )
    _check_offsets(data.edge_offsets, num_artists, len(data.edges))
    columns: Sequence[Sequence[Any] | np.ndarray] = (data.name, data.popularity, data.x, data.y)
    _require(all(len(column) == num_artists for column in columns), "columns of other lengths")
    _require(len(data.row) == num_artists, "an id that comes twice")
    _require(bool(np.isfinite([data.x, data.y]).all()), "places that are no numbers")
    _check_range(data.edges, num_artists)
    return data


def _modality(
    entry: Mapping[str, Any], own: Mapping[str, np.ndarray], num_artists: int
) -> Modality:
    if entry["kind"] == "words":
        names = ("count", "read", "word", "weight", "offsets")
        words = Words(_texts(own, "vocabulary"), **{name: own[name] for name in names})
        _check_offsets(words.offsets, num_artists, len(words.word))
        _require(len(words.weight) == len(words.word), "words without weights")
        num_words = len(words.vocabulary)
        _require(len(words.count) == len(words.read) == num_words, "a vocabulary cut short")
        _check_range(words.word, num_words)
        return words
    present = own["present"]
    vectors = Vectors(
        dim=int(entry["dim"]),
        present=present,
        place=np.cumsum(present) - 1,
        axes=own.get("axes"),
        **{name: own[name] for name in ("values", "mean", "deviation")},
    )
    kept = vectors.dim if vectors.axes is None else vectors.axes.shape[1]
    _require(present.shape == (num_artists,), "columns of other lengths")
    _require(vectors.values.shape == (int(present.sum()), kept), "vectors of another shape")
    _require(len(vectors.mean) == len(vectors.deviation) == vectors.dim, "a mean of another length")
    return vectors


def _texts(members: Mapping[str, np.ndarray], name: str) -> list[str]:
    joined, offsets = members[name].tobytes(), members[f"{name}_offsets"]
    _check_offsets(offsets, len(offsets) - 1, len(joined))
    bounds = offsets.tolist()
    return [joined[start:end].decode() for start, end in zip(bounds, bounds[1:])]


def _check_offsets(offsets: np.ndarray, num_rows: int, num_values: int) -> None:
    fits = len(offsets) == num_rows + 1 >= 1 and offsets[0] == 0 and offsets[-1] == num_values
    _require(bool(fits) and bool((np.diff(offsets) >= 0).all()), "offsets that do not fit")


def _check_range(places: np.ndarray, size: int) -> None:
    _require(not len(places) or 0 <= places.min() <= places.max() < size, "places beyond the end")


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise BrokenData(f"has {what}")
