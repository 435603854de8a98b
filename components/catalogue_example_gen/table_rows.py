"""How large a catalogue is, before any of it is read: the rows of its tables."""

from __future__ import annotations

from pathlib import Path

from catalogues.spec import Catalogue, load_catalogue
from components.catalogue_example_gen.details import tables_read
from components.catalogue_example_gen.progress import num_rows


def newest_catalogue(path: str) -> Catalogue:
    """The catalogue of a folder, or of the newest folder that a pattern matches.

    Raises:
      InputError: there is no such catalogue on this machine, or its description is wrong.
    """
    if "{" not in path:
        return load_catalogue(path)
    # Spans are numbered by TFX, which is slow to import.
    from components.catalogue_example_gen.component import newest_folder

    return load_catalogue(newest_folder(str(Path(path).absolute())))


def table_rows(catalogue: Catalogue, table: str) -> int:
    """The rows of one table, as `num_rows` counts them."""
    return sum(num_rows(path) for path in catalogue.files(table))


def all_rows(catalogue: Catalogue) -> int:
    """The rows of all tables that the graph builder reads."""
    return sum(table_rows(catalogue, table) for table in tables_read(catalogue))
