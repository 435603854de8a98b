"""The tables of HetRec 2011 Last.fm-2K: tab-separated, unquoted, UTF-8 with some Latin-1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalogues.errors import InputError
from catalogues.importers.text import decode_line


@dataclass(frozen=True)
class LastfmTables:
    """The data set.

    Attributes:
        names: artist names by artist id.
        plays: (listener id, artist id, plays), no pair twice.
        tag_counts: how many listeners gave an artist a tag, by (artist id, tag).
        damaged_lines: lines that could not be read, of all files.
    """

    names: dict[int, str]
    plays: list[tuple[int, int, int]]
    tag_counts: dict[tuple[int, str], int]
    damaged_lines: int


def read_lastfm(folder: Path) -> LastfmTables:
    """Reads ``lastfm_2k/``; the taggings may be one file or come in parts.

    Raises:
        InputError: a file is missing.
    """
    damaged = Counter[str]()
    names = {int(cells[0]): cells[1].strip() for cells in _lines(folder / "artists.dat", damaged)}
    plays = [
        (int(listener), int(artist), int(count))
        for listener, artist, count in _lines(folder / "user_artists.dat", damaged)
    ]
    # The tag file writes one tag in several cases and spacings; they are one tag.
    tags = {int(tag): text.strip().lower() for tag, text in _lines(folder / "tags.dat", damaged)}
    tagged = sorted(folder.glob("user_taggedartists*.dat"))
    if not tagged:
        raise InputError("The source holds no 'user_taggedartists*.dat'; add it.")
    givers = {
        (int(cells[0]), int(cells[1]), tags.get(int(cells[2]), ""))
        for path in tagged
        for cells in _lines(path, damaged)
    }
    tag_counts = Counter((artist, tag) for _, artist, tag in givers if tag and artist in names)
    return LastfmTables(
        names=names,
        plays=plays,
        tag_counts=dict(sorted(tag_counts.items())),
        damaged_lines=sum(damaged.values()),
    )


def _lines(path: Path, damaged: Counter[str]) -> Iterator[list[str]]:
    if not path.is_file():
        raise InputError(f"The source holds no '{path.name}'; add it or check the folder.")
    with path.open("rb") as file:
        width = len(next(file, b"").split(b"\t"))
        for raw in file:
            if not raw.strip():
                continue
            cells = decode_line(raw).rstrip("\r\n").split("\t")
            if len(cells) == width:
                yield cells
            else:
                damaged[path.name] += 1
