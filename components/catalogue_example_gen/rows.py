"""Reads a catalogue's tables on Beam; every row becomes a record or a reject."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import apache_beam as beam

from catalogues import spec as catalogue_spec
from catalogues import values
from catalogues.errors import InputError
from catalogues.tables import Row, read_rows
from components.catalogue_example_gen import progress
from components.catalogue_example_gen.cells import BadRow, checked, modality_value, text
from components.catalogue_example_gen.whole_files import on_this_machine
from trainer.graph import SPLITS

ARTISTS: Final = "artists"
EDGES: Final = "edges"
PLAYS: Final = "plays"

RECORDS: Final = "records"
REJECTS: Final = "rejects"
READ: Final = "read"
UNREADABLE: Final = "unreadable file"
"""The kind of the one reject that a damaged file ends with; it stops every run."""


class Reject(NamedTuple):
    """A row that is set aside: where it stands, what it is about, and why.

    `kind` is the reason without what is particular to the row, by which rejects are counted.
    """

    table: str
    file: str
    row: int
    key: str
    reason: str
    kind: str


class Artist(NamedTuple):
    """A row of the artists' table. `content` maps a modality to its numbers or (word, 1) pairs."""

    file: str
    row: int
    name: str
    popularity: float | None
    split: str | None
    meta: tuple[str, ...]
    content: dict[str, Any]


class Edge(NamedTuple):
    """A row of the edge table, its ends as the table gives them."""

    file: str
    row: int
    source: str
    target: str
    weight: float


def artist_parser(catalogue: catalogue_spec.Catalogue) -> Callable[[Row], tuple[str, Artist]]:
    """Returns the function from a row to (artist id, Artist); it raises BadRow."""
    table = catalogue.artists
    own = [m for m in catalogue.content if m.table == table.table and m.artist == table.id]

    def parse(row: Row) -> tuple[str, Artist]:
        cells = row.values
        key = checked(values.to_id, cells[table.id], "", table.id)
        split = None
        if table.split:
            split = text(cells[table.split])
            if split not in SPLITS:
                raise BadRow(
                    f"artist in no split: {table.split} is {values.shown(split)}, "
                    "not train, val or test",
                    key,
                )
        content = {}
        for modality in own:
            value = modality_value(modality, cells, key)
            if value is not None:
                content[modality.name] = value
        return key, Artist(
            file=row.file,
            row=row.number,
            name=text(cells.get(table.name)) or key if table.name else key,
            popularity=checked(values.to_popularity, cells[table.popularity], key, table.popularity)
            if table.popularity
            else None,
            split=split,
            meta=tuple(text(cells[column]) for column in table.meta),
            content=content,
        )

    return parse


def artist_columns(catalogue: catalogue_spec.Catalogue) -> tuple[str, ...]:
    """The columns of the artists' table that the catalogue names."""
    table = catalogue.artists
    own = [m for m in catalogue.content if m.table == table.table and m.artist == table.id]
    named = [table.id, table.name, table.popularity, table.split, *table.meta]
    named += [column for modality in own for column in (*modality.columns, modality.weight)]
    return tuple(dict.fromkeys(column for column in named if column))


def edge_parser(table: catalogue_spec.EdgeTable) -> Callable[[Row], tuple[str, Edge]]:
    """Returns the function from a row to (the lesser of its two ids, Edge); it raises BadRow."""

    def parse(row: Row) -> tuple[str, Edge]:
        source = checked(values.to_id, row.values[table.source], "", table.source)
        target = checked(values.to_id, row.values[table.target], "", table.target)
        key = f"{source} - {target}"
        if source == target:
            raise BadRow("self-loop", key)
        weight = 1.0
        if table.weight:
            given = checked(values.to_weight, row.values[table.weight], key, table.weight)
            if given is None:
                raise BadRow("no weight", key, table.weight)
            weight = given
        return min(source, target), Edge(row.file, row.number, source, target, weight)

    return parse


class ReadTable(beam.PTransform):
    """(key, record) for each good row of a table; rejects and the number of rows read beside.

    A file is read by one worker; a large table is parallel by being in several files.

    Args:
      name: what messages call the table: 'artists', 'edges', 'plays' or a modality.
      catalogue: the catalogue.
      table: its file name or glob.
      columns: the columns to read; one that is missing rejects the row.
      parse: from a Row to (key, record), raising BadRow.
      folder: the catalogue's folder as workers reach it, a path or an address.
    """

    def __init__(self, name, catalogue, table, columns, parse, folder):
        super().__init__(f"Read {name}")
        self._name = name
        names = map(catalogue.file_name, catalogue.files(table))
        self._files = [(f"{folder}/{file}", file) for file in names]
        self._columns = tuple(columns)
        self._parse = parse

    def expand(self, pbegin):
        """Returns the tagged outputs RECORDS, REJECTS and READ."""
        return (
            pbegin
            | "Files" >> beam.Create(self._files)
            | "Spread files" >> beam.Reshuffle()
            | "Rows"
            >> beam.ParDo(_ReadRows(self._name, self._columns, self._parse)).with_outputs(
                REJECTS, READ, main=RECORDS
            )
        )


class _ReadRows(beam.DoFn):
    def __init__(
        self, name: str, columns: tuple[str, ...], parse: Callable[[Row], tuple[str, Any]]
    ):
        self._name, self._columns, self._parse = name, columns, parse

    def process(self, named_file: tuple[str, str]) -> Iterator[Any]:
        path, file = named_file
        num_read = 0
        advance = progress.Advance(progress.READING)
        try:
            with on_this_machine(path) as local:
                for row in read_rows(local, file, self._columns):
                    num_read += 1
                    advance.one()
                    try:
                        if row.fault:
                            raise BadRow(row.fault)
                        yield self._parse(row)
                    except BadRow as bad:
                        yield self._reject(file, row.number, bad.key, str(bad), bad.kind)
        except InputError as error:
            # A reject, not an exception, which a runner would wrap in pages of its own.
            num_read += 1
            yield self._reject(file, num_read, "", str(error), UNREADABLE)
        advance.flush()
        yield beam.pvalue.TaggedOutput(READ, (self._name, num_read))

    def _reject(self, file: str, row: int, key: str, reason: str, kind: str) -> Any:
        return beam.pvalue.TaggedOutput(REJECTS, Reject(self._name, file, row, key, reason, kind))
