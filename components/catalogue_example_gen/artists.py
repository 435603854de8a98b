"""From artist rows to whole artists: one an id, with a split and the content of all tables."""

from __future__ import annotations

import collections
import hashlib
import math
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import apache_beam as beam

from catalogues.spec import LISTENING, Catalogue
from catalogues.values import shown
from components.catalogue_example_gen.details import (
    Detail,
    Play,
    plays_by_listener,
    unpacked_detail,
)
from components.catalogue_example_gen.packed import pack, unpack
from components.catalogue_example_gen.rows import (
    ARTISTS,
    PLAYS,
    RECORDS,
    REJECTS,
    Artist,
    Reject,
)
from components.catalogue_example_gen.tracks import Tracks

TABLE: Final = ARTISTS
KEPT: Final = "kept"
CUT: Final = "cut"


def split_of(artist_id: str, fractions: tuple[float, float, float]) -> str:
    """The split of an artist by a stable hash of its id, so that a retrain keeps yesterday's.

    Args:
      artist_id: the id.
      fractions: of train, val and test, summing to 1.
    """
    digest = hashlib.blake2b(artist_id.encode(), digest_size=8).digest()
    position = int.from_bytes(digest, "big") / 2**64
    if position < fractions[0]:
        return "train"
    return "val" if position < fractions[0] + fractions[1] else "test"


class OnePerId(beam.DoFn):
    """(artist id, packed rows) -> (artist id, first row, packed); further rows are duplicates."""

    def process(self, id_rows: tuple[str, Iterable[bytes]]) -> Iterator[Any]:
        """Yields one artist and the rejects."""
        key, packed = id_rows[0], list(id_rows[1])
        if len(packed) == 1:
            yield key, packed[0]
            return
        rows = sorted((Artist(*unpack(row)) for row in packed), key=lambda artist: artist[:2])
        yield key, pack(tuple(rows[0]))
        for row in rows[1:]:
            reason = f"duplicate id: first in {rows[0].file}, row {rows[0].row}"
            yield beam.pvalue.TaggedOutput(
                REJECTS, Reject(TABLE, row.file, row.row, key, reason, "duplicate id")
            )


class CheckLengths(beam.DoFn):
    """Rejects artists and details whose vector has not the modality's length."""

    def __init__(self, table: str):
        self._table = table

    def process(self, keyed: tuple[str, Any], dims: dict[str, int]) -> Iterator[Any]:
        """Yields the good ones and the rejects; `dims` is one number a list modality."""
        key, record = keyed
        for modality, dim in dims.items():
            vector = _content(record).get(modality)
            if vector is not None and len(vector) != dim:
                reason = f"{modality}: wrong vector length {len(vector)}, most artists have {dim}"
                yield beam.pvalue.TaggedOutput(
                    REJECTS,
                    Reject(
                        self._table, record.file, record.row, key, reason, "wrong vector length"
                    ),
                )
                return
        yield keyed


def most_common_lengths(counts: Iterable[tuple[tuple[str, int], int]]) -> dict[str, int]:
    """The most common length of each list modality; of equally common ones the longest."""
    best: dict[str, tuple[int, int]] = {}
    for (modality, length), count in counts:
        best[modality] = max(best.get(modality, (0, 0)), (count, length))
    return {modality: length for modality, (_, length) in best.items()}


class WholeArtist(NamedTuple):
    """An artist with everything known of it.

    `content`: by modality a tuple of floats (vector) or of (word, weight) pairs (categories).
    `plays`: by listener, where they are still to become content.
    """

    name: str
    popularity: float | None
    split: str
    meta: tuple[str, ...]
    content: dict[str, Any]
    plays: tuple[Play, ...] = ()


