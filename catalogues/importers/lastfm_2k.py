"""HetRec 2011 Last.fm-2K as a catalogue, with similarity derived from co-listening.

The source is the folder with ``artists.dat``, ``user_artists.dat``, ``tags.dat`` and
``user_taggedartists*.dat`` (or the folder above, in which they stand in ``lastfm_2k/``). An
artist's id is ``lastfm:<its id in artists.dat>``.

The data set has no similarity. Two artists are made similar by this rule: each artist is the
vector of its listeners' ``log(1 + plays)``; artists with at least 3 listeners in common are
compared by the cosine of the two vectors; of each artist's comparisons the 25 highest are kept,
and an edge stands where either of the two kept it. The cosine is the edge's weight.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from catalogues.importers import Imported
from catalogues.importers.lastfm_tables import LastfmTables, read_lastfm
from catalogues.progress import progress
from catalogues.writing import write_csv, write_readme, write_spec

LEAST_COMMON_LISTENERS: Final = 3
MOST_SIMILAR_ARTISTS: Final = 25

_ROWS_A_PIECE: Final = 1024


def write(source: Path, folder: Path) -> Imported:
    """Writes the catalogue; see `catalogues.importers.import_catalogue`."""
    inner = source / "lastfm_2k"
    lastfm = read_lastfm(inner if inner.is_dir() else source)
    edges = co_listening_edges(lastfm)
    write_csv(
        folder / "artists.csv",
        ("artist_id", "name"),
        ((_artist_id(number), name) for number, name in sorted(lastfm.names.items())),
    )
    write_csv(
        folder / "edges.csv",
        ("source", "target", "weight"),
        (
            (_artist_id(first), _artist_id(second), f"{weight:.6f}")
            for first, second, weight in edges
        ),
    )
    write_csv(
        folder / "plays.csv",
        ("listener_id", "artist_id", "plays"),
        ((listener, _artist_id(artist), count) for listener, artist, count in lastfm.plays),
    )
    write_csv(
        folder / "tags.csv",
        ("artist_id", "tag", "count"),
        ((_artist_id(artist), tag, count) for (artist, tag), count in lastfm.tag_counts.items()),
    )
    notes = [
        "The edges are derived from co-listening, for the data set has none; the catalogue's "
        "README.md states the rule."
    ]
    if lastfm.damaged_lines:
        notes.append(f"{lastfm.damaged_lines} damaged lines of the source were left out.")
    write_spec(folder, _SPEC)
    write_readme(folder, "Last.fm-2K", (_README, *notes))
    connected = {artist for first, second, _ in edges for artist in (first, second)}
    counts = {
        "artists": len(lastfm.names),
        "edges": len(edges),
        "artists with an edge": len(connected),
        "plays": len(lastfm.plays),
        "artists with tags": len({artist for artist, _ in lastfm.tag_counts}),
    }
    return Imported(counts, tuple(notes))


_README = f"""\
Made from Last.fm-2K (HetRec 2011, non-commercial use) by `artist-sim catalogue import lastfm-2k`.

The data set has no similarity. Two artists are similar here by this rule: each artist is the
vector of its listeners' log(1 + plays); artists with at least {LEAST_COMMON_LISTENERS} listeners
in common are compared by the cosine of the two vectors; of each artist's comparisons the
{MOST_SIMILAR_ARTISTS} highest are kept, and an edge stands where either of the two kept it. The
cosine is the edge's weight. A score on these edges says how well co-listening is predicted; a
model that reads the plays has seen the answer."""

_SPEC: Final[dict[str, Any]] = {
    "name": "lastfm-2k",
    "description": "HetRec 2011 Last.fm-2K with similarity derived from co-listening.",
    "artists": {"table": "artists.csv", "id": "artist_id", "name": "name"},
    "content": {
        "tags": {
            "table": "tags.csv",
            "artist": "artist_id",
            "categories": "tag",
            "weight": "count",
        },
    },
    "edges": {
        "table": "edges.csv",
        "source": "source",
        "target": "target",
        "weight": "weight",
    },
    "plays": {
        "table": "plays.csv",
        "listener": "listener_id",
        "artist": "artist_id",
        "plays": "plays",
    },
}


def co_listening_edges(lastfm: LastfmTables) -> list[tuple[int, int, float]]:
    """Derives undirected edges by the rule in the module's description.

    Ties at the cut are decided by the smaller artist id.

    Returns:
        (smaller artist id, larger artist id, cosine in (0, 1]), sorted.
    """
    import numpy as np
    from scipy import sparse

    artists = np.array(sorted(lastfm.names), dtype=np.int64)
    heard = [play for play in lastfm.plays if play[1] in lastfm.names and play[2] > 0]
    listeners, listener_places = np.unique([play[0] for play in heard], return_inverse=True)
    artist_places = np.searchsorted(artists, [play[1] for play in heard])
    shape = (len(artists), len(listeners))
    loved = sparse.csr_matrix(
        (np.log1p([play[2] for play in heard]), (artist_places, listener_places)), shape=shape
    )
    norm = np.sqrt(loved.multiply(loved).sum(axis=1)).A1
    unit = sparse.diags(1 / np.where(norm > 0, norm, 1)) @ loved
    listened = (loved > 0).astype(np.int32)
    edges: dict[tuple[int, int], float] = {}
    with progress("Comparing artists", len(artists)) as advance:
        for start in range(0, len(artists), _ROWS_A_PIECE):
            piece = slice(start, start + _ROWS_A_PIECE)
            common = (listened[piece] @ listened.T).tocsr()
            common.data = (common.data >= LEAST_COMMON_LISTENERS).astype(np.int32)
            common.eliminate_zeros()
            cosine = (unit[piece] @ unit.T).multiply(common).tocsr()
            for offset in range(cosine.shape[0]):
                row = start + offset
                begin, end = cosine.indptr[offset : offset + 2]
                others, values = cosine.indices[begin:end], cosine.data[begin:end]
                others, values = others[others != row], values[others != row]
                for best in np.lexsort((others, -values))[:MOST_SIMILAR_ARTISTS]:
                    pair = sorted((int(artists[row]), int(artists[others[best]])))
                    edges[pair[0], pair[1]] = min(1.0, float(values[best]))
            advance(cosine.shape[0])
    return [(first, second, weight) for (first, second), weight in sorted(edges.items())]


def _artist_id(number: int) -> str:
    return f"lastfm:{number}"
