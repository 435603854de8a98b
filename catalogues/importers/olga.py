"""The OLGA artist graph (Korzeniowski, Oramas and Gouyon, ISMIR 2021) as a catalogue.

The source is one of:

- a folder with ``olga/`` and, each of them optional, ``artist_joins.csv``,
  ``allmusic_influence/`` and ``lastfm_2k/``;
- the folder ``olga/`` itself: ``artist_connections.npz`` (sparse, artists x artists, each
  undirected edge once or twice), ``{train,val,test}_mask.npz`` or ``.npy``, and optionally
  ``MsbMapped.json``, ``dizofartist.json``, ``artist_genres.json``;
- the public release: ``olga.csv`` and ``acousticbrainz.npy``; see `olga_release`. Either of the
  two may stand among the files above as well.

An artist's id is ``olga:<row>``, its row in the original order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalogues.importers import Imported
from catalogues.importers.audio_descriptors import DESCRIPTORS, read_audio_descriptors
from catalogues.importers.lastfm_tables import read_lastfm
from catalogues.importers.olga_graph import SPLITS, OlgaArtists, read_graph, read_names_and_tags
from catalogues.importers.olga_release import write_acousticbrainz
from catalogues.importers.text import read_public_csv, repair_double_encoding
from catalogues.writing import write_csv, write_readme, write_spec


def artist_id(row: int) -> str:
    """The id of the artist at a row of the original order."""
    return f"olga:{row}"


def write(source: Path, folder: Path) -> Imported:
    """Writes the catalogue; see `catalogues.importers.import_catalogue`."""
    together = (source / "olga").is_dir()
    olga = source / "olga" if together else source
    artists, edges = read_graph(olga)
    read_names_and_tags(olga, artists)
    spec: dict[str, Any] = {
        "name": "olga",
        "description": "The OLGA artist graph with its official split.",
        "artists": {"table": "artists.csv", "id": "artist_id", "name": "name"},
        "content": {},
        "edges": {"table": "edges.csv", "source": "source", "target": "target"},
    }
    counts = {"artists": len(artists.splits), "edges": len(edges)}
    counts |= {f"{split} artists": artists.splits.count(split) for split in SPLITS}
    notes: list[str] = []
    joins = _read_joins(source, artists, notes) if together else []
    audio = _read_audio(source, joins, notes) if together else {}
    _write_artists(folder, spec, artists, audio)
    if audio:
        counts["artists with audio descriptors"] = len(audio)
    write_csv(
        folder / "edges.csv",
        ("source", "target"),
        ((artist_id(first), artist_id(second)) for first, second in edges),
    )
    _write_tags(folder, spec, artists, counts)
    if together:
        _write_lastfm(source, folder, spec, joins, counts, notes)
    else:
        notes.append(
            "Audio descriptors and plays left out: only the graph's own folder was given; give "
            "the folder above it, with artist_joins.csv, to have them."
        )
    if (olga / "acousticbrainz.npy").is_file():
        ids = [artist_id(row) for row in range(len(artists.splits))]
        known, note = write_acousticbrainz(olga / "acousticbrainz.npy", folder, spec, ids)
        counts["artists with AcousticBrainz features"] = known
        notes += [note] if note else []
    if not spec["content"]:
        del spec["content"]
    write_spec(folder, spec)
    write_readme(folder, "OLGA", (_README, *notes))
    return Imported(counts, tuple(notes))


_README = """\
Made from the files of the OLGA dataset (Korzeniowski, Oramas and Gouyon, "Artist Similarity with
Graph Neural Networks", ISMIR 2021) by `artist-sim catalogue import olga`. An artist's id is its
row in the original order. The split is the official one. Similarity is AllMusic's, licensed by
AllMusic for research; every undirected edge is stored once and has no weight."""


@dataclass(frozen=True)
class _Join:
    row: int
    name: str
    allmusic_id: int
    lastfm_id: int | None


def _read_joins(source: Path, artists: OlgaArtists, notes: list[str]) -> list[_Join]:
    path = source / "artist_joins.csv"
    if not path.is_file():
        notes.append("Audio descriptors and plays left out: the source has no artist_joins.csv.")
        return []
    required = ("allmusic_id", "name", "olga_row", "hetrec_artist_id")
    joins = [
        _Join(
            row=int(line["olga_row"]),
            name=repair_double_encoding(line["name"]),
            allmusic_id=int(line["allmusic_id"]),
            lastfm_id=int(line["hetrec_artist_id"]) if line["hetrec_artist_id"] else None,
        )
        for line in read_public_csv(path, required)
        if line["olga_row"]
    ]
    for join in joins:
        if join.name:
            artists.names.setdefault(join.row, join.name)
    return sorted(joins, key=lambda join: join.row)


def _read_audio(source: Path, joins: list[_Join], notes: list[str]) -> dict[int, tuple[str, ...]]:
    """The cells of each row with audio descriptors: the popularity, then the descriptors."""
    if not joins:
        return {}
    path = source / "allmusic_influence" / "artist_audio_features.csv"
    if not path.is_file():
        notes.append("Audio descriptors left out: the source has no allmusic_influence folder.")
        return {}
    audio = read_audio_descriptors(path)
    return {
        join.row: (audio[join.allmusic_id].popularity, *audio[join.allmusic_id].descriptors)
        for join in joins
        if join.allmusic_id in audio
    }


def _write_artists(
    folder: Path, spec: dict[str, Any], artists: OlgaArtists, audio: dict[int, tuple[str, ...]]
) -> None:
    header = ["artist_id", "name", "split"]
    if audio:
        header += ["popularity", *DESCRIPTORS]
        spec["artists"]["popularity"] = "popularity"
        spec["content"]["audio"] = {"columns": list(DESCRIPTORS)}
    spec["artists"]["split"] = "split"
    unknown = ("",) * (1 + len(DESCRIPTORS)) if audio else ()
    write_csv(
        folder / "artists.csv",
        header,
        (
            (artist_id(row), artists.name(row), split, *audio.get(row, unknown))
            for row, split in enumerate(artists.splits)
        ),
    )


def _write_tags(
    folder: Path, spec: dict[str, Any], artists: OlgaArtists, counts: dict[str, int]
) -> None:
    if not artists.tags:
        return
    write_csv(
        folder / "tags.csv",
        ("artist_id", "tag", "count"),
        (
            (artist_id(row), tag, count)
            for row, tags in sorted(artists.tags.items())
            for tag, count in tags.items()
        ),
    )
    spec["content"]["tags"] = {
        "table": "tags.csv",
        "artist": "artist_id",
        "categories": "tag",
        "weight": "count",
    }
    counts["artists with tags"] = len(artists.tags)


def _write_lastfm(
    source: Path,
    folder: Path,
    spec: dict[str, Any],
    joins: list[_Join],
    counts: dict[str, int],
    notes: list[str],
) -> None:
    if not joins:
        return
    if not (source / "lastfm_2k").is_dir():
        notes.append("Plays and Last.fm tags left out: the source has no lastfm_2k folder.")
        return
    lastfm = read_lastfm(source / "lastfm_2k")
    row_of = _rows_by_lastfm_id(joins, lastfm.names, notes)
    plays = [
        (listener, artist_id(row_of[artist]), count)
        for listener, artist, count in lastfm.plays
        if artist in row_of
    ]
    write_csv(folder / "plays.csv", ("listener_id", "artist_id", "plays"), plays)
    tags = [
        (artist_id(row_of[artist]), tag, count)
        for (artist, tag), count in lastfm.tag_counts.items()
        if artist in row_of
    ]
    write_csv(folder / "lastfm_tags.csv", ("artist_id", "tag", "count"), tags)
    spec["content"]["lastfm_tags"] = {
        "table": "lastfm_tags.csv",
        "artist": "artist_id",
        "categories": "tag",
        "weight": "count",
    }
    spec["plays"] = {
        "table": "plays.csv",
        "listener": "listener_id",
        "artist": "artist_id",
        "plays": "plays",
    }
    counts["artists with Last.fm tags"] = len({artist for artist, _, _ in tags})
    counts["artists with plays"] = len({artist for _, artist, _ in plays})
    counts["plays"] = len(plays)


def _rows_by_lastfm_id(
    joins: list[_Join], lastfm_names: dict[int, str], notes: list[str]
) -> dict[int, int]:
    """One row for each Last.fm artist: the one of exactly its name, else the smallest row."""
    candidates: dict[int, list[_Join]] = {}
    for join in joins:
        if join.lastfm_id is not None and join.lastfm_id in lastfm_names:
            candidates.setdefault(join.lastfm_id, []).append(join)
    shared = sum(len(same) > 1 for same in candidates.values())
    if shared:
        notes.append(
            f"{shared} Last.fm artists are joined to two artists each; their plays and tags went "
            "to the one of exactly the same name, else to the one that comes first."
        )
    return {
        lastfm_id: min(
            same, key=lambda join: (join.name.lower() != lastfm_names[lastfm_id].lower(), join.row)
        ).row
        for lastfm_id, same in candidates.items()
    }
