"""A synthetic catalogue with as many artists and edges as are asked for."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import yaml

from catalogues.spec import SPEC_FILE

ARTISTS: Final = "artists.parquet"
EDGES: Final = "edges.parquet"

_COMMUNITY: Final = 200
_ANYWHERE: Final = 0.1
"""Of the edges, those that do not stay inside a community."""


def make_catalogue(folder: Path, num_artists: int, num_edges: int, dim: int) -> Path:
    """The catalogue's folder; made unless it is there, beside its place and renamed.

    Communities of 200 artists, whose degrees are skewed; nine of ten edges stay inside. Each edge
    is there once, with a weight. Each artist has a vector, drawn around its community's.

    Args:
      folder: keeps catalogues.
      num_artists: at least 2.
      num_edges: undirected; fewer where there are not so many pairs.
      dim: width of the vectors.
    """
    target = folder / f"{num_artists}-{num_edges}-{dim}"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".catalogue-", dir=folder))
    try:
        _write(beside, num_artists, num_edges, dim)
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return target


def sample_pairs(num_artists: int, num_edges: int, rng: np.random.Generator) -> np.ndarray:
    """[num, 2] int64 rows of artists, the smaller one first; no pair twice. `num` <= num_edges."""
    found = np.zeros(0, np.int64)
    for _ in range(50):
        # Some more than are missing: some come twice.
        count = int((num_edges - len(found)) * 1.3) + 16
        source = rng.integers(0, num_artists, count)
        first = source // _COMMUNITY * _COMMUNITY
        size = np.minimum(_COMMUNITY, num_artists - first)
        # The square makes the first ones of a community popular.
        target = first + (rng.random(count) ** 2 * size).astype(np.int64)
        far = rng.random(count) < _ANYWHERE
        target[far] = rng.integers(0, num_artists, int(far.sum()))
        low, high = np.minimum(source, target), np.maximum(source, target)
        key = (low * num_artists + high)[low != high]
        found = np.unique(np.concatenate([found, key]))
        if len(found) >= num_edges:
            found = np.sort(rng.choice(found, num_edges, replace=False))
            break
    return np.stack([found // num_artists, found % num_artists], axis=1)


def _write(folder: Path, num_artists: int, num_edges: int, dim: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    rng = np.random.default_rng([num_artists, num_edges, dim])
    # So that a community is not told by the order of its ids.
    number = rng.permutation(num_artists)
    ids = np.array([f"a{n:08d}" for n in number], object)
    centres = rng.normal(size=(-(-num_artists // _COMMUNITY), dim)).astype(np.float32)
    vectors = np.repeat(centres, _COMMUNITY, axis=0)[:num_artists]
    vectors += rng.normal(size=vectors.shape).astype(np.float32)
    flat = pa.array(vectors.ravel())
    offsets = pa.array(np.arange(num_artists + 1, dtype=np.int64) * dim)
    features = pa.LargeListArray.from_arrays(offsets, flat).cast(pa.list_(pa.float32()))
    artists = pa.table({"artist_id": ids, "name": ids, "features": features})
    parquet.write_table(artists, folder / ARTISTS)
    pairs = sample_pairs(num_artists, num_edges, rng)
    weight = rng.random(len(pairs)).astype(np.float32) + np.float32(0.5)
    edges = {"source": ids[pairs[:, 0]], "target": ids[pairs[:, 1]], "weight": weight}
    parquet.write_table(pa.table(edges), folder / EDGES)
    spec = {
        "name": "cost",
        "description": f"{num_artists} synthetic artists with {len(pairs)} edges.",
        "artists": {"table": ARTISTS, "id": "artist_id", "name": "name"},
        "content": {"features": {"column": "features"}},
        "edges": {
            "table": EDGES,
            "source": "source",
            "target": "target",
            "weight": "weight",
            "directed": False,
        },
    }
    (folder / SPEC_FILE).write_text(yaml.safe_dump(spec, sort_keys=False))
