"""What a later training may begin with: weights by what they mean, and whom they learnt from.

Both lie in one file of the SavedModel (`assets.extra/starting_point.npz`, which TF Serving does not
read), so that no weights are ever read without the artists that they must not be judged by.

Rows are matched by what they are about (an artist, a word), never by their place; ids and words are
kept as hashes. What has no match begins as in any training: a new artist, a new word, another
shape. How often Adam went where is not kept.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import tensorflow as tf

from trainer.changed_keys import changed_keys, listed
from trainer.graph import ArtistGraph
from trainer.learnt_artists import LearntArtists
from trainer.named_weights import Weight
from trainer.text_hashes import text_hashes

STARTING_POINT_PATH: Final = ("assets.extra", "starting_point.npz")
KEEP_STARTING_POINT: Final = "keep_starting_point"
"""Of what `run_fn` is told: whether the model shall bring one."""
START: Final = "start"
"""Of what `run_fn` is told: 'version' and 'trained_in_full' of the one that training begins at."""
_FORMAT: Final = 1
_VALUE: Final = "weight/"
_ROWS: Final = "rows/"
_SAME_MEANING: Final = {
    "graph": ("fractions", "neighbor_cap", "vocabulary_size", "sampling", "fan_outs", "shards"),
    "trainer": ("training", "explorer", "kept_answers"),
}
"""By section of the configuration, the keys that change no weight's meaning."""
UNREADABLE: Final = (
    EOFError,
    KeyError,
    OSError,
    TypeError,
    ValueError,
    tf.errors.OpError,
    zipfile.BadZipFile,
)
"""What reading a file of arrays raises that is none, or a broken one."""


class NoStartingPointError(Exception):
    """A model brings nothing to begin with; the text says why, as part of a sentence."""


@dataclasses.dataclass(frozen=True)
class Heritage:
    """All of a starting point but its weights.

    Attributes:
      configuration: the sections that weights mean something by, as JSON has them.
      learnt: whom the weights know.
      trainings: since the last that began anew, which is the first of them.
      trained_in_full: when the model was pushed that began anew, in seconds since 1970; None: this
        one did.
    """

    configuration: Mapping[str, Any]
    learnt: LearntArtists
    trainings: int = 1
    trained_in_full: float | None = None

    def refusal(self, configuration: Mapping[str, Any], graph: ArtistGraph) -> str | None:
        """Why no training of today may begin there, as part of a sentence; None if it may.

        Args:
          configuration: today's; has the sections 'graph' and 'trainer'.
          graph: today's catalogue.
        """
        now = meaning(configuration)
        if now["trainer"]["pretrained"] != "none":
            return "`trainer.pretrained` first trains encoders, whose numbers mean others each time"
        changed = changed_keys(self.configuration, now)
        if changed:
            return f"{listed(changed)} of the configuration changed, and so what weights mean"
        return self.learnt.judged_today(graph)


@dataclasses.dataclass(frozen=True)
class StartingPoint:
    """Weights to begin with.

    Attributes:
      heritage: where they come from.
      values: by name, the weights.
      rows: by name, [num_rows] uint64, hashes of what the rows are about, where that is told.
    """

    heritage: Heritage
    values: Mapping[str, np.ndarray]
    rows: Mapping[str, np.ndarray]

    def assign_to(self, weights: Sequence[Weight]) -> float:
        """Puts in all that has a match.

        Args:
          weights: of an untrained network.

        Returns:
          The share of the network's numbers that begin where these ended.
        """
        taken = total = 0
        for name, variable, rows in weights:
            total += int(np.prod(variable.shape))
            if name in self.values and (rows is None) == (name not in self.rows):
                taken += self._assign(name, variable, rows)
        return taken / max(1, total)

    def _assign(self, name: str, variable: tf.Variable, rows: Sequence[str] | None) -> int:
        known = self.values[name]
        if rows is None:
            if tuple(variable.shape) != known.shape:
                return 0
            variable.assign(known)
            return known.size
        if tuple(variable.shape[1:]) != known.shape[1:]:
            return 0
        _, now, before = np.intersect1d(
            text_hashes(rows), self.rows[name], assume_unique=True, return_indices=True
        )
        value = variable.numpy()
        value[now] = known[before]
        variable.assign(value)
        return value[now].size


