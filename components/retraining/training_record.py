"""What a model was trained on, small enough to travel with it to wherever it is pushed.

It lies in the SavedModel (`assets.extra/trained_on.npz`), which TF Serving does not read: the next
run finds it in the push destination, the one place that every runner knows. Artists and edges are
hashes, and only those edges are among them that the model itself knows, none that a split hides.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.retraining.drift import only_content
from trainer.graph import ArtistGraph
from trainer.starting_point import UNREADABLE
from trainer.text_hashes import text_hashes

SECTIONS: Final = ("graph", "trainer")
"""Of the configuration: those that make another model of the same catalogue."""
_FOLDER: Final = "assets.extra"
_FILE: Final = "trained_on.npz"
_FORMAT: Final = 1
_UNREADABLE: Final = (DecodeError, *UNREADABLE)


class NoRecordError(Exception):
    """A model does not say what it was trained on; the text says why, as part of a sentence."""


@dataclasses.dataclass(frozen=True)
class TrainingRecord:
    """What a model was trained on.

    Attributes:
      span: of the catalogue.
      configuration: its sections SECTIONS, as JSON has them.
      artists: [num_artists] uint64, a hash of each id, ascending.
      edges: [num_edges] uint64, a hash of each pair of artists that no split hides, ascending.
      statistics: TFDV's, of the content of the training artists.
    """

    span: int
    configuration: Mapping[str, Any]
    artists: np.ndarray
    edges: np.ndarray
    statistics: statistics_pb2.DatasetFeatureStatisticsList


def record_of(
    graph: ArtistGraph,
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
    configuration: Mapping[str, Any],
    span: int,
) -> TrainingRecord:
    """The record of a model that is trained on this graph.

    Args:
      graph: the catalogue.
      statistics: TFDV's, of the training artists.
      configuration: has SECTIONS, and may have more.
      span: of the catalogue.
    """
    edges = sp.triu(graph.served_edges()).tocoo()
    names = graph.artist_id
    return TrainingRecord(
        span=span,
        configuration={name: configuration[name] for name in SECTIONS},
        artists=np.sort(text_hashes(names)),
        # Ids are sorted and rows ascend along them: a pair always comes in the same order. Its two
        # ids are told apart however they end and begin.
        edges=np.sort(
            text_hashes(json.dumps([names[i], names[j]]) for i, j in zip(edges.row, edges.col))
        ),
        statistics=only_content(statistics),
    )


def write_record(record: TrainingRecord, path: str) -> None:
    """Adds the record to a SavedModel; the same record gives the same bytes.

    Args:
      record: what it was trained on.
      path: of the SavedModel.
    """
    told = {
        "format": _FORMAT,
        "span": record.span,
        "configuration": record.configuration,
    }
    arrays = {
        "told": np.frombuffer(json.dumps(told, sort_keys=True).encode(), np.uint8),
        "artists": record.artists,
        "edges": record.edges,
        "statistics": np.frombuffer(
            record.statistics.SerializeToString(deterministic=True), np.uint8
        ),
    }
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    folder = os.path.join(path, _FOLDER)
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(os.path.join(folder, _FILE), "wb") as file:
        file.write(content.getvalue())


def read_record(path: str) -> TrainingRecord:
    """The record of a SavedModel.

    Args:
      path: of the SavedModel.

    Raises:
      NoRecordError: there is none, or it is no such file.
    """
    file_path = os.path.join(path, _FOLDER, _FILE)
    if not tf.io.gfile.exists(file_path):
        raise NoRecordError("it does not say what it was trained on")
    try:
        with tf.io.gfile.GFile(file_path, "rb") as file:
            content = io.BytesIO(file.read())
        with np.load(content, allow_pickle=False) as arrays:
            told = json.loads(arrays["told"].tobytes())
            if told["format"] != _FORMAT:
                raise ValueError
            return TrainingRecord(
                span=int(told["span"]),
                configuration={name: told["configuration"][name] for name in SECTIONS},
                artists=arrays["artists"].astype(np.uint64),
                edges=arrays["edges"].astype(np.uint64),
                statistics=statistics_pb2.DatasetFeatureStatisticsList.FromString(
                    arrays["statistics"].tobytes()
                ),
            )
    except _UNREADABLE:
        raise NoRecordError(f"its {_FILE} cannot be read") from None
