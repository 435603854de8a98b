"""A catalogue whose similar artists can be seen by eye: communities that share a sound."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

NUM_COMMUNITIES = 12
COMMUNITY_SIZE = 20
NUM_DESCRIPTORS = 6
# Every community gets artists of all splits, as many of val as of test.
_SPLITS = ["val", "train", "test", "train", "train"]

SPEC = f"""\
name: communities
artists:
  table: artists.csv
  id: artist_id
  name: name
  popularity: popularity
  split: split
content:
  audio:
    columns: [{", ".join(f"d{i}" for i in range(NUM_DESCRIPTORS))}]
edges:
  table: edges.csv
  source: source
  target: target
"""

Row = list[str]


def write_communities(folder: Path) -> Path:
    """Writes the catalogue: artists are similar inside a community, and sound alike there."""
    rng = np.random.default_rng(0)
    sounds = 2 * rng.standard_normal((NUM_COMMUNITIES, NUM_DESCRIPTORS))
    artists, edges = [], []
    for community in range(NUM_COMMUNITIES):
        for place in range(COMMUNITY_SIZE):
            sound = sounds[community] + rng.standard_normal(NUM_DESCRIPTORS)
            artists.append(
                [
                    _id(community, place),
                    f"Act {place} of Scene {community}",
                    str(int(rng.integers(1000))),
                    _SPLITS[place % len(_SPLITS)],
                    *(f"{value:.4f}" for value in sound),
                ]
            )
            # Each artist knows those one to six places further round the community.
            edges += [
                [_id(community, place), _id(community, (place + step) % COMMUNITY_SIZE)]
                for step in range(1, 7)
            ]
    write_tables(folder, artists, edges)
    return folder


def write_tables(folder: Path, artists: Sequence[Row], edges: Sequence[Row]) -> None:
    """Writes the folder anew from rows."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "catalogue.yaml").write_text(SPEC)
    descriptors = [f"d{i}" for i in range(NUM_DESCRIPTORS)]
    columns = ["artist_id", "name", "popularity", "split", *descriptors]
    _write(folder / "artists.csv", [columns, *artists])
    _write(folder / "edges.csv", [["source", "target"], *edges])


def read_tables(folder: Path) -> tuple[list[Row], list[Row]]:
    """The rows of the artists and of the edges, without the headings."""
    tables = []
    for name in ("artists.csv", "edges.csv"):
        with (folder / name).open(newline="") as file:
            tables.append(list(csv.reader(file))[1:])
    return tables[0], tables[1]


def add_artist(folder: Path) -> None:
    """The catalogue of the next day: one artist more, with one edge."""
    artists, edges = read_tables(folder)
    artists.append(["new", "Newcomer", "1", "train", *artists[0][4:]])
    write_tables(folder, artists, [*edges, ["new", artists[0][0]]])


def write_shuffled(source: Path, target: Path) -> Path:
    """The same artists and hidden edges, all that a model could learn from shuffled."""
    rng = np.random.default_rng(1)
    artists, edges = read_tables(source)
    split = {row[0]: row[3] for row in artists}
    order = rng.permutation(len(artists))
    shuffled = [[*row[:4], *artists[other][4:]] for row, other in zip(artists, order)]
    seen = [edge for edge in edges if "train" in (split[edge[0]], split[edge[1]])]
    hidden = [edge for edge in edges if edge not in seen]
    # Among artists of the same split, so that what is visible and what is hidden stays so.
    renamed: dict[str, str] = {}
    for name in ("train", "val", "test"):
        members = [key for key in split if split[key] == name]
        renamed |= dict(zip(members, rng.permutation(members).tolist()))
    pairs = {tuple(sorted((edge[0], renamed[edge[1]]))) for edge in seen}
    write_tables(target, shuffled, [*hidden, *(list(p) for p in sorted(pairs) if p[0] != p[1])])
    return target


def _id(community: int, place: int) -> str:
    return f"c{community:02d}-{place:02d}"


def _write(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
