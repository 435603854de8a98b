"""One version of a model, loaded as TF Serving loads it."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from serving.explorer.explorable import load_explorable

# TF Serving runs a SavedModel's graph in a session too, and nothing else in TensorFlow can: stop a
# request at its deadline, and give a version's memory back at once when it is closed.
_tf1 = tf.compat.v1

Fingerprint = tuple[int, int, int]
"""Of a version's files: the newest time in ns, the sum of the sizes in bytes, and how many."""

WARM_UP = Path("assets.extra", "tf_serving_warmup_requests")
"""Requests that a version brings along, TFRecords of PredictionLog."""

_ROW_WISE = Path("assets.extra", "row_wise.json")


@dataclasses.dataclass(frozen=True)
class Input:
    """What a signature takes under a name.

    Attributes:
      dtype: of the tensor.
      shape: None where any size will do; None as a whole if the rank is unknown.
    """

    dtype: tf.DType
    shape: tuple[int | None, ...] | None


@dataclasses.dataclass(frozen=True)
class Signature:
    """A signature that can be asked.

    Attributes:
      name: of the signature.
      method: `tensorflow/serving/predict` and the like.
      inputs: by alias.
      outputs: aliases.
    """

    name: str
    method: str
    inputs: Mapping[str, Input]
    outputs: Sequence[str]


class Servable:
    """A loaded version.

    Args:
      path: of the version's folder.

    Attributes:
      path: of the version's folder.
      version: its number.
      signatures: that can be asked, by name.
      signature_defs: as the file has them, by name.
      row_wise: the signatures whose answer to a row has the same bits in any batch, by name, with
        the inputs that have rows; none if the version does not say so.
      explorable: what the explorer shows of it; None if it brings nothing along, or that is broken.

    Raises:
      Exception: whatever TensorFlow raises for files that are broken.
    """

    def __init__(self, path: Path):
        self.path, self.version = path, int(path.name)
        self._graph = tf.Graph()
        self._session = _tf1.Session(graph=self._graph)
        # Deprecated in favour of a loader that cannot do what is said above.
        logger = tf.get_logger()
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            with self._graph.as_default():
                meta = _tf1.saved_model.load(self._session, ["serve"], str(path))
        except BaseException:
            self._session.close()
            raise
        finally:
            logger.setLevel(level)
        self.signature_defs: Mapping[str, meta_graph_pb2.SignatureDef] = dict(
            meta.signature_def.items()
        )
        self.signatures = {
            name: _signature(name, definition)
            for name, definition in self.signature_defs.items()
            if definition.method_name
        }
        self.row_wise = _row_wise(path, self.signatures)
        self.explorable = load_explorable(path)

    def run(
        self,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        timeout: float = 0.0,
    ) -> Mapping[str, np.ndarray]:
        """The outputs, by alias; may be called by several threads at once.

        Args:
          signature: a name among `signatures`.
          inputs: by alias, all that the signature takes, of its dtypes.
          outputs: aliases.
          timeout: in seconds, after which TensorFlow stops; 0 for none.

        Raises:
          tf.errors.OpError: the graph refuses the inputs, or the time is over.
        """
        definition = self.signature_defs[signature]
        fetches = {name: definition.outputs[name].name for name in outputs}
        feeds = {definition.inputs[name].name: value for name, value in inputs.items()}
        options = _tf1.RunOptions(timeout_in_ms=max(1, round(timeout * 1000))) if timeout else None
        return self._session.run(fetches, feeds, options)

    def close(self) -> None:
        """Gives the memory back; nothing may be running."""
        self._session.close()


def is_complete(path: Path) -> bool:
    """Whether the folder is a version that has been pushed as a whole.

    Pusher copies saved_model.pb last: without it a version is not there yet.
    """
    return path.name.isdecimal() and (path / "saved_model.pb").is_file()


def fingerprint(path: Path) -> Fingerprint:
    """What changes when any file of a version is written again or comes late.

    Raises:
      OSError: a file is taken away this moment.
    """
    found = [os.stat(file) for file in path.rglob("*") if file.is_file()]
    return max(one.st_mtime_ns for one in found), sum(one.st_size for one in found), len(found)


def _signature(name: str, definition: meta_graph_pb2.SignatureDef) -> Signature:
    inputs = {}
    for alias, info in definition.inputs.items():
        known = not info.tensor_shape.unknown_rank
        shape = tuple(None if d.size < 0 else d.size for d in info.tensor_shape.dim)
        inputs[alias] = Input(tf.as_dtype(info.dtype), shape if known else None)
    return Signature(name, definition.method_name, inputs, sorted(definition.outputs))


def _row_wise(path: Path, signatures: Mapping[str, Signature]) -> dict[str, tuple[str, ...]]:
    """What trainer.row_wise wrote; what does not fit the signatures is passed over."""
    try:
        said = json.loads((path / _ROW_WISE).read_text())
    except (OSError, ValueError):
        return {}
    found = {}
    for name, by_row in said.items() if isinstance(said, dict) else ():
        inputs = signatures[name].inputs if name in signatures else {}
        # A scalar has no rows.
        if (
            isinstance(by_row, list)
            and by_row
            and all(_has_rows(inputs.get(str(one))) for one in by_row)
        ):
            found[name] = tuple(by_row)
    return found


def _has_rows(one: Input | None) -> bool:
    return one is not None and bool(one.shape)
