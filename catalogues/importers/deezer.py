"""The data of deezer/similar_artists_ranking (Salha-Galvan et al., RecSys 2021) as a catalogue.

The source is a folder (or one with a ``data/`` folder inside) with two CSV files, told apart by
name, else by their number of columns:

- features, ``deezer_features.csv`` in the release (any ``*features*.csv``): the artist id, then
  32 numbers of a genre embedding, 20 country indicators and 4 moods;
- edges, ``deezer_graph.csv`` in the release (any ``*graph*.csv``, ``*edges*.csv`` or
  ``*similar*.csv``): ``id_i, id_j, S_ij``, directed from an artist to one of its most similar.

The release has no header line; a header, if there is one, is skipped. The release's edges have
self-loops, which its own code removes when it loads them, as is done here, and similarities may
be above 1. The split is the release's: of the artists in the order of their ids the first 80%
train, the next 10% test, the rest val. Train artists are ranked by popularity there, which
becomes the descriptive column ``popularity_rank``. An artist's id is ``deezer:<id>``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from catalogues.errors import InputError
from catalogues.importers import Imported
from catalogues.writing import write_csv, write_readme, write_spec

_PARTS: Final = (("genre", 32), ("country", 20), ("mood", 4))
_NUM_FEATURES: Final = sum(size for _, size in _PARTS)
_FEATURE_FILES: Final = ("*features*.csv",)
_EDGE_FILES: Final = ("*graph*.csv", "*edges*.csv", "*similar*.csv")


def write(source: Path, folder: Path) -> Imported:
    """Writes the catalogue; see `catalogues.importers.import_catalogue`."""
    source = source / "data" if (source / "data").is_dir() else source
    features_file = _find(source, _FEATURE_FILES, 1 + _NUM_FEATURES, "features")
    edges_file = _find(source, _EDGE_FILES, 3, "edges")
    artists = _read_features(features_file)
    edges, dropped = _read_edges(edges_file, artists)
    num_train = int(0.8 * len(artists))
    splits = _splits(len(artists))
    write_csv(
        folder / "artists.csv",
        ("artist_id", "split", "popularity_rank", *_columns()),
        (
            (_artist_id(number), split, rank + 1 if rank < num_train else None, *cells)
            for rank, ((number, cells), split) in enumerate(zip(sorted(artists.items()), splits))
        ),
    )
    write_csv(
        folder / "edges.csv",
        ("source", "target", "weight"),
        ((_artist_id(first), _artist_id(second), weight) for first, second, weight in edges),
    )
    notes = tuple(f"{count} {what}; left out." for what, count in dropped.items() if count)
    write_spec(folder, _spec())
    write_readme(folder, "Deezer similar artists", (_README, *notes))
    counts = {"artists": len(artists), "edges": len(edges)}
    counts |= {f"{split} artists": splits.count(split) for split in ("train", "val", "test")}
    return Imported(counts, notes)


_README = """\
Made from the data of deezer/similar_artists_ranking (Salha-Galvan, Hennequin, Chapus, Tran and
Vazirgiannis, "Cold Start Similar Artists Ranking with Gravity-Inspired Graph Autoencoders",
RecSys 2021) by `artist-sim catalogue import deezer`. The artists are anonymous. An edge leads
from an artist to one of its most similar ones, its weight is their similarity. The split is the
release's: of the artists in the order of their ids, the first 80% train, the next 10% test, the
rest val. `popularity_rank` (1 is the most popular) is known of train artists."""


def _find(source: Path, patterns: tuple[str, ...], width: int, what: str) -> Path:
    by_name = [path for pattern in patterns for path in sorted(source.glob(pattern))]
    matching = [path for path in (*by_name, *sorted(source.glob("*.csv"))) if _width(path) == width]
    if not matching:
        raise InputError(
            f"The source holds no CSV file of {what} ({' or '.join(patterns)}, {width} columns); "
            "add it or check the folder."
        )
    return matching[0]


def _width(path: Path) -> int:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return len(next(csv.reader(file), ()))


def _rows(path: Path, width: int) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, cells in enumerate(csv.reader(file), start=1):
            cells = [cell.strip() for cell in cells]
            if not any(cells) or (number == 1 and not _is_number(cells[0])):
                continue
            if len(cells) != width or not all(_is_number(cell) for cell in cells):
                raise InputError(
                    f"'{path.name}' line {number} of the source is not {width} numbers; "
                    "copy the file again."
                )
            yield number, cells


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _read_features(path: Path) -> dict[int, list[str]]:
    artists: dict[int, list[str]] = {}
    for line, cells in _rows(path, 1 + _NUM_FEATURES):
        # The release's own code reads ids as floating-point numbers.
        number = int(float(cells[0]))
        if number in artists:
            raise InputError(
                f"'{path.name}' line {line} of the source gives artist {number} a second time; "
                "remove one of the two."
            )
        artists[number] = cells[1:]
    return artists


def _read_edges(
    path: Path, artists: dict[int, list[str]]
) -> tuple[list[tuple[int, int, str]], dict[str, int]]:
    edges: dict[tuple[int, int], str] = {}
    loops = unknown = weightless = repeated = 0
    for _, cells in _rows(path, 3):
        first, second = int(float(cells[0])), int(float(cells[1]))
        if first == second:
            loops += 1
        elif first not in artists or second not in artists:
            unknown += 1
        elif float(cells[2]) <= 0:
            weightless += 1
        elif (first, second) in edges:
            repeated += 1
        else:
            edges[first, second] = cells[2]
    dropped = {
        "edges lead from an artist to itself": loops,
        "edges lead to an artist without features": unknown,
        "edges have a similarity that is not above zero": weightless,
        "edges come a second time": repeated,
    }
    return [(first, second, weight) for (first, second), weight in sorted(edges.items())], dropped


def _splits(num_artists: int) -> list[str]:
    num_train = int(0.8 * num_artists)
    num_test = (num_artists - num_train) // 2
    num_val = num_artists - num_train - num_test
    return ["train"] * num_train + ["test"] * num_test + ["val"] * num_val


def _columns() -> list[str]:
    return [f"{part}_{place}" for part, size in _PARTS for place in range(size)]


def _spec() -> dict[str, Any]:
    return {
        "name": "deezer",
        "description": "Deezer's most similar artists, anonymous.",
        "artists": {
            "table": "artists.csv",
            "id": "artist_id",
            "split": "split",
            "meta": ["popularity_rank"],
        },
        "content": {
            part: {"columns": [f"{part}_{place}" for place in range(size)]} for part, size in _PARTS
        },
        "edges": {
            "table": "edges.csv",
            "source": "source",
            "target": "target",
            "weight": "weight",
            "directed": True,
        },
    }


def _artist_id(number: int) -> str:
    return f"deezer:{number}"
