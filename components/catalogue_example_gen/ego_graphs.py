"""Ego graphs as TF-GNN examples, and the schema that describes those of one catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import tensorflow as tf
import tensorflow_gnn as tfgnn

from catalogues.errors import InputError
from catalogues.spec import SPEC_FILE, Catalogue
from components.catalogue_example_gen.artists import WholeArtist

TEMPLATE: Final = Path(__file__).resolve().parents[2] / "graph_schema.pbtxt"


def catalogue_schema(catalogue: Catalogue, dims: dict[str, int]) -> tfgnn.GraphSchema:
    """`graph_schema.pbtxt` with the modalities of a catalogue.

    Args:
      catalogue: names the modalities and the descriptive columns.
      dims: the length of each vector modality.

    Returns:
      A schema without the templates VECTOR, CATEGORIES and META.

    Raises:
      InputError: two features would have one name.
    """
    schema = tfgnn.read_schema(str(TEMPLATE))
    features = schema.node_sets["artist"].features
    templates = {
        name: tfgnn.proto.graph_schema_pb2.Feature.FromString(features[name].SerializeToString())
        for name in ("VECTOR", "VECTOR_present", "CATEGORIES", "CATEGORIES_weight", "META")
    }
    for name in templates:
        del features[name]

    def add(name: str, template: str) -> None:
        if name in features:
            raise InputError(
                f"{SPEC_FILE}: the modalities and meta columns would give the ego graphs two "
                f"features called '{name}'; rename one of them."
            )
        features[name].CopyFrom(templates[template])

    for column in catalogue.artists.meta:
        add(f"meta_{column}", "META")
    for modality in catalogue.content:
        if modality.kind == "vector":
            add(modality.name, "VECTOR")
            features[modality.name].shape.dim[0].size = dims[modality.name]
            add(f"{modality.name}_present", "VECTOR_present")
        else:
            add(modality.name, "CATEGORIES")
            add(f"{modality.name}_weight", "CATEGORIES_weight")
    return schema


def encode_ego_graph(
    artist_id: str,
    artist: WholeArtist,
    neighbors: Iterable[tuple[str, float]],
    catalogue: Catalogue,
    dims: dict[str, int],
) -> bytes:
    """One artist's ego graph, serialized as `tfgnn.write_example` would (and much faster).

    Args:
      artist_id: the root.
      artist: its name, popularity, meta columns and content.
      neighbors: (id, weight), strongest first.
      catalogue: names the modalities.
      dims: the length of each vector modality.
    """
    neighbors = tuple(neighbors)
    example = tf.train.Example()
    feature = example.features.feature

    def put_bytes(key: str, texts: Iterable[str]) -> None:
        feature[key].bytes_list.value.extend(text.encode() for text in texts)

    def put_ints(key: str, numbers: Iterable[int]) -> None:
        feature[key].int64_list.value.extend(numbers)

    def put_floats(key: str, numbers: Iterable[float]) -> None:
        feature[key].float_list.value.extend(numbers)

    put_ints("nodes/artist.#size", [1])
    put_bytes("nodes/artist.id", [artist_id])
    put_bytes("nodes/artist.name", [artist.name])
    put_floats("nodes/artist.popularity", [artist.popularity or 0.0])
    put_ints("nodes/artist.popularity_present", [int(artist.popularity is not None)])
    for column, text in zip(catalogue.artists.meta, artist.meta, strict=True):
        put_bytes(f"nodes/artist.meta_{column}", [text])
    for modality in catalogue.content:
        value: Any = artist.content.get(modality.name)
        key = f"nodes/artist.{modality.name}"
        if modality.kind == "vector":
            put_floats(key, value if value is not None else (0.0,) * dims[modality.name])
            put_ints(f"{key}_present", [int(value is not None)])
        else:
            words = value or ()
            put_bytes(key, (word for word, _ in words))
            put_ints(f"{key}.d1", [len(words)])
            put_floats(f"{key}_weight", (weight for _, weight in words))
            put_ints(f"{key}_weight.d1", [len(words)])
    put_ints("nodes/neighbor.#size", [len(neighbors)])
    put_bytes("nodes/neighbor.id", (name for name, _ in neighbors))
    put_ints("edges/similar.#size", [len(neighbors)])
    put_ints("edges/similar.#source", range(len(neighbors)))
    put_ints("edges/similar.#target", (0 for _ in neighbors))
    put_floats("edges/similar.weight", (weight for _, weight in neighbors))
    return example.SerializeToString(deterministic=True)


def encode_hidden_edges(artist_id: str, similar: Iterable[tuple[str, float]]) -> bytes:
    """The artists that a judged artist is similar to, for the judge alone."""
    similar = sorted(similar)
    example = tf.train.Example()
    feature = example.features.feature
    feature["artist_id"].bytes_list.value.append(artist_id.encode())
    feature["similar_id"].bytes_list.value.extend(name.encode() for name, _ in similar)
    feature["weight"].float_list.value.extend(weight for _, weight in similar)
    return example.SerializeToString(deterministic=True)
