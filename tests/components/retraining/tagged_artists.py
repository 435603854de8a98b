"""Small catalogues with tags, as graphs, and TFDV's statistics of them worked out by TFDV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.retraining.training_record import TrainingRecord, record_of
from tests.trainer.graphs import graph_of

CONFIGURATION = {
    "graph": {"vocabulary_size": 500},
    "trainer": {"system": "gnn", "training": {"epochs": 5, "seed": 0}},
}


def statistics(
    tags: Sequence[str], loudness: Sequence[float] | None = None
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Of artists with one tag each, and perhaps a number."""
    columns: dict[str, Sequence] = {
        "nodes/artist.id": [f"artist-{i}" for i in range(len(tags))],
        "nodes/artist.tags": tags,
    }
    if loudness is not None:
        columns["nodes/artist.loudness"] = loudness
    return generate_statistics(columns)


def generate_statistics(
    columns: Mapping[str, Sequence],
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Of examples, one value each by feature."""
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame(columns))


def ring(
    num_artists: int,
    told: statistics_pb2.DatasetFeatureStatisticsList,
    *,
    without: Sequence[tuple[int, int]] = (),
    span: int = 1,
    configuration=CONFIGURATION,
) -> TrainingRecord:
    """Training artists in a ring, so as many edges; some edges may be left out."""
    edges = [(i, (i + 1) % num_artists) for i in range(num_artists)]
    graph = graph_of([edge for edge in edges if edge not in without], [0] * num_artists).graph
    return record_of(graph, told, configuration, span)
