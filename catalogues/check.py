"""A quick check of a catalogue for people: what it holds, and what is wrong with it.

It keeps ids and edges in memory. The pipeline makes the same checks in Beam, at any size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import quantiles
from typing import Final

from catalogues.report import Report
from catalogues.spec import Catalogue, Modality
from catalogues.tables import Row, read_rows
from catalogues.values import (
    shown,
    to_categories,
    to_float,
    to_id,
    to_popularity,
    to_vector,
    to_weight,
)

_SPLITS: Final = ("train", "val", "test")


def check(catalogue: Catalogue) -> Report:
    """Reads all of a catalogue's tables.

    Args:
        catalogue: the catalogue.

    Returns:
        What it holds and what is wrong with it.

    Raises:
        InputError: a file cannot be read at all.
    """
    report = Report(catalogue.name)
    artists = _check_artists(catalogue, report)
    for modality in catalogue.content:
        if not _of_artists_table(modality, catalogue):
            _check_content_table(catalogue, modality, artists, report)
    _check_edges(catalogue, artists, report)
    _check_plays(catalogue, artists, report)
    for table, count in report.rows.items():
        if not count:
            report.fault(f"the table '{table}' is empty")
    return report


def _of_artists_table(modality: Modality, catalogue: Catalogue) -> bool:
    return (modality.table, modality.artist) == (catalogue.artists.table, catalogue.artists.id)


def _rows(
    catalogue: Catalogue,
    table: str,
    required: Sequence[str],
    report: Report,
    optional: Sequence[str] = (),
) -> Iterator[Row]:
    """The rows without fault; the others are recorded."""
    count = 0
    for path in catalogue.files(table):
        for row in read_rows(path, catalogue.file_name(path), required, optional):
            count += 1
            if row.fault is None:
                yield row
            else:
                report.fault(row.fault, row)
    report.rows[table] = count


def _check_artists(catalogue: Catalogue, report: Report) -> set[str]:
    table = catalogue.artists
    modalities = [part for part in catalogue.content if _of_artists_table(part, catalogue)]
    columns = [column for column in (table.name, table.popularity, table.split) if column]
    columns += [column for modality in modalities for column in modality.columns]
    artists: set[str] = set()
    names: Counter[str] = Counter()
    dims: dict[str, int] = {}
    if table.popularity:
        report.coverage["popularity"] = 0
    report.coverage |= dict.fromkeys((part.name for part in modalities), 0)
    for row in _rows(catalogue, table.table, [table.id, *columns, *table.meta], report):
        artist = _artist_id(row, table.id, report)
        if artist is None:
            continue
        if artist in artists:
            report.fault("duplicate id", row, artist)
            continue
        artists.add(artist)
        if table.name and row.values[table.name]:
            names[str(row.values[table.name])] += 1
        if table.popularity:
            try:
                popularity = to_popularity(row.values[table.popularity])
                report.coverage["popularity"] += popularity is not None
            except ValueError as error:
                report.fault(f"popularity: {error}", row)
        if table.split:
            split = row.values[table.split]
            split = split.strip() if isinstance(split, str) else split
            if split in _SPLITS:
                report.splits[str(split)] = report.splits.get(str(split), 0) + 1
            else:
                report.fault("artist in no split", row, f"{artist} has {shown(split)}")
        for modality in modalities:
            if _has_content(row, modality, dims, report):
                report.coverage[modality.name] += 1
    report.num_artists = len(artists)
    shared = sum(count > 1 for count in names.values())
    if shared:
        report.notes.append(f"{shared:,} names are shared by several artists.")
    return artists


def _check_content_table(
    catalogue: Catalogue, modality: Modality, artists: set[str], report: Report
) -> None:
    covered: set[str] = set()
    labelled: set[tuple[str, str]] = set()
    repeated = 0
    dims: dict[str, int] = {}
    weights = [modality.weight] if modality.weight else []
    required = [modality.artist, *modality.columns, *weights]
    for row in _rows(catalogue, modality.table, required, report):
        artist = _artist_id(row, modality.artist, report)
        if artist is None:
            continue
        if artist not in artists:
            report.fault(f"{modality.name} of an artist that does not exist", row, artist)
            continue
        label = row.values[modality.columns[0]]
        if modality.kind == "categories" and label is not None:
            repeated += (artist, str(label)) in labelled
            labelled.add((artist, str(label)))
        if modality.weight:
            try:
                _present(to_weight(row.values[modality.weight]), "no weight")
            except ValueError as error:
                report.fault(f"{modality.name}: {error}", row)
                continue
        num_faults = report.num_faults
        if _has_content(row, modality, dims, report):
            covered.add(artist)
        elif report.num_faults == num_faults:
            report.fault(f"{modality.name}: empty", row)
    if repeated:
        report.notes.append(
            f"{repeated:,} rows of {modality.name} repeat a label of the same artist; their "
            "weights are added up."
        )
    report.coverage[modality.name] = len(covered)


def _has_content(row: Row, modality: Modality, dims: dict[str, int], report: Report) -> bool:
    try:
        if modality.kind == "categories":
            return to_categories(row.values[modality.columns[0]]) is not None
        if not modality.is_list:
            numbers = [to_float(row.values[column]) for column in modality.columns]
            missing = numbers.count(None)
            if 0 < missing < len(numbers):
                report.fault(f"{modality.name}: some of the vector's columns are empty", row)
            return not missing
        vector = to_vector(row.values[modality.columns[0]])
    except ValueError as error:
        report.fault(f"{modality.name}: {error}", row)
        return False
    if vector is None:
        return False
    dim = dims.setdefault(modality.name, len(vector))
    if len(vector) != dim:
        report.fault(
            f"{modality.name}: wrong vector length", row, f"{len(vector)}, but {dim} before"
        )
    return len(vector) == dim


def _check_edges(catalogue: Catalogue, artists: set[str], report: Report) -> None:
    table = catalogue.edges
    weights = [table.weight] if table.weight else []
    seen: dict[tuple[str, str], float | None] = {}
    degrees: Counter[str] = Counter()
    required = [table.source, table.target, *weights]
    for row in _rows(catalogue, table.table, required, report):
        ends = [_artist_id(row, column, report) for column in (table.source, table.target)]
        source, target = ends
        if source is None or target is None:
            continue
        unknown = [end for end in ends if end not in artists]
        if unknown:
            report.fault("dangling edge", row, f"no artist {', '.join(map(str, unknown))}")
            continue
        if source == target:
            report.fault("self-loop", row, source)
            continue
        try:
            weight = None
            if table.weight:
                weight = _present(to_weight(row.values[table.weight]), "no weight")
        except ValueError as error:
            report.fault(f"edges: {error}", row)
            continue
        edge = (source, target) if table.directed else (min(source, target), max(source, target))
        if edge in seen:
            same = seen[edge] == weight
            report.fault(
                "duplicate edge" if same else "contradicting edge", row, f"{source} and {target}"
            )
            continue
        seen[edge] = weight
        if not (table.directed and (target, source) in seen):
            degrees.update(edge)
    report.num_edges = len(seen)
    report.num_isolated = len(artists) - len(degrees)
    report.largest_degree = max(degrees.values(), default=0)
    if len(artists) > 1:
        first, second, third = quantiles(
            [degrees[artist] for artist in artists], n=4, method="inclusive"
        )
        report.degree_quartiles = (first, second, third)


def _check_plays(catalogue: Catalogue, artists: set[str], report: Report) -> None:
    table = catalogue.plays
    if table is None:
        return
    played: set[str] = set()
    required = [table.listener, table.artist, table.plays]
    for row in _rows(catalogue, table.table, required, report):
        artist = _artist_id(row, table.artist, report)
        if artist is None:
            continue
        if artist not in artists:
            report.fault("plays of an artist that does not exist", row, artist)
            continue
        try:
            to_id(row.values[table.listener])
            if _present(to_float(row.values[table.plays]), "no number of plays") < 0:
                raise ValueError("negative plays")
        except ValueError as error:
            report.fault(f"plays: {error}", row)
            continue
        played.add(artist)
    report.coverage["plays"] = len(played)


def _present(number: float | None, reason: str) -> float:
    """The number, where the pipeline would not do without."""
    if number is None:
        raise ValueError(reason)
    return number


def _artist_id(row: Row, column: str, report: Report) -> str | None:
    try:
        return to_id(row.values[column])
    except ValueError as error:
        report.fault(f"column {column}: {error}", row)
        return None
