"""The tables with several rows an artist: content and plays beside the artists' own table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from catalogues import values
from catalogues.spec import Catalogue, Modality, PlayTable
from catalogues.tables import Row
from components.catalogue_example_gen.cells import BadRow, checked, modality_value
from components.catalogue_example_gen.packed import pack, unpack
from components.catalogue_example_gen.rows import ARTISTS, EDGES, PLAYS


class Play(NamedTuple):
    """How often one listener played an artist."""

    listener: str
    plays: float


class Detail(NamedTuple):
    """A row of a table with several rows an artist: a Play, or as `Artist.content` its content."""

    file: str
    row: int
    value: Any


def packed_detail(detail: Detail) -> bytes:
    """A detail as bytes; of plays there may be more than of all else together."""
    file, row, value = detail
    return pack((file, row, tuple(value) if isinstance(value, Play) else value))


def unpacked_detail(data: bytes) -> Detail:
    """What `packed_detail` was given."""
    file, row, value = unpack(data)
    return Detail(file, row, Play(*value) if isinstance(value, tuple) else value)


class DetailTable(NamedTuple):
    """A table with several rows an artist, to be read once for all that it tells.

    `name` is what messages call it, `vectors` are those of its modalities that are numbers, `lists`
    those whose length the data tells.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    vectors: tuple[str, ...]
    lists: tuple[str, ...]
    parse: Callable[[Row], tuple[str, Detail]]


def detail_tables(catalogue: Catalogue) -> tuple[DetailTable, ...]:
    """The tables of content and plays beside the artists' own."""
    found: list[DetailTable] = []
    by_table: dict[tuple[str, str], list[Modality]] = {}
    for modality in catalogue.content:
        place = modality.table, modality.artist
        if place != (catalogue.artists.table, catalogue.artists.id):
            by_table.setdefault(place, []).append(modality)
    for (table, artist), modalities in by_table.items():
        name = ", ".join(modality.name for modality in modalities)
        columns = [artist]
        for modality in modalities:
            columns += [*modality.columns, *([modality.weight] if modality.weight else [])]
        found.append(
            DetailTable(
                name if name not in (ARTISTS, EDGES, PLAYS) else f"content.{name}",
                table,
                tuple(dict.fromkeys(columns)),
                tuple(modality.name for modality in modalities if modality.kind == "vector"),
                tuple(modality.name for modality in modalities if modality.is_list),
                detail_parser(artist, content_reader(tuple(modalities))),
            )
        )
    if catalogue.plays:
        plays = catalogue.plays
        columns = [plays.listener, plays.artist, plays.plays]
        parse = detail_parser(plays.artist, play_reader(plays))
        found.append(DetailTable(PLAYS, plays.table, tuple(columns), (), (), parse))
    return tuple(found)


def tables_read(catalogue: Catalogue) -> list[str]:
    """The tables that the graph builder reads; one that it reads twice is there twice."""
    own = [catalogue.artists.table, catalogue.edges.table]
    return own + [detail.table for detail in detail_tables(catalogue)]


def detail_parser(
    artist: str, read: Callable[[dict[str, Any], str], Any]
) -> Callable[[Row], tuple[str, Detail]]:
    """Returns the function from a row to (artist id, Detail); `read` makes the value."""

    def parse(row: Row) -> tuple[str, Detail]:
        key = checked(values.to_id, row.values[artist], "", artist)
        return key, Detail(row.file, row.number, read(row.values, key))

    return parse


def content_reader(
    modalities: tuple[Modality, ...],
) -> Callable[[dict[str, Any], str], Any]:
    """Reads a row's content, {modality: value}; a row without any is bad, since it says nothing."""

    def read(cells: dict[str, Any], key: str) -> dict[str, Any]:
        content = {m.name: modality_value(m, cells, key) for m in modalities}
        known = {name: value for name, value in content.items() if value is not None}
        if not known:
            raise BadRow("empty", key, ", ".join(content))
        return known

    return read


def play_reader(table: PlayTable) -> Callable[[dict[str, Any], str], Any]:
    """Reads how often one listener played the artist."""

    def read(cells: dict[str, Any], key: str) -> Play:
        listener = checked(values.to_id, cells[table.listener], key, table.listener)
        plays = checked(values.to_float, cells[table.plays], key, table.plays)
        if plays is None or plays < 0:
            raise BadRow("not a number of plays", key, table.plays)
        return Play(listener, plays)

    return read


def plays_by_listener(plays: Iterable[Play]) -> tuple[Play, ...]:
    """The plays of each listener who has any, sorted by listener.

    Several rows of a listener are added up with `fsum`, which does not depend on their order.
    """
    found: dict[str, list[float]] = {}
    for listener, count in plays:
        found.setdefault(listener, []).append(count)
    totals = (Play(listener, math.fsum(counts)) for listener, counts in sorted(found.items()))
    return tuple(play for play in totals if play.plays > 0)
