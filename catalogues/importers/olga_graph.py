"""The OLGA graph's own files: connections, split masks, names and tags, by row."""

from __future__ import annotations

import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from catalogues.errors import InputError
from catalogues.importers.olga_release import RELEASE_TABLE, read_release_table
from catalogues.importers.text import read_json, repair_double_encoding

SPLITS: Final = ("train", "val", "test")


@dataclass
class OlgaArtists:
    """What is known of each artist, by row.

    Attributes:
        splits: train, val or test; as many as there are artists.
        names: names, where there is one.
        allmusic_ids: the AllMusic id (``mn0000013686``), where it is known.
        tags: tag counts, where there are any.
    """

    splits: list[str]
    names: dict[int, str] = field(default_factory=dict)
    allmusic_ids: dict[int, str] = field(default_factory=dict)
    tags: dict[int, dict[str, int]] = field(default_factory=dict)

    def name(self, row: int) -> str:
        """The artist's name, or what it can be called where the name is not known."""
        if row in self.names:
            return self.names[row]
        if row in self.allmusic_ids:
            return f"AllMusic artist {self.allmusic_ids[row]}"
        return f"OLGA artist {row}"


def read_graph(olga: Path) -> tuple[OlgaArtists, list[tuple[int, int]]]:
    """Reads the artists with their split, and the edges.

    Args:
        olga: the folder with ``artist_connections.npz`` and masks, or the public release's files.

    Returns:
        The artists, and the undirected edges (smaller row, larger row), each once, sorted.

    Raises:
        InputError: a file is missing, is not what it should be, or does not fit the others.
    """
    release = None
    if (olga / RELEASE_TABLE).is_file():
        release = read_release_table(olga / RELEASE_TABLE)
    edges: set[tuple[int, int]] = set(release.edges) if release else set()
    has_connections = (olga / "artist_connections.npz").is_file()
    if not has_connections and not edges:
        raise InputError(
            f"The source holds no 'artist_connections.npz' and no '{RELEASE_TABLE}' with similar "
            "artists, so there are no edges (the public release is without them for their "
            "licence); add one of the two."
        )
    num_artists = len(release.splits) if release else 0
    if has_connections:
        size, connections = _read_connections(olga / "artist_connections.npz")
        if release and size != num_artists:
            raise InputError(
                f"'artist_connections.npz' is for {size} artists but '{RELEASE_TABLE}' has "
                f"{num_artists}; take both from the same release."
            )
        num_artists = size
        edges |= connections
    splits = release.splits if release else _read_masks(olga, num_artists)
    artists = OlgaArtists(splits)
    if release:
        artists.names.update(release.names)
        artists.allmusic_ids.update(release.allmusic_ids)
    return artists, sorted(edges)


def _read_connections(path: Path) -> tuple[int, set[tuple[int, int]]]:
    from scipy import sparse

    try:
        matrix = sparse.load_npz(path).tocoo()
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        raise InputError(
            f"'{path.name}' is no sparse matrix saved with scipy.sparse.save_npz; copy it again."
        ) from None
    rows, columns = matrix.row.tolist(), matrix.col.tolist()
    edges = {
        (min(first, second), max(first, second))
        for first, second, present in zip(rows, columns, matrix.data.tolist())
        if present and first != second
    }
    return matrix.shape[0], edges


def _read_masks(olga: Path, num_artists: int) -> list[str]:
    import numpy as np
    from scipy import sparse

    splits = [""] * num_artists
    for split in SPLITS:
        if (olga / f"{split}_mask.npz").is_file():
            mask = sparse.load_npz(olga / f"{split}_mask.npz").toarray().ravel()
        elif (olga / f"{split}_mask.npy").is_file():
            mask = np.load(olga / f"{split}_mask.npy").ravel()
        else:
            raise InputError(f"The source holds no '{split}_mask.npz'; add it.")
        if len(mask) != num_artists:
            raise InputError(
                f"'{split}_mask.npz' is for {len(mask)} artists but the graph has {num_artists}; "
                "take both from the same release."
            )
        for row in np.flatnonzero(mask).tolist():
            splits[row] = split
    return splits


def read_names_and_tags(olga: Path, artists: OlgaArtists) -> None:
    """Reads the JSONs, whose keys are an artist's rank among the sorted rows, not its row."""
    if not (olga / "MsbMapped.json").is_file():
        return
    row_of = read_json(olga / "MsbMapped.json")
    artists.allmusic_ids.update({row: allmusic_id for allmusic_id, row in row_of.items()})
    rows = sorted(row_of.values())
    if (olga / "dizofartist.json").is_file():
        for rank, name in read_json(olga / "dizofartist.json").items():
            if name:
                artists.names[rows[int(rank)]] = repair_double_encoding(name)
    if (olga / "artist_genres.json").is_file():
        for rank, (counted_tags, _) in read_json(olga / "artist_genres.json").items():
            tags = Counter[str]()
            for counted_tag in counted_tags:
                for count, tag in counted_tag.items():
                    tags[tag] += int(count)
            if tags:
                artists.tags[rows[int(rank)]] = dict(tags)
