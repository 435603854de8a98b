"""The public OLGA release: `olga.csv` and `acousticbrainz.npy`.

What is documented of it: ``olga.csv`` has one row for each artist, in the order of the feature
file, with ``musicbrainz_id``, ``partition`` (train, val or test) and the artist's tracks;
``acousticbrainz.npy`` is the matrix of the artists' mean features, ``[17,673, 2,613]`` in the
release. The release holds no similarity, which AllMusic licenses. Copies to which the licensee
added it are read too, by these assumptions: a column ``allmusic_id``, perhaps a column ``name``,
and columns ``neighbor``, ``neighbor_0``, ``neighbor_1``, ... whose cells hold the neighbours'
MusicBrainz id, AllMusic id or row, one or several parted by space, comma or semicolon.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from catalogues.errors import InputError
from catalogues.importers.text import read_public_csv, repair_double_encoding
from catalogues.progress import progress

RELEASE_TABLE: Final = "olga.csv"

_SPLIT_OF_PARTITION: Final = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}

_ROWS_A_PIECE: Final = 512


@dataclass(frozen=True)
class ReleaseTable:
    """``olga.csv``: a split for every row, and by row what is known beyond it.

    Attributes:
        splits: train, val or test by row.
        names: names by row.
        allmusic_ids: AllMusic ids by row.
        edges: undirected edges (smaller row, larger row), sorted.
    """

    splits: list[str]
    names: dict[int, str]
    allmusic_ids: dict[int, str]
    edges: tuple[tuple[int, int], ...]


def read_release_table(path: Path) -> ReleaseTable:
    """Reads ``olga.csv``.

    Raises:
        InputError: a needed column is missing, or a partition is none of the three.
    """
    rows = list(read_public_csv(path, ("musicbrainz_id", "partition")))
    splits, names, allmusic_ids = [], {}, {}
    row_of: dict[str, int] = {}
    for place, row in enumerate(rows):
        split = _SPLIT_OF_PARTITION.get(row["partition"].strip().lower())
        if split is None:
            raise InputError(
                f"'{path.name}' row {place + 1} has the partition '{row['partition']}', which is "
                "none of train, val and test; correct it."
            )
        splits.append(split)
        row_of[row["musicbrainz_id"].strip()] = place
        if row.get("allmusic_id"):
            allmusic_ids[place] = row["allmusic_id"].strip().lower()
            row_of[allmusic_ids[place]] = place
        if row.get("name"):
            names[place] = repair_double_encoding(row["name"])
    edges = {
        (min(place, row_of[neighbor]), max(place, row_of[neighbor]))
        for place, row in enumerate(rows)
        for neighbor in _neighbors(row, row_of, len(rows))
        if row_of[neighbor] != place
    }
    return ReleaseTable(splits, names, allmusic_ids, tuple(sorted(edges)))


def _neighbors(row: dict[str, str], row_of: dict[str, int], num_artists: int) -> list[str]:
    """The known ids in a row's neighbour columns; row numbers are entered into `row_of`."""
    found = []
    for column, cell in row.items():
        if column is None or not re.fullmatch(r"neighbou?rs?(_?\d+)?", column):
            continue
        for identifier in re.split(r"[\s,;\[\]'\"]+", cell or ""):
            if identifier.isdecimal() and int(identifier) < num_artists:
                row_of.setdefault(identifier, int(identifier))
            if identifier.lower() in row_of:
                found.append(identifier.lower())
    return found


def write_acousticbrainz(
    path: Path, folder: Path, spec: dict[str, Any], ids: list[str]
) -> tuple[int, str]:
    """Writes the features as the modality ``acousticbrainz``, a table with one list column.

    Args:
        path: ``acousticbrainz.npy``, ``[num_artists, dim]``, in the order of `ids`.
        folder: the catalogue's folder.
        spec: its description, to which the modality is added.
        ids: the artists' ids by row.

    Returns:
        How many artists have features, and a note on those that have none (or "").

    Raises:
        InputError: the matrix has another number of rows than there are artists.
    """
    import numpy as np
    import pyarrow as pa

    from catalogues.writing import ParquetTable

    # Mapped, not loaded: the release's matrix is some hundred megabytes.
    matrix = np.load(path, mmap_mode="r")
    if matrix.ndim != 2 or len(matrix) != len(ids):
        raise InputError(
            f"'{path.name}' has the shape {list(matrix.shape)} but there are {len(ids)} artists; "
            "take both from the same release."
        )
    schema = pa.schema([("artist_id", pa.string()), ("acousticbrainz", pa.list_(pa.float32()))])
    known = 0
    table = ParquetTable(folder, "acousticbrainz", schema, rows_a_group=_ROWS_A_PIECE)
    with table, progress("AcousticBrainz features", len(ids)) as advance:
        for start in range(0, len(ids), _ROWS_A_PIECE):
            piece = np.asarray(matrix[start : start + _ROWS_A_PIECE], dtype=np.float32)
            usable = np.isfinite(piece).all(axis=1) & piece.any(axis=1)
            known += int(usable.sum())
            table.append(
                {
                    "artist_id": [ids[start + place] for place in np.flatnonzero(usable)],
                    "acousticbrainz": list(piece[usable]),
                }
            )
            advance(len(piece))
    spec["content"]["acousticbrainz"] = {
        "table": table.pattern,
        "artist": "artist_id",
        "column": "acousticbrainz",
    }
    unknown = len(ids) - known
    note = f"{unknown} artists have no usable AcousticBrainz features (all zero or not finite)."
    return known, note if unknown else ""
