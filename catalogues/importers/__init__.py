"""Importers: one file for each public format that can be made into a catalogue."""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from catalogues.errors import InputError, nearest


@dataclass(frozen=True)
class Imported:
    """What an import made.

    Attributes:
        counts: rows by table, or whatever else is worth a number, by what they are.
        notes: one sentence for each thing left out, derived or repaired.
    """

    counts: Mapping[str, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Importer:
    """A format's importer.

    Attributes:
        summary: one line on what the source holds, for the help text.
        module: the module whose ``write(source, folder) -> Imported`` does the work.
    """

    summary: str
    module: str

    def write(self, source: Path, folder: Path) -> Imported:
        """Writes the catalogue of `source` into the empty `folder`."""
        # Imported only now: an importer may need SciPy, which --help must not wait for.
        module = importlib.import_module(self.module)
        imported: Imported = module.write(source, folder)
        return imported


FORMATS: Final[Mapping[str, Importer]] = {
    "olga": Importer(
        "the OLGA graph with tags, audio descriptors, plays; or the public release",
        "catalogues.importers.olga",
    ),
    "allmusic-influence": Importer(
        "AllMusic's directed influence edges, main genres, audio descriptors",
        "catalogues.importers.allmusic_influence",
    ),
    "lastfm-2k": Importer(
        "HetRec 2011 Last.fm-2K: plays, tags; similarity from co-listening",
        "catalogues.importers.lastfm_2k",
    ),
    "deezer": Importer(
        "deezer/similar_artists_ranking: genre, country and mood vectors",
        "catalogues.importers.deezer",
    ),
}
"""The formats that can be imported, by the name that the command line takes."""


def import_catalogue(format: str, source: Path, target: Path, *, force: bool = False) -> Imported:
    """Makes a catalogue out of a public data set's files.

    Args:
        format: a key of `FORMATS`.
        source: the folder with the data set's files.
        target: the new catalogue's folder.
        force: replace the catalogue that is at `target`.

    Returns:
        What was made.

    Raises:
        InputError: no such format or folder, a file of the source is missing or is not what it
            should be, or `target` is taken.
    """
    from catalogues.writing import new_catalogue_folder

    importer = FORMATS.get(format)
    if importer is None:
        raise InputError(
            f"There is no format '{format}'{nearest(format, FORMATS)}; "
            f"the formats are {', '.join(FORMATS)}."
        )
    source = Path(source)
    if not source.is_dir():
        raise InputError(f"There is no folder '{source.name}' to import from; check the path.")
    with new_catalogue_folder(Path(target), force=force) as folder:
        try:
            return importer.write(source, folder)
        except (ValueError, LookupError, EOFError, zipfile.BadZipFile) as error:
            # A file of the right name with something else in it; the cause stays in the trace.
            raise InputError(
                f"A file of the source is not what the format '{format}' expects "
                f"({type(error).__name__}: {error}); copy it again or check the format."
            ) from error
