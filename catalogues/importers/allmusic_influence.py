"""AllMusic's 'influenced by' edges as a catalogue.

The source is a folder with ``influence_edges.csv`` and, optionally, ``artist_audio_features.csv``
(or the folder above, in which they stand in ``allmusic_influence/``). An edge leads from the
influencer to the follower. An artist's id is ``allmusic:<digits of the MN id>``.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from catalogues.importers import Imported
from catalogues.importers.audio_descriptors import (
    DESCRIPTORS,
    AudioDescriptors,
    read_audio_descriptors,
)
from catalogues.importers.text import read_public_csv, repair_double_encoding
from catalogues.writing import write_csv, write_readme, write_spec

_ENDS: Final = ("influencer", "follower")
_UNKNOWN_GENRE: Final = "Unknown"


@dataclass(frozen=True)
class _Artist:
    name: str
    genre: str
    active_start: str


def write(source: Path, folder: Path) -> Imported:
    """Writes the catalogue; see `catalogues.importers.import_catalogue`."""
    inner = source / "allmusic_influence"
    source = inner if inner.is_dir() else source
    artists, edges = _read_influence(source / "influence_edges.csv")
    notes: list[str] = []
    audio: dict[int, AudioDescriptors] = {}
    if (source / "artist_audio_features.csv").is_file():
        audio = read_audio_descriptors(source / "artist_audio_features.csv")
    else:
        notes.append("Audio descriptors left out: the source has no artist_audio_features.csv.")
    without_edges = sorted(audio.keys() - artists.keys())
    for number in without_edges:
        artists[number] = _Artist(audio[number].name, "", "")
    if without_edges:
        notes.append(
            f"{len(without_edges)} artists have audio descriptors and no edge; they are kept."
        )
    _write_tables(folder, artists, audio, edges)
    write_spec(folder, _spec(has_audio=bool(audio)))
    write_readme(folder, "AllMusic influence", (_README, *notes))
    counts = {
        "artists": len(artists),
        "edges": len(edges),
        "artists with a genre": sum(bool(artist.genre) for artist in artists.values()),
        "artists with audio descriptors": len(audio),
    }
    return Imported(counts, tuple(notes))


_README = """\
Directed edges from an influencer to a follower, after AllMusic (which licenses them for
research), made by `artist-sim catalogue import allmusic-influence`. `main_genre` and
`active_start` (a decade) are descriptive columns, and `main_genre` is a modality, too."""


def _read_influence(path: Path) -> tuple[dict[int, _Artist], list[tuple[int, int]]]:
    required = tuple(
        f"{end}_{part}" for end in _ENDS for part in ("id", "name", "main_genre", "active_start")
    )
    artists: dict[int, _Artist] = {}
    edges: dict[tuple[int, int], None] = {}
    for row in read_public_csv(path, required):
        influencer, follower = (int(row[f"{end}_id"]) for end in _ENDS)
        for end in _ENDS:
            genre = html.unescape(row[f"{end}_main_genre"]).removesuffix(";")
            artists[int(row[f"{end}_id"])] = _Artist(
                name=repair_double_encoding(row[f"{end}_name"]),
                genre="" if genre == _UNKNOWN_GENRE else genre,
                active_start=row[f"{end}_active_start"],
            )
        if influencer != follower:
            edges[influencer, follower] = None
    return artists, sorted(edges)


def _write_tables(
    folder: Path,
    artists: dict[int, _Artist],
    audio: dict[int, AudioDescriptors],
    edges: list[tuple[int, int]],
) -> None:
    columns = ("popularity", *DESCRIPTORS) if audio else ()
    write_csv(
        folder / "artists.csv",
        ("artist_id", "name", "main_genre", "active_start", *columns),
        (
            (
                _artist_id(number),
                artist.name,
                artist.genre,
                artist.active_start,
                *_audio_cells(audio, number),
            )
            for number, artist in sorted(artists.items())
        ),
    )
    write_csv(
        folder / "edges.csv",
        ("source", "target"),
        ((_artist_id(influencer), _artist_id(follower)) for influencer, follower in edges),
    )


def _audio_cells(audio: dict[int, AudioDescriptors], number: int) -> tuple[str, ...]:
    if not audio:
        return ()
    if number not in audio:
        return ("",) * (1 + len(DESCRIPTORS))
    return (audio[number].popularity, *audio[number].descriptors)


def _spec(*, has_audio: bool) -> dict[str, Any]:
    artists: dict[str, Any] = {"table": "artists.csv", "id": "artist_id", "name": "name"}
    content: dict[str, Any] = {"main_genre": {"categories": "main_genre"}}
    if has_audio:
        artists["popularity"] = "popularity"
        content["audio"] = {"columns": list(DESCRIPTORS)}
    artists["meta"] = ["main_genre", "active_start"]
    return {
        "name": "allmusic-influence",
        "description": "Who influenced whom, after AllMusic.",
        "artists": artists,
        "content": content,
        "edges": {
            "table": "edges.csv",
            "source": "source",
            "target": "target",
            "directed": True,
        },
    }


def _artist_id(number: int) -> str:
    return f"allmusic:{number}"
