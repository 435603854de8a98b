"""What is kept of each training: a record as JSON, and each query's score beside it."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trainer.systems.base import SCORE


@dataclasses.dataclass(frozen=True)
class Queries:
    """The judged queries of a catalogue, in the order of all scores.

    Attributes:
      degree: [num_queries] int32 edges visible in the connected condition.
      has_content: [num_queries] bool.
      num_skipped: artists of the split that have no hidden positive.
      num_artists: of the catalogue.
    """

    degree: np.ndarray
    has_content: np.ndarray
    num_skipped: int
    num_artists: int


def score_name(condition: str, kind: str) -> str:
    """What the scores of a condition are called among those of a training.

    Args:
      condition: 'connected' or 'cold'.
      kind: SCORE or PAIRWISE of trainer.systems.base.
    """
    # No colon and no slash: it is a file's name inside the archive.
    return condition if kind == SCORE else f"{condition}-{kind}"


class Store:
    """The folder of a suite's results.

    A record counts as done once its JSON is there; its scores are written before that, and each
    file beside its place and then renamed.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def find(self, key: str) -> dict[str, Any] | None:
        """The record of a training, or None if it is not done."""
        path = next(iter(sorted(self.folder.glob(f"*-{key}.json"))), None)
        if path is None or not path.with_suffix(".npz").exists():
            return None
        record: dict[str, Any] = json.loads(path.read_text())
        return record

    def scores(self, key: str) -> dict[str, np.ndarray]:
        """By `score_name`, the nDCG@200 of each query, [num_queries] float32."""
        (path,) = sorted(self.folder.glob(f"*-{key}.npz"))[:1]
        with np.load(path) as arrays:
            return dict(arrays)

    def write(
        self, key: str, name: str, record: Mapping[str, Any], scores: Mapping[str, np.ndarray]
    ) -> None:
        """Keeps a training; `name` is for a person who looks into the folder."""
        stem = f"{name.replace('/', '-')}-{key}"
        as_float = {condition: values.astype(np.float32) for condition, values in scores.items()}
        write_whole(self.folder / f"{stem}.npz", _npz(as_float))
        write_json(self.folder / f"{stem}.json", record)

    def queries(self, digest: str) -> Queries | None:
        """The queries of a catalogue, or None if none was judged."""
        path = self.folder / f"queries-{digest}.npz"
        if not path.exists():
            return None
        with np.load(path) as arrays:
            return Queries(
                arrays["degree"],
                arrays["has_content"],
                int(arrays["num_skipped"]),
                int(arrays["num_artists"]),
            )

    def write_queries(self, digest: str, queries: Queries) -> None:
        """Keeps the queries of a catalogue."""
        arrays = {name: np.asarray(value) for name, value in vars(queries).items()}
        write_whole(self.folder / f"queries-{digest}.npz", _npz(arrays))


def write_json(path: Path, value: Any) -> None:
    """Writes JSON, which has no NaN."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(path, f"{text}\n".encode())


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file beside its place and renames it: what was there stays until all is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
