"""The matrices beside `content.json` that turn content into narrower vectors: `content.npz`."""

from __future__ import annotations

import io
from typing import Any

import apache_beam as beam
import numpy as np

from components.catalogue_example_gen.config import BuildConfig
from components.catalogue_example_gen.content import is_training
from components.catalogue_example_gen.pca import PrincipalComponents
from components.catalogue_example_gen.pmi import FactorizedWords


class ContentMatrices(beam.PTransform):
    """{'artists': (artist id, WholeArtist), 'statistics': one dictionary} -> the bytes of an .npz.

    Fitted on the training artists only. Members, named '<modality>.<name>':
      of categories, `log_share` [V] float32 and `factors` [V, d] float32 (see `pmi`);
      of vectors wider than `pca_dim`, `components` [at most pca_dim, dim] float32 (see `pca`).
    What no training artist has gets no rows, no columns, and shares of 1. The same catalogue gives
    the same bytes, however a runner bundles its artists.

    Args:
      config: how many factors and components.
    """

    def __init__(self, config: BuildConfig):
        super().__init__("Content matrices")
        self._config = config

    def expand(self, inputs):
        """Returns a collection with one element."""
        training = inputs["artists"] | "Training artists" >> beam.Filter(is_training)
        fitted = {"artists": training, "statistics": inputs["statistics"]}
        arrays = [fitted | FactorizedWords(self._config.word_factors)]
        if self._config.pca_dim:
            arrays.append(fitted | PrincipalComponents(self._config.pca_dim))
        return (
            tuple(arrays)
            | "All matrices" >> beam.Flatten()
            | "In one list" >> beam.combiners.ToList()
            | "In one file"
            >> beam.Map(
                _file, beam.pvalue.AsSingleton(inputs["statistics"]), pca_dim=self._config.pca_dim
            )
        )


def _file(found: list[tuple[str, np.ndarray]], statistics: dict[str, Any], pca_dim: int) -> bytes:
    arrays: dict[str, np.ndarray] = {}
    for entry in statistics["modalities"]:
        name = entry["name"]
        if entry["kind"] == "categories":
            arrays[f"{name}.log_share"] = np.zeros(len(entry["vocabulary"]), np.float32)
            arrays[f"{name}.factors"] = np.zeros((len(entry["vocabulary"]), 0), np.float32)
        elif pca_dim and entry["dim"] > pca_dim:
            arrays[f"{name}.components"] = np.zeros((0, entry["dim"]), np.float32)
    file = io.BytesIO()
    # In the modalities' order, whichever was ready first.
    arrays |= dict(found)
    np.savez(file, **arrays)
    return file.getvalue()
