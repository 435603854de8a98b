"""TF-GNN's sampler samples the catalogue's own edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import tensorflow as tf

from benchmarks.cost.catalogue import EDGES, make_catalogue
from benchmarks.cost.sampler import FAN_OUT, sample, write_tables


def test_each_artist_is_sampled_with_its_neighbours(tmp_path):
    catalogue = make_catalogue(tmp_path, 40, 100, 4)
    write_tables(catalogue, tmp_path / "tables")
    folder = sample(tmp_path / "tables", tmp_path / "samples")
    edges = pd.read_parquet(catalogue / EDGES)
    degree = pd.concat([edges["source"], edges["target"]]).value_counts()
    # Nobody has so many neighbours that one would be left out.
    assert degree.max() <= FAN_OUT
    roots, weights = 0, []
    for path in folder.iterdir():
        for record in tf.data.TFRecordDataset(str(path)):
            feature = tf.train.Example.FromString(record.numpy()).features.feature
            roots += 1
            weights += feature["edges/similar.weight"].float_list.value
            # What is sampled leads from the root, which is the first.
            assert set(feature["edges/similar.#source"].int64_list.value) <= {0}
    assert roots == 40
    np.testing.assert_allclose(np.sort(weights), np.sort(np.repeat(edges["weight"], 2)))


def test_a_process_may_sample_again(tmp_path):
    catalogue = make_catalogue(tmp_path, 10, 20, 2)
    write_tables(catalogue, tmp_path / "tables")
    first = sample(tmp_path / "tables", tmp_path / "first")
    again = sample(tmp_path / "tables", tmp_path / "again")
    assert len(list(again.iterdir())) == len(list(first.iterdir())) > 0