def meaning(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a configuration that says what weights mean, as JSON has it."""
    kept = {
        section: {key: value for key, value in configuration[section].items() if key not in keys}
        for section, keys in _SAME_MEANING.items()
    }
    return json.loads(json.dumps(kept))


def write_starting_point(path: str, weights: Sequence[Weight], heritage: Heritage) -> None:
    """Adds it to a SavedModel; the same input gives the same bytes.

    Args:
      path: of the SavedModel.
      weights: of the trained network.
      heritage: of this training.
    """
    told = {
        "format": _FORMAT,
        "configuration": heritage.configuration,
        "trainings": heritage.trainings,
        "trained_in_full": heritage.trained_in_full,
    }
    target = os.path.join(path, *STARTING_POINT_PATH)
    tf.io.gfile.makedirs(os.path.dirname(target))
    # Beside, then renamed: a file that is there is whole.
    with (
        tf.io.gfile.GFile(f"{target}.partial", "wb") as file,
        zipfile.ZipFile(_Unseekable(file), "w") as archive,
    ):
        text = json.dumps(told, sort_keys=True).encode()
        _write(archive, "told", np.frombuffer(text, np.uint8))
        _write(archive, "taught", heritage.learnt.taught)
        _write(archive, "chose", heritage.learnt.chose)
        # One after the other: all of them may be as large as the model.
        for name, variable, rows in weights:
            _write(archive, f"{_VALUE}{name}", np.asarray(variable.numpy()))
            if rows is not None:
                _write(archive, f"{_ROWS}{name}", text_hashes(rows))
    tf.io.gfile.rename(f"{target}.partial", target, overwrite=True)


def _write(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    # With the time of day, which `writestr` would put in, each file would be another.
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)


def read_heritage(path: str) -> Heritage:
    """Of a SavedModel; its weights are not read.

    Raises:
      NoStartingPointError: there is none, or it is no such file.
    """
    with _opened(path) as arrays:
        return _heritage(arrays)


def read_starting_point(path: str) -> StartingPoint:
    """Of a SavedModel.

    Raises:
      NoStartingPointError: there is none, or it is no such file.
    """
    with _opened(path) as arrays:
        found = {
            kind: {
                name.removeprefix(kind): arrays[name]
                for name in arrays.files
                if name.startswith(kind)
            }
            for kind in (_VALUE, _ROWS)
        }
        return StartingPoint(_heritage(arrays), found[_VALUE], found[_ROWS])


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    file_path = os.path.join(path, *STARTING_POINT_PATH)
    if not tf.io.gfile.exists(file_path):
        raise NoStartingPointError("it brings no weights to begin with")
    try:
        with (
            tf.io.gfile.GFile(file_path, "rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            yield arrays
    except UNREADABLE:
        raise NoStartingPointError(f"its {STARTING_POINT_PATH[1]} cannot be read") from None


def _heritage(arrays: Any) -> Heritage:
    told = json.loads(arrays["told"].tobytes())
    if told["format"] != _FORMAT:
        raise ValueError
    full = told["trained_in_full"]
    return Heritage(
        configuration=told["configuration"],
        learnt=LearntArtists(arrays["taught"].astype(np.uint64), arrays["chose"].astype(np.uint64)),
        trainings=int(told["trainings"]),
        trained_in_full=None if full is None else float(full),
    )


class _Unseekable:
    """A file that is written from its beginning to its end, as a store wants it.

    TensorFlow's has `seek` and raises an error of its own there, which zipfile does not know.
    """

    def __init__(self, file: Any):
        self._file = file

    def write(self, data: bytes, /) -> int:
        """Goes on with it."""
        self._file.write(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Leaves nothing behind."""
        self._file.flush()

    def close(self) -> None:
        """Leaves nothing behind, and no more comes."""
        self._file.close()
