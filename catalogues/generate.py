"""A synthetic catalogue of any size, made community by community.

Every artist has a hidden taste, a unit vector. Communities have a centre of taste and lie in
genres, whose centres follow one another as a random walk, so that neighbouring genres are related.
Two artists are similar by how close their tastes are; the edges are a noisy sample of that, with
degrees as top-heavy as a real graph's (quartiles near 3, 7 and 16). Content shows part of the
taste, with noise and gaps; plays follow taste and popularity.

Only a community and those it may share edges with are in memory at a time, and each is made from
its own random stream, whenever it is needed: that bounds the memory and fixes the bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from catalogues.errors import InputError
from catalogues.progress import progress
from catalogues.synthetic.content import ContentMaker
from catalogues.synthetic.edges import sample_edges
from catalogues.synthetic.listening import sample_plays
from catalogues.synthetic.world import World
from catalogues.writing import ParquetTable, new_catalogue_folder, write_readme, write_spec

_ROWS_A_SHARD = 250_000


def generate(target: Path, *, artists: int, seed: int, force: bool = False) -> dict[str, int]:
    """Writes a synthetic catalogue.

    The hidden tastes go into ``taste.parquet``, which ``catalogue.yaml`` does not mention: they
    are the truth that a model can be compared with, and no input.

    Args:
        target: the new catalogue's folder.
        artists: how many artists, at least 2.
        seed: the same number gives the same bytes; not negative.
        force: replace the catalogue that is at `target`.

    Returns:
        The number of rows by table.

    Raises:
        InputError: a number is out of range, or `target` is taken.
    """
    if artists < 2:
        raise InputError(f"A catalogue needs at least 2 artists, not {artists}; ask for more.")
    if seed < 0:
        raise InputError(f"The seed must not be negative, but is {seed}; choose another.")
    world = World(artists, seed)
    with new_catalogue_folder(Path(target), force=force) as folder:
        counts, patterns = _write_tables(folder, world)
        write_spec(folder, _spec(artists, seed, patterns))
        write_readme(folder, f"Synthetic catalogue, {artists:,} artists, seed {seed}", _README)
    return counts


_README = (
    "Made by `artist-sim catalogue generate`; no artist, tag or play in it is real. The same "
    "number of artists and the same seed give the same files.",
    "`taste.parquet` holds each artist's hidden taste. The edges, the plays and all content were "
    "drawn from it. It is the truth to compare a model with, so `catalogue.yaml` leaves it out.",
)


def _spec(artists: int, seed: int, patterns: dict[str, str]) -> dict[str, Any]:
    from catalogues.synthetic.content import DESCRIPTORS

    return {
        "name": "synthetic",
        "description": f"{artists} synthetic artists, seed {seed}.",
        "artists": {
            "table": patterns["artists"],
            "id": "artist_id",
            "name": "name",
            "popularity": "popularity",
            "meta": ["country", "decade"],
        },
        "content": {
            "audio": {"columns": list(DESCRIPTORS)},
            "neural_audio": {"column": "neural_audio"},
            "tags": {
                "table": patterns["tags"],
                "artist": "artist_id",
                "categories": "tag",
                "weight": "count",
            },
        },
        "edges": {
            "table": patterns["edges"],
            "source": "source",
            "target": "target",
            "weight": "weight",
            "directed": False,
        },
        "plays": {
            "table": patterns["plays"],
            "listener": "listener_id",
            "artist": "artist_id",
            "plays": "plays",
        },
    }


def _write_tables(folder: Path, world: World) -> tuple[dict[str, int], dict[str, str]]:
    content = ContentMaker(world)
    with ExitStack() as stack:
        tables = {
            name: stack.enter_context(
                ParquetTable(
                    folder, name, schema, rows_a_shard=None if name == "taste" else _ROWS_A_SHARD
                )
            )
            for name, schema in _schemas().items()
        }
        advance = stack.enter_context(progress("Generating artists", world.num_artists))
        for place in range(world.num_communities):
            community = world.community(place)
            for name, columns in _pieces(world, content, place):
                tables[name].append(columns)
            advance(community.size)
    return (
        {name: table.num_rows for name, table in tables.items()},
        {name: table.pattern for name, table in tables.items()},
    )


def _pieces(
    world: World, content: ContentMaker, place: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    community = world.community(place)
    yield "artists", content.artists(community)
    yield "tags", content.tags(community)
    yield "edges", sample_edges(world, place)
    yield "plays", sample_plays(world, place)
    yield "taste", {"artist_id": community.ids, "taste": list(community.taste)}


def _schemas() -> dict[str, Any]:
    import pyarrow as pa

    from catalogues.synthetic.content import DESCRIPTORS

    text, number, whole = pa.string(), pa.float32(), pa.int64()
    return {
        "artists": pa.schema(
            [
                ("artist_id", text),
                ("name", text),
                ("popularity", whole),
                ("country", text),
                ("decade", pa.int32()),
                *((descriptor, number) for descriptor in DESCRIPTORS),
                ("neural_audio", pa.list_(number)),
            ]
        ),
        "tags": pa.schema([("artist_id", text), ("tag", text), ("count", whole)]),
        "edges": pa.schema([("source", text), ("target", text), ("weight", number)]),
        "plays": pa.schema([("listener_id", text), ("artist_id", text), ("plays", whole)]),
        "taste": pa.schema([("artist_id", text), ("taste", pa.list_(number))]),
    }
