"""The communities with three modalities, of which most artists to be judged have one alone."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tests.pipeline.communities import (
    COMMUNITY_SIZE,
    NUM_DESCRIPTORS,
    SPEC,
    read_tables,
    write_communities,
)

NUM_LISTENERS = 20
"""Of each community."""
NUM_WORDS = 4
"""Of each community."""

_TABLES = """\
  tags:
    table: tags.csv
    artist: artist_id
    categories: tag
    weight: count
plays:
  table: plays.csv
  listener: listener_id
  artist: artist_id
  plays: plays
"""


def write_listened(folder: Path) -> Path:
    """Writes the catalogue: who is similar sounds alike, is called alike and is heard by the same.

    Training artists have all three modalities or two of them. Of four that are to be judged one has
    all, and three have one alone or none, others in each community: to find one another, they have
    to be compared across modalities.
    """
    write_communities(folder)
    rng = np.random.default_rng(1)
    artists, _ = read_tables(folder)
    tags: list[list[str]] = []
    plays: list[list[str]] = []
    rows = []
    for number, row in enumerate(artists):
        artist_id, split, community = row[0], row[3], int(row[0][1:3])
        has = _modalities(number % COMMUNITY_SIZE, community, split == "train")
        if "tags" in has:
            words = rng.choice(NUM_WORDS, 2, replace=False)
            tags += [[artist_id, f"scene {community} {word}", "3"] for word in words]
            tags.append([artist_id, "seen live", str(rng.integers(1, 5))])
        if "listening" in has:
            fans = rng.choice(NUM_LISTENERS, 8, replace=False)
            plays += [
                [f"fan {community} {fan}", artist_id, str(rng.integers(5, 50))] for fan in fans
            ]
            plays.append([f"anyone {rng.integers(20)}", artist_id, "3"])
        rows.append(row if "audio" in has else [*row[:4], *("" for _ in row[4:])])
    descriptors = (f"d{i}" for i in range(NUM_DESCRIPTORS))
    header = ["artist_id", "name", "popularity", "split", *descriptors]
    _write(folder / "artists.csv", [header, *rows])
    _write(folder / "tags.csv", [["artist_id", "tag", "count"], *tags])
    _write(folder / "plays.csv", [["listener_id", "artist_id", "plays"], *plays])
    content, edges = SPEC.split("edges:")
    (folder / "catalogue.yaml").write_text(f"{content}{_TABLES}edges:{edges}")
    return folder


def _modalities(place: int, community: int, training: bool) -> Sequence[str]:
    """Of the artist at that place of its community."""
    if training:
        return (
            ("audio", "tags", "listening"),
            ("audio", "tags"),
            ("audio", "listening"),
            ("tags", "listening"),
        )[place % 4]
    # Five artists follow one another, of which one is of val and one of test.
    if place < 5:
        return ("audio", "tags", "listening")
    return (("audio",), ("tags",), ("listening",), ())[(place // 5 + community) % 4]


def _write(path: Path, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
