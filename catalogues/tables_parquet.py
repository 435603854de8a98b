"""Parquet rows, read by record batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from catalogues.errors import InputError
from catalogues.tables import Row, decoded, missing_fault

_ROWS_A_BATCH = 256
"""Few, as rows may be wide: 256 vectors of 1,024 numbers are 8 MB of Python's floats."""
_BUFFER = 1 << 20
"""Bytes of a column that are read at a time; without, a column of a whole row group would be."""


def read_parquet_rows(
    path: Path, file: str, wanted: tuple[str, ...], required: tuple[str, ...]
) -> Iterator[Row]:
    """Streams a Parquet file; see `catalogues.tables.read_rows`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as table:
            names = table.schema_arrow.names
            present = [column for column in wanted if column in names]
            missing = missing_fault([column for column in required if column not in names])
            for batch in table.iter_batches(_ROWS_A_BATCH, columns=present):
                columns = {name: _values(batch.column(name)) for name in present}
                for place in range(batch.num_rows):
                    number += 1
                    yield _row(file, number, wanted, columns, place, missing)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"'{file}' cannot be read as Parquet ({_without_path(reason, path)}); "
            "write or copy it again."
        ) from None


def _row(
    file: str,
    number: int,
    wanted: tuple[str, ...],
    columns: dict[str, list[object]],
    place: int,
    missing: str | None,
) -> Row:
    values: dict[str, object] = dict.fromkeys(wanted)
    fault = missing
    for name, column in columns.items():
        values[name], valid = decoded(column[place])
        if not valid and fault is None:
            fault = "undecodable text"
    return Row(file, number, values, fault)


def _values(column: Any) -> list[object]:
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        # Text columns are not checked when Parquet is written; look at each value by itself.
        return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> object:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        if hasattr(scalar, "as_buffer"):
            return scalar.as_buffer().to_pybytes()
        return [_value(item) for item in scalar.values]


def _without_path(reason: str, path: Path) -> str:
    return reason.replace(str(path), path.name)
