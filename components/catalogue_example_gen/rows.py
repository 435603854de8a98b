"""Reads a catalogue's tables on Beam; every row becomes a record or a reject."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import apache_beam as beam

from catalogues import spec as catalogue_spec
from catalogues import values
from catalogues.tables import Row, read_rows
from components.catalogue_example_gen import progress

RECORDS: Final = "records"
REJECTS: Final = "rejects"
READ: Final = "read"


class Reject(NamedTuple):
    """A row that is set aside: where it stands, what it is about, and why."""

    table: str
    file: str
    row: int
    key: str
    reason: str


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


class Detail(NamedTuple):
    """A row of a table with several rows an artist: a word with its weight, numbers, or plays."""

    file: str
    row: int
    value: Any


class BadRow(ValueError):
    """Why a row cannot be used, with the key that it is about."""

    def __init__(self, reason: str, key: str = ""):
        super().__init__(reason)
        self.key = key


def artist_parser(catalogue: catalogue_spec.Catalogue) -> Callable[[Row], tuple[str, Artist]]:
    """Returns the function from a row to (artist id, Artist); it raises BadRow."""
    table = catalogue.artists
    own = [m for m in catalogue.content if m.table == table.table and m.artist == table.id]

    def parse(row: Row) -> tuple[str, Artist]:
        cells = row.values
        key = _checked(values.to_id, cells[table.id], "", table.id)
        split = None
        if table.split:
            split = _text(cells[table.split])
            if split not in ("train", "val", "test"):
                raise BadRow(
                    f"artist in no split: {table.split} is {values.shown(split)}, "
                    "not train, val or test",
                    key,
                )
        content = {}
        for modality in own:
            value = _modality_value(modality, cells, key)
            if value is not None:
                content[modality.name] = value
        return key, Artist(
            file=row.file,
            row=row.number,
            name=_text(cells.get(table.name)) or key if table.name else key,
            popularity=_checked(
                values.to_popularity, cells[table.popularity], key, table.popularity
            )
            if table.popularity
            else None,
            split=split,
            meta=tuple(_text(cells[column]) for column in table.meta),
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
    """Returns the function from a row to (unordered or ordered pair, Edge); it raises BadRow."""

    def parse(row: Row) -> tuple[str, Edge]:
        source = _checked(values.to_id, row.values[table.source], "", table.source)
        target = _checked(values.to_id, row.values[table.target], "", table.target)
        key = f"{source} - {target}"
        if source == target:
            raise BadRow("self-loop", key)
        weight = 1.0
        if table.weight:
            given = _checked(values.to_weight, row.values[table.weight], key, table.weight)
            if given is None:
                raise BadRow(f"{table.weight}: no weight", key)
            weight = given
        ends = (source, target) if table.directed else tuple(sorted((source, target)))
        # An id holds no control character, so this joins two ids without ambiguity.
        return "\n".join(ends), Edge(row.file, row.number, source, target, weight)

    return parse


def detail_parser(
    artist: str, read: Callable[[dict[str, Any], str], Any]
) -> Callable[[Row], tuple[str, Detail]]:
    """Returns the function from a row to (artist id, Detail); `read` makes the value."""

    def parse(row: Row) -> tuple[str, Detail]:
        key = _checked(values.to_id, row.values[artist], "", artist)
        return key, Detail(row.file, row.number, read(row.values, key))

    return parse


def word_reader(modality: catalogue_spec.Modality) -> Callable[[dict[str, Any], str], Any]:
    """Reads a row's words with their weight: ((word, weight), ...)."""

    def read(cells: dict[str, Any], key: str) -> tuple[tuple[str, float], ...]:
        column = modality.columns[0]
        words = _checked(values.to_categories, cells[column], key, column)
        if words is None:
            raise BadRow(f"{column}: empty", key)
        weight = 1.0
        if modality.weight:
            given = _checked(values.to_weight, cells[modality.weight], key, modality.weight)
            if given is None:
                raise BadRow(f"{modality.weight}: no weight", key)
            weight = given
        return tuple((word, weight) for word in words)

    return read


def vector_reader(modality: catalogue_spec.Modality) -> Callable[[dict[str, Any], str], Any]:
    """Reads a row's numbers; a row without any is bad, since it says nothing."""

    def read(cells: dict[str, Any], key: str) -> tuple[float, ...]:
        value = _modality_value(modality, cells, key)
        if value is None:
            raise BadRow(f"{modality.name}: no number", key)
        return value

    return read


def play_reader(table: catalogue_spec.PlayTable) -> Callable[[dict[str, Any], str], Any]:
    """Reads how often one listener played the artist."""

    def read(cells: dict[str, Any], key: str) -> float:
        _checked(values.to_id, cells[table.listener], key, table.listener)
        plays = _checked(values.to_float, cells[table.plays], key, table.plays)
        if plays is None or plays < 0:
            raise BadRow(f"{table.plays}: not a number of plays", key)
        return plays

    return read


class ReadTable(beam.PTransform):
    """(key, record) for each good row of a table; rejects and the number of rows read beside.

    A file is read by one worker; a large table is parallel by being in several files.

    Args:
      name: what messages call the table: 'artists', 'edges', 'plays' or a modality.
      catalogue: the catalogue.
      table: its file name or glob.
      columns: the columns to read; one that is missing rejects the row.
      parse: from a Row to (key, record), raising BadRow.
    """

    def __init__(self, name, catalogue, table, columns, parse):
        super().__init__(f"Read {name}")
        self._name = name
        self._files = [(str(path), catalogue.file_name(path)) for path in catalogue.files(table)]
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
        for row in read_rows(Path(path), file, self._columns):
            num_read += 1
            advance.one()
            try:
                if row.fault:
                    raise BadRow(row.fault)
                yield self._parse(row)
            except BadRow as bad:
                yield beam.pvalue.TaggedOutput(
                    REJECTS, Reject(self._name, file, row.number, bad.key, str(bad))
                )
        advance.flush()
        yield beam.pvalue.TaggedOutput(READ, (self._name, num_read))


def _checked(convert: Callable[[object], Any], cell: object, key: str, column: str) -> Any:
    """Converts a cell; what is wrong with it becomes a BadRow that names the column."""
    try:
        return convert(cell)
    except ValueError as error:
        raise BadRow(f"{column}: {error}", key) from error


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()


def _modality_value(
    modality: catalogue_spec.Modality, cells: dict[str, Any], key: str
) -> tuple[Any, ...] | None:
    column = modality.columns[0]
    if modality.kind == "categories":
        words = _checked(values.to_categories, cells[column], key, column)
        return tuple((word, 1.0) for word in words) if words else None
    if modality.is_list:
        return _checked(values.to_vector, cells[column], key, column)
    numbers = [_checked(values.to_float, cells[c], key, c) for c in modality.columns]
    missing = [c for c, number in zip(modality.columns, numbers, strict=True) if number is None]
    if len(missing) == len(numbers):
        return None
    if missing:
        raise BadRow(f"{modality.name}: {missing[0]} is empty and other columns are not", key)
    return tuple(numbers)
