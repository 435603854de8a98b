"""Writing a catalogue folder: all of it or nothing, in tables that keep memory bounded."""

from __future__ import annotations

import csv
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import yaml

from catalogues.errors import InputError
from catalogues.spec import SPEC_FILE

if TYPE_CHECKING:
    import pyarrow as pa


@contextmanager
def new_catalogue_folder(target: Path, *, force: bool = False) -> Iterator[Path]:
    """Gives a folder to write a catalogue into, which becomes `target` when all went well.

    The folder lies hidden beside `target` and is renamed at the end, so that whoever looks sees
    the whole catalogue or none of it. What a killed process left there is removed by the next.

    Args:
        target: where the catalogue shall be.
        force: replace the catalogue that is there.

    Yields:
        The folder to write into.

    Raises:
        InputError: `target` is a file, or holds something and `force` was not given, or holds
            something that is no catalogue.
    """
    target = Path(os.path.abspath(target))
    _refuse_occupied(target, force)
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}.partial-"
    _remove_abandoned(target.parent, prefix)
    partial = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    # The lock says that somebody is still writing here; it goes when the process does.
    lock = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        partial.chmod(0o755)
        yield partial
        _put_in_place(partial, target)
    finally:
        os.close(lock)
        shutil.rmtree(partial, ignore_errors=True)


def _refuse_occupied(target: Path, force: bool) -> None:
    if target.exists() and not target.is_dir():
        raise InputError(f"'{target.name}' is a file; name a new folder for the catalogue.")
    if not target.exists() or not any(target.iterdir()):
        return
    if not force:
        raise InputError(
            f"The folder '{target.name}' is not empty; name a new folder, or replace the "
            "catalogue in it with --force."
        )
    if not (target / SPEC_FILE).is_file():
        raise InputError(
            f"The folder '{target.name}' holds no {SPEC_FILE}, so --force will not replace what "
            "is in it; name a new folder."
        )


def _remove_abandoned(parent: Path, prefix: str) -> None:
    for abandoned in parent.glob(f"{prefix}*"):
        lock = os.open(abandoned, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(abandoned, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)


def _put_in_place(partial: Path, target: Path) -> None:
    if not target.exists() or not any(target.iterdir()):
        partial.rename(target)
        return
    replaced = Path(tempfile.mkdtemp(prefix=f".{target.name}.replaced-", dir=target.parent))
    target.rename(replaced / target.name)
    partial.rename(target)
    shutil.rmtree(replaced, ignore_errors=True)


def write_spec(folder: Path, spec: Mapping[str, Any]) -> None:
    """Writes ``catalogue.yaml`` in the order of the keys, column lists on one line."""
    text = yaml.dump(
        dict(spec),
        Dumper=_SpecDumper,
        sort_keys=False,
        allow_unicode=True,
        width=99,
        default_flow_style=None,
    )
    (folder / SPEC_FILE).write_text(text, encoding="utf-8")


class _SpecDumper(yaml.SafeDumper):
    """Writes lists in one line and mappings one key a line, as a person would."""


def _block_mapping(dumper: yaml.SafeDumper, mapping: dict[str, Any]) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping.items(), flow_style=False)


_SpecDumper.add_representer(dict, _block_mapping)


def write_readme(folder: Path, title: str, paragraphs: Iterable[str]) -> None:
    """Writes the catalogue's README.md: where it comes from, and by which rules."""
    text = "\n\n".join((f"# {title}", *paragraphs)) + "\n"
    (folder / "README.md").write_text(text, encoding="utf-8")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Writes a CSV table in UTF-8.

    Args:
        path: the file.
        header: the columns.
        rows: one sequence a row; None is written as an empty cell.

    Returns:
        How many rows were written.
    """
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


class ParquetTable:
    """A Parquet table that is written piece by piece, in one file or in shards.

    Pieces are gathered into row groups and forgotten once written, so memory stays bounded
    however long the table gets. The same pieces give the same bytes.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        schema: pa.Schema,
        *,
        rows_a_shard: int | None = None,
        rows_a_group: int = 32_768,
    ):
        """Prepares a table; the first file is there once the table is closed.

        Args:
            folder: where the files go.
            name: the table's name without ending.
            schema: the columns.
            rows_a_shard: begin a new file ``<name>-00000.parquet`` after about so many rows;
                None writes ``<name>.parquet`` alone.
            rows_a_group: how many rows are gathered before they are written.
        """
        self.num_rows = 0
        self._folder = folder
        self._name = name
        self._schema = schema
        self._rows_a_shard = rows_a_shard
        self._rows_a_group = rows_a_group
        self._gathered: list[pa.Table] = []
        self._gathered_rows = 0
        self._shard = -1
        self._shard_rows = 0
        self._writer: Any = None

    @property
    def pattern(self) -> str:
        """What ``catalogue.yaml`` calls the table: a file name, or a glob over its shards."""
        return f"{self._name}{'-*' if self._rows_a_shard else ''}.parquet"

    def append(self, columns: Mapping[str, Any]) -> None:
        """Adds rows, given as one array a column (NumPy, Arrow or list)."""
        import pyarrow as pa

        arrays = [
            column if isinstance(column, pa.Array) else pa.array(column, field.type)
            for field, column in ((field, columns[field.name]) for field in self._schema)
        ]
        piece = pa.Table.from_arrays(arrays, schema=self._schema)
        self.num_rows += piece.num_rows
        self._gathered.append(piece)
        self._gathered_rows += piece.num_rows
        if self._gathered_rows >= self._rows_a_group:
            self._write_group()

    def __enter__(self) -> ParquetTable:
        """Begins writing."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Writes what is left and closes the last file."""
        if error is None and (self._gathered or self._shard < 0):
            self._write_group()
        if self._writer is not None:
            self._writer.close()

    def _write_group(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._writer is None or (
            self._rows_a_shard is not None and self._shard_rows >= self._rows_a_shard
        ):
            if self._writer is not None:
                self._writer.close()
            self._shard += 1
            self._shard_rows = 0
            shard = f"-{self._shard:05d}" if self._rows_a_shard else ""
            self._writer = pq.ParquetWriter(
                self._folder / f"{self._name}{shard}.parquet", self._schema, compression="zstd"
            )
        group = pa.concat_tables(self._gathered) if self._gathered else self._schema.empty_table()
        self._writer.write_table(group.combine_chunks())
        self._shard_rows += group.num_rows
        self._gathered, self._gathered_rows = [], 0
