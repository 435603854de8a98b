"""`catalogue.yaml` as frozen dataclasses: which tables, and which columns mean what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from catalogues.errors import InputError

SPEC_FILE: Final = "catalogue.yaml"

TABLE_ENDINGS: Final = (
    ".csv",
    ".tsv",
    ".parquet",
    ".jsonl",
    ".csv.gz",
    ".tsv.gz",
    ".jsonl.gz",
)
"""The endings by which a table's format is told."""

LISTENING: Final = "listening"
"""The modality that plays become; beside them, no other may be called so."""


@dataclass(frozen=True)
class ArtistTable:
    """The artists' table and the columns of it that are not content.

    Attributes:
        table: file name or glob, relative to the catalogue's folder.
        id: column of the artist id.
        name: column of the name, if there is one.
        popularity: column of the popularity (>= 0, any unit), if there is one.
        split: column that holds train, val or test, if the catalogue brings its own split.
        meta: descriptive columns for slices and pages; no model sees them.
    """

    table: str
    id: str
    name: str | None = None
    popularity: str | None = None
    split: str | None = None
    meta: tuple[str, ...] = ()


@dataclass(frozen=True)
class Modality:
    """One kind of content that an artist may have.

    Attributes:
        name: what the modality is called, ``[a-z][a-z0-9_]*``.
        kind: 'vector' (numbers) or 'categories' (weighted labels).
        table: file name or glob; the artists' table for content that stands there.
        artist: the column of `table` that holds the artist id.
        columns: for a vector, its numeric columns, or its one list column; for categories, the
            one column of labels.
        is_list: whether `columns` names one list column that is the whole vector.
        weight: for categories of a table of their own, the column of the weight or count.
    """

    name: str
    kind: Literal["vector", "categories"]
    table: str
    artist: str
    columns: tuple[str, ...]
    is_list: bool = False
    weight: str | None = None


@dataclass(frozen=True)
class EdgeTable:
    """The similarity edges: two columns of artist ids, perhaps a weight (> 0) and a direction."""

    table: str
    source: str
    target: str
    weight: str | None = None
    directed: bool = False


@dataclass(frozen=True)
class PlayTable:
    """How often each listener played each artist."""

    table: str
    listener: str
    artist: str
    plays: str


@dataclass(frozen=True)
class Catalogue:
    """A catalogue folder, described.

    Attributes:
        folder: where it lies; every table's name is relative to it.
        name: its short name.
        description: free text, perhaps empty.
        artists: the artists' table.
        content: the modalities, in the order of the file.
        edges: the similarity edges.
        plays: the plays table, if there is one.
    """

    folder: Path
    name: str
    description: str
    artists: ArtistTable
    content: tuple[Modality, ...]
    edges: EdgeTable
    plays: PlayTable | None = None

    def files(self, table: str) -> tuple[Path, ...]:
        """Lists the files of one table, sorted by name.

        Args:
            table: a file name or glob as written in ``catalogue.yaml``.

        Returns:
            The files' paths, at least one.

        Raises:
            InputError: nothing matches, the name leads out of the folder, or its ending is no
                format that can be read.
        """
        return table_files(self.folder, table)

    def file_name(self, path: Path) -> str:
        """Names a file of the catalogue as reports and error messages do: relative to it."""
        return path.relative_to(self.folder).as_posix()


def table_files(folder: Path, table: str) -> tuple[Path, ...]:
    """Lists the files that a table's name or glob stands for; see `Catalogue.files`."""
    pure = PurePosixPath(table)
    if pure.is_absolute() or ".." in pure.parts:
        raise InputError(
            f"{SPEC_FILE}: the table '{table}' lies outside the catalogue's folder; "
            "move it in and name it relative to the folder."
        )
    # An existing file wins over its reading as a glob: names may hold brackets.
    exact = folder / table
    found = (exact,) if exact.is_file() else tuple(sorted(folder.glob(table)))
    files = tuple(path for path in found if path.is_file())
    if not files:
        raise InputError(
            f"{SPEC_FILE}: the table '{table}' matches no file in the catalogue's folder; "
            "correct the name or add the file."
        )
    for path in files:
        if not path.name.lower().endswith(TABLE_ENDINGS):
            raise InputError(
                f"{SPEC_FILE}: '{path.relative_to(folder).as_posix()}' is no table that can be "
                f"read; the endings are {', '.join(TABLE_ENDINGS)}."
            )
    return files


def load_catalogue(folder: Path | str) -> Catalogue:
    """Reads and validates a catalogue's ``catalogue.yaml``.

    Only the description is validated, and that every table has a file; no row is read.

    Args:
        folder: the catalogue's folder.

    Returns:
        The catalogue.

    Raises:
        InputError: no folder, no or bad YAML, an unknown or missing key, a wrong type, a bad or
            reserved modality name, or a table without a file.
    """
    from catalogues.spec_reader import read_spec

    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"There is no catalogue folder '{folder.name}'; check the path that was given."
        )
    return read_spec(folder)
