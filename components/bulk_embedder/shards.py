"""Writes embeddings as Parquet, some thousand artists a file, in the order of their ids."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Final

import apache_beam as beam
import numpy as np

ARTISTS: Final = 65_536
"""Of a file."""
COLUMNS: Final = ("artist_id", "embedding")
FILES: Final = "embeddings-*.parquet"


class WriteShards(beam.PTransform):
    """{'ids': (block, [str]), 'embeddings': (block, [num, dim] float32)} -> names of files.

    The same artists and vectors give files of the same bytes, on any runner.

    Args:
      folder: that is there, and that all workers see.
      block: artists of a block, a divisor of ARTISTS.
      about: text that each file carries, by name.
    """

    def __init__(self, folder: str, block: int, about: dict[str, str]):
        super().__init__()
        self._folder, self._block, self._about = folder, block, about

    def expand(self, inputs: dict[str, beam.PCollection]) -> beam.PCollection:
        """Returns (name of the file, number of artists in it)."""
        return (
            inputs
            | "Ids and embeddings" >> beam.CoGroupByKey()
            | "Shard" >> beam.Map(_by_shard, self._block)
            | "Shards" >> beam.GroupByKey()
            | "Write" >> beam.Map(_write, self._folder, self._about)
        )


def _by_shard(joined: tuple[int, dict[str, Any]], size: int) -> tuple[int, tuple[int, Any, Any]]:
    block, found = joined
    (ids,), (embedding,) = found["ids"], found["embeddings"]
    return block * size // ARTISTS, (block, ids, embedding)


def _write(
    keyed: tuple[int, Iterable[tuple[int, Any, Any]]], folder: str, about: dict[str, str]
) -> tuple[str, int]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    shard, parts = keyed
    blocks = sorted(parts, key=lambda part: part[0])
    ids = [key for _, keys, _ in blocks for key in keys]
    vectors = np.concatenate([embedding for _, _, embedding in blocks])
    table = pa.table(
        {
            COLUMNS[0]: pa.array(ids, pa.string()),
            COLUMNS[1]: pa.FixedSizeListArray.from_arrays(
                pa.array(vectors.ravel(), pa.float32()), vectors.shape[1]
            ),
        }
    ).replace_schema_metadata(about)
    name = f"embeddings-{shard:05d}.parquet"
    # A worker that is tried again writes beside, and takes the place of the same bytes.
    beside = os.path.join(folder, f".{name}.{os.getpid()}.writing")
    parquet.write_table(table, beside)
    os.replace(beside, os.path.join(folder, name))
    return name, len(ids)
