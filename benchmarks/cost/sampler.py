"""TF-GNN's own sampler on Beam, which makes the ego graphs of the graph builder from its tables."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.cost.catalogue import ARTISTS, EDGES

# TF-GNN needs Keras 2, and TensorFlow reads this when it is imported.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

FAN_OUT: Final = 25
"""Neighbours of an artist; the graph builder lists up to its cap, which is higher."""
_SCHEMA: Final = """
node_sets {{
  key: "artist"
  value {{
    features {{ key: "features" value {{ dtype: DT_FLOAT shape {{ dim {{ size: {dim} }} }} }} }}
    metadata {{ filename: "artists.tfrecord" }}
  }}
}}
edge_sets {{
  key: "similar"
  value {{
    source: "artist"
    target: "artist"
    features {{ key: "weight" value {{ dtype: DT_FLOAT }} }}
    metadata {{ filename: "edges.csv" }}
  }}
}}
"""
_SPEC: Final = """
seed_op {{ op_name: "seed" node_set_name: "artist" }}
sampling_ops {{
  op_name: "hop"
  input_op_names: "seed"
  edge_set_name: "similar"
  sample_size: {fan_out}
}}
"""


def write_tables(catalogue: Path, target: Path) -> None:
    """The catalogue's tables as TF-GNN reads them, with a schema and what is to be sampled.

    Edges are there in both directions, as everybody may be asked for; nothing is hidden.
    """
    import pandas as pd
    import tensorflow as tf

    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    artists, edges = pd.read_parquet(catalogue / ARTISTS), pd.read_parquet(catalogue / EDGES)
    with tf.io.TFRecordWriter(str(target / "artists.tfrecord")) as writer:
        for name, values in zip(artists["artist_id"], artists["features"], strict=True):
            example = tf.train.Example()
            example.features.feature["#id"].bytes_list.value.append(name.encode())
            example.features.feature["features"].float_list.value.extend(values)
            writer.write(example.SerializeToString())
    named = edges.rename(columns={"source": "#source", "target": "#target"})
    turned = edges.rename(columns={"source": "#target", "target": "#source"})
    both = pd.concat([named, turned])[["#source", "#target", "weight"]]
    both.to_csv(target / "edges.csv", index=False)
    dim = len(np.asarray(artists["features"][0]))
    (target / "schema.pbtxt").write_text(_SCHEMA.format(dim=dim))
    (target / "spec.pbtxt").write_text(_SPEC.format(fan_out=FAN_OUT))


def sample(tables: Path, target: Path) -> Path:
    """Samples each artist's neighbours on Beam's direct runner; returns the folder of examples.

    Args:
      tables: of `write_tables`.
      target: emptied first.
    """
    import tensorflow as tf
    from absl import flags
    from tensorflow_gnn.experimental.sampler.beam import sampler

    # The program's last layer is found by its name, and Keras numbers a name that came before.
    tf.keras.backend.clear_session()
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    given = {
        "graph_schema": tables / "schema.pbtxt",
        "sampling_spec": tables / "spec.pbtxt",
        "output_samples": target / "samples.tfrecord",
    }
    if "sampling_spec" not in flags.FLAGS:
        sampler.define_flags()
    arguments = ["sampler", *(f"--{name}={path}" for name, path in given.items())]
    flags.FLAGS(arguments, known_only=True)
    sampler.app_main(["sampler"])
    # What its stages run is no example.
    shutil.rmtree(target / "artifacts")
    return target
