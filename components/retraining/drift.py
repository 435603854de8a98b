"""How far content has moved since the served model was trained, by TFDV's comparators."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

_ARTIST: Final = "nodes/artist."
_NO_CONTENT: Final = (f"{_ARTIST}id", f"{_ARTIST}name")
"""Of an artist: what tells it from others, and tells nothing of how it sounds."""
_META: Final = f"{_ARTIST}meta_"
_COUNT: Final = ".d1"
"""Ends the name of the number of values of a list."""
_Type = statistics_pb2.FeatureNameStatistics
# Not whole numbers, which are counts and flags: of few values TFDV's histograms are too coarse to
# compare (0.53 between two random halves of the sampler's numbers of tags).
_TYPES: Final = {
    _Type.FLOAT: schema_pb2.FLOAT,
    _Type.STRING: schema_pb2.BYTES,
    _Type.BYTES: schema_pb2.BYTES,
}


@dataclasses.dataclass(frozen=True)
class Drift:
    """A feature that has moved further than it may.

    Attributes:
      feature: its name in the catalogue.
      distance: how far; 1 where one of the two catalogues has none of it.
      threshold: how far it may.
    """

    feature: str
    distance: float
    threshold: float


def only_content(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """The statistics of what artists sound like, without names, ids, and all else they quote.

    Args:
      statistics: TFDV's, of ego graphs.
    """
    (dataset,) = statistics.datasets
    features = {feature.path.step[0]: feature for feature in dataset.features}
    kept = statistics_pb2.DatasetFeatureStatisticsList()
    kept.datasets.add(num_examples=dataset.num_examples).features.extend(
        feature
        for path, feature in features.items()
        if path.startswith(_ARTIST)
        and path not in _NO_CONTENT
        and feature.type in _TYPES
        # Descriptive columns, which no model sees; a modality may be called so as well.
        and not (path.startswith(_META) and path + _COUNT not in features)
        # Of what is known of nobody, TFDV says no distance.
        and _common(feature).num_non_missing
    )
    return kept


def drifted(
    before: statistics_pb2.DatasetFeatureStatisticsList,
    now: statistics_pb2.DatasetFeatureStatisticsList,
    *,
    words: float,
    numbers: float,
) -> list[Drift]:
    """The content features that have drifted, the furthest beyond its threshold first.

    Words are compared by L-infinity distance, the largest change of one word's share; numbers by
    Jensen-Shannon divergence. A feature that came, went or became of another kind has drifted.

    Args:
      before, now: of `only_content`.
      words, numbers: the thresholds.
    """
    types_before, types = _types(before), _types(now)
    found, schema = [], schema_pb2.Schema()
    for path, kind in sorted((types_before | types).items()):
        threshold = words if kind == schema_pb2.BYTES else numbers
        if types_before.get(path) != types.get(path):
            found.append(Drift(path.removeprefix(_ARTIST), 1.0, threshold))
            continue
        compare = schema.feature.add(name=path, type=kind).drift_comparator
        if kind == schema_pb2.BYTES:
            compare.infinity_norm.threshold = threshold
        else:
            compare.jensen_shannon_divergence.threshold = threshold
    told = tfdv.validate_statistics(now, schema, previous_statistics=before)
    for info in told.drift_skew_info:
        name = info.path.step[0].removeprefix(_ARTIST)
        found += [
            Drift(name, measured.value, measured.threshold)
            for measured in info.drift_measurements
            if measured.value > measured.threshold
        ]
    return sorted(found, key=lambda one: (-one.distance / one.threshold, one.feature))


def _types(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> dict[str, Any]:
    """By feature, its type in a schema."""
    (dataset,) = statistics.datasets
    return {feature.path.step[0]: _TYPES[feature.type] for feature in dataset.features}


def _common(feature: statistics_pb2.FeatureNameStatistics) -> statistics_pb2.CommonStatistics:
    return getattr(feature, feature.WhichOneof("stats")).common_stats
