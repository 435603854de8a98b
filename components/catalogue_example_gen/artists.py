"""From artist rows to whole artists: one an id, with a split and the content of all tables."""

from __future__ import annotations

import collections
import hashlib
import math
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import apache_beam as beam

from catalogues.spec import Catalogue
from components.catalogue_example_gen.rows import RECORDS, REJECTS, Artist, Detail, Reject

TABLE: Final = "artists"
PLAYS: Final = "plays"
KEPT: Final = "kept"


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
    """(artist id, rows) -> (artist id, first row); further rows are duplicates."""

    def process(self, id_rows: tuple[str, Iterable[Artist]]) -> Iterator[Any]:
        """Yields one artist and the rejects."""
        key, rows = id_rows[0], sorted(id_rows[1], key=lambda artist: artist[:2])
        yield key, rows[0]
        for row in rows[1:]:
            reason = f"duplicate id: first in {rows[0].file}, row {rows[0].row}"
            yield beam.pvalue.TaggedOutput(REJECTS, Reject(TABLE, row.file, row.row, key, reason))


class CheckLengths(beam.DoFn):
    """Rejects artists and details whose vector has not the modality's length."""

    def __init__(self, table: str):
        self._table = table

    def process(self, keyed: tuple[str, Any], dims: dict[str, int]) -> Iterator[Any]:
        """Yields the good ones and the rejects; `dims` is one number a list modality."""
        key, record = keyed
        content = record.content if isinstance(record, Artist) else {self._table: record.value}
        for modality, dim in dims.items():
            vector = content.get(modality)
            if vector is not None and len(vector) != dim:
                reason = f"{modality}: wrong vector length {len(vector)}, most artists have {dim}"
                yield beam.pvalue.TaggedOutput(
                    REJECTS, Reject(self._table, record.file, record.row, key, reason)
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
    """

    name: str
    popularity: float | None
    split: str
    meta: tuple[str, ...]
    content: dict[str, Any]


class Assemble(beam.DoFn):
    """(artist id, {'artists': [...], detail table: [...]}) -> (artist id, WholeArtist).

    Details of an unknown artist are dangling. Several vectors of an artist (its tracks) are
    averaged, weights of the same word are summed, plays become log(1 + plays).
    """

    def __init__(self, catalogue: Catalogue, fractions: tuple[float, float, float]):
        self._kinds = {modality.name: modality.kind for modality in catalogue.content}
        self._has_popularity = catalogue.artists.popularity is not None
        self._fractions = fractions

    def process(self, joined: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[Any]:
        """Yields the artist, the kept details' counts and the rejects."""
        key, tables = joined
        artist = next(iter(tables[TABLE]), None)
        content = dict(artist.content) if artist else {}
        popularity = artist.popularity if artist else None
        for table, records in tables.items():
            if table == TABLE:
                continue
            # Sorted, so that sums of floats are the same on every runner.
            details: list[Detail] = sorted(records, key=lambda detail: detail[:2])
            if not artist:
                for detail in details:
                    yield beam.pvalue.TaggedOutput(
                        REJECTS,
                        Reject(table, detail.file, detail.row, key, f"dangling: no artist '{key}'"),
                    )
                continue
            if details:
                yield beam.pvalue.TaggedOutput(KEPT, (table, len(details)))
                if table == PLAYS:
                    if not self._has_popularity:
                        popularity = math.log1p(sum(detail.value for detail in details))
                elif self._kinds[table] == "categories":
                    content[table] = _summed_words(details)
                else:
                    columns = zip(*(detail.value for detail in details), strict=True)
                    content[table] = tuple(sum(column) / len(details) for column in columns)
        if artist:
            yield beam.pvalue.TaggedOutput(KEPT, (TABLE, 1))
            split = artist.split or split_of(key, self._fractions)
            yield key, WholeArtist(artist.name, popularity, split, artist.meta, content)


def _summed_words(details: list[Detail]) -> tuple[tuple[str, float], ...]:
    weights: dict[str, float] = collections.defaultdict(float)
    for detail in details:
        for word, weight in detail.value:
            weights[word] += weight
    return tuple(sorted(weights.items(), key=lambda pair: (-pair[1], pair[0])))


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
        | f"{label}: lengths" >> beam.FlatMap(_lengths, table=table, modalities=list_modalities)
        | f"{label}: count lengths" >> beam.combiners.Count.PerElement()
        | f"{label}: all lengths" >> beam.combiners.ToList()
        | f"{label}: most common" >> beam.Map(most_common_lengths)
    )
    checked = records | f"{label}: check lengths" >> beam.ParDo(
        CheckLengths(table), beam.pvalue.AsSingleton(dims)
    ).with_outputs(REJECTS, main=RECORDS)
    return checked[RECORDS], [checked[REJECTS]]


def _lengths(keyed, table, modalities):
    record = keyed[1]
    content = record.content if isinstance(record, Artist) else {table: record.value}
    return [(name, len(content[name])) for name in modalities if name in content]