class Assemble(beam.DoFn):
    """(artist id, {'artists': [...], detail table: [...]}) -> (artist id, WholeArtist).

    Artists and details come packed; of a table with vectors as one Tracks an artist. Details of an
    unknown artist are dangling. Several vectors of an artist (its tracks) are averaged, weights of
    the same word are summed, plays become log(1 + plays); all with `fsum`, whose result is the same
    in whichever order the rows come.
    """

    def __init__(self, catalogue: Catalogue, fractions: tuple[float, float, float]):
        self._kinds = {modality.name: modality.kind for modality in catalogue.content}
        self._has_popularity = catalogue.artists.popularity is not None
        self._fractions = fractions

    def process(self, joined: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[Any]:
        """Yields the artist, the kept details' counts, what was cut, and the rejects."""
        key, tables = joined
        artist = next((Artist(*unpack(row)) for row in tables[TABLE]), None)
        content = dict(artist.content) if artist else {}
        popularity = artist.popularity if artist else None
        plays: tuple[Play, ...] = ()
        all_cut = 0
        for table, records in tables.items():
            if table == TABLE:
                continue
            details, num_cut = _details(records)
            if not artist:
                reason = f"dangling: no artist {shown(key)}"
                for detail in details:
                    reject = Reject(table, detail.file, detail.row, key, reason, "dangling")
                    yield beam.pvalue.TaggedOutput(REJECTS, reject)
                continue
            if details:
                yield beam.pvalue.TaggedOutput(KEPT, (table, len(details)))
                all_cut += num_cut
                if table != PLAYS:
                    content |= self._joined_content(details)
                    continue
                if not self._has_popularity:
                    popularity = math.log1p(math.fsum(detail.value.plays for detail in details))
                if LISTENING in self._kinds:
                    plays = plays_by_listener(detail.value for detail in details)
        if artist:
            yield beam.pvalue.TaggedOutput(KEPT, (TABLE, 1))
            if all_cut:
                yield beam.pvalue.TaggedOutput(CUT, ("artists", 1))
                yield beam.pvalue.TaggedOutput(CUT, ("tracks", all_cut))
            split = artist.split or split_of(key, self._fractions)
            yield key, WholeArtist(artist.name, popularity, split, artist.meta, content, plays)

    def _joined_content(self, details: list[Detail]) -> dict[str, Any]:
        rows: dict[str, list[Any]] = collections.defaultdict(list)
        for detail in details:
            for modality, value in detail.value.items():
                rows[modality].append(value)
        return {
            modality: _summed_words(found)
            if self._kinds[modality] == "categories"
            else tuple(math.fsum(column) / len(found) for column in zip(*found, strict=True))
            for modality, found in rows.items()
        }


def _details(records: Iterable[bytes | Tracks]) -> tuple[list[Detail], int]:
    """The rows, and how many of them had their vectors left out."""
    details: list[Detail] = []
    num_cut = 0
    for record in records:
        if isinstance(record, Tracks):
            details += record.first + record.others
            num_cut += record.num_cut
        else:
            details.append(unpacked_detail(record))
    return details, num_cut


def _summed_words(rows: list[tuple[tuple[str, float], ...]]) -> tuple[tuple[str, float], ...]:
    weights: dict[str, list[float]] = collections.defaultdict(list)
    for words in rows:
        for word, weight in words:
            weights[word].append(weight)
    summed = ((word, math.fsum(parts)) for word, parts in weights.items())
    return tuple(sorted(summed, key=lambda pair: (-pair[1], pair[0])))


def checked_lengths(records, table: str, list_modalities: tuple[str, ...], label: str):
    """Applies CheckLengths where there are list modalities.

    Args:
      records: (artist id, Artist or Detail).
      table: what rejects call the table.
      list_modalities: modalities whose length only the data tells.
      label: for the transforms' names.

    Returns:
      (records, list of reject collections).
    """
    if not list_modalities:
        return records, []
    dims = (
        records
        | f"{label}: lengths" >> beam.FlatMap(_lengths, modalities=list_modalities)
        | f"{label}: count lengths" >> beam.combiners.Count.PerElement()
        | f"{label}: all lengths" >> beam.combiners.ToList()
        | f"{label}: most common" >> beam.Map(most_common_lengths)
    )
    checked = records | f"{label}: check lengths" >> beam.ParDo(
        CheckLengths(table), beam.pvalue.AsSingleton(dims)
    ).with_outputs(REJECTS, main=RECORDS)
    return checked[RECORDS], [checked[REJECTS]]


def _lengths(keyed, modalities):
    content = _content(keyed[1])
    return [(name, len(content[name])) for name in modalities if name in content]


def _content(record: Artist | Detail) -> dict[str, Any]:
    return record.content if isinstance(record, Artist) else record.value
