"""The encoder writes what `tfgnn.write_example` would, and TF-GNN's parser reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn

from catalogues.errors import InputError
from catalogues.spec import ArtistTable, Catalogue, EdgeTable, Modality
from components.catalogue_example_gen.artists import WholeArtist
from components.catalogue_example_gen.ego_graphs import catalogue_schema, encode_ego_graph
from trainer.loading import meta_columns, modality_names, read_graph_spec

DIMS = {"audio": 2}


def catalogue(*content, meta=("place",)):
    return Catalogue(
        folder=Path("nowhere"),
        name="small",
        description="",
        artists=ArtistTable("artists.csv", "id", meta=meta),
        content=content,
        edges=EdgeTable("edges.csv", "a", "b"),
    )


AUDIO = Modality("audio", "vector", "artists.csv", "id", ("tempo", "energy"))
TAGS = Modality("tags", "categories", "tags.csv", "artist", ("tag",))
SMALL = catalogue(AUDIO, TAGS)
FULL = WholeArtist("Ann Ø", 2.5, "train", ("Rome",), {"audio": (1.5, -2.0), "tags": (("ü", 2.0),)})
EMPTY = WholeArtist("Bo", None, "train", ("",), {})
ZERO = WholeArtist("Bo", 0.0, "train", ("",), {"audio": (0.0, 0.0)})


def graph_tensor(artist_id, artist, neighbors):
    """The same ego graph by TF-GNN's own means."""
    words = artist.content.get("tags", ())
    ragged_words = tf.ragged.constant([[word for word, _ in words]], dtype=tf.string)
    ragged_weights = tf.ragged.constant([[weight for _, weight in words]], dtype=tf.float32)
    return tfgnn.GraphTensor.from_pieces(
        node_sets={
            "artist": tfgnn.NodeSet.from_fields(
                sizes=[1],
                features={
                    "id": tf.constant([artist_id]),
                    "name": tf.constant([artist.name]),
                    "popularity": tf.constant([artist.popularity or 0.0]),
                    "popularity_present": tf.constant(
                        [int(artist.popularity is not None)], tf.int64
                    ),
                    "meta_place": tf.constant([artist.meta[0]]),
                    "audio": tf.constant([artist.content.get("audio", (0.0, 0.0))]),
                    "audio_present": tf.constant([int("audio" in artist.content)], tf.int64),
                    "tags": ragged_words,
                    "tags_weight": ragged_weights,
                },
            ),
            "neighbor": tfgnn.NodeSet.from_fields(
                sizes=[len(neighbors)],
                features={"id": tf.constant([name for name, _ in neighbors], tf.string)},
            ),
        },
        edge_sets={
            "similar": tfgnn.EdgeSet.from_fields(
                sizes=[len(neighbors)],
                features={"weight": tf.constant([weight for _, weight in neighbors], tf.float32)},
                adjacency=tfgnn.Adjacency.from_indices(
                    source=("neighbor", tf.range(len(neighbors), dtype=tf.int64)),
                    target=("artist", tf.zeros(len(neighbors), tf.int64)),
                ),
            )
        },
    )


@pytest.mark.parametrize("artist", [FULL, EMPTY, ZERO], ids=["full", "empty", "zero"])
@pytest.mark.parametrize("neighbors", [(), (("n", 2.0), ("ñ", 0.5))], ids=["alone", "connected"])
def test_feature_for_feature_what_write_example_writes(artist, neighbors):
    encoded = tf.train.Example.FromString(encode_ego_graph("å", artist, neighbors, SMALL, DIMS))
    expected = tfgnn.write_example(graph_tensor("å", artist, neighbors))
    assert set(encoded.features.feature) == set(expected.features.feature)
    for key, feature in expected.features.feature.items():
        assert encoded.features.feature[key] == feature, key


def test_the_schema_reads_it_and_tells_missing_from_zero():
    spec = tfgnn.create_graph_spec_from_schema_pb(catalogue_schema(SMALL, DIMS))
    records = [encode_ego_graph("a", artist, (), SMALL, DIMS) for artist in (FULL, EMPTY, ZERO)]
    graphs = tfgnn.parse_example(spec, tf.constant(records)).merge_batch_to_components()
    artist = graphs.node_sets["artist"]
    assert artist["audio"].numpy().tolist() == [[1.5, -2.0], [0, 0], [0, 0]]
    assert artist["audio_present"].numpy().tolist() == [1, 0, 1]
    assert artist["popularity"].numpy().tolist() == [2.5, 0, 0]
    assert artist["popularity_present"].numpy().tolist() == [1, 0, 1]
    assert artist["tags"].row_lengths().numpy().tolist() == [1, 0, 0]


def test_the_written_schema_names_the_catalogues_modalities(pairs):
    spec = read_graph_spec(str(pairs.folder))
    assert modality_names(spec) == ("audio", "clap", "genre", "listening", "sound", "tags")
    parsed = tfgnn.parse_example(spec, tf.constant(pairs.records("train")))
    assert parsed.node_sets["artist"]["clap"].shape[-1] == 2


def test_the_names_of_descriptive_columns_make_no_modality():
    tricky = catalogue(AUDIO, meta=("x", "x_weight", "x_present"))
    spec = tfgnn.create_graph_spec_from_schema_pb(catalogue_schema(tricky, DIMS))
    assert modality_names(spec) == ("audio",)
    assert meta_columns(spec) == ("x", "x_present", "x_weight")


def test_a_modality_with_the_name_of_a_descriptive_column_is_none():
    words = Modality("meta_words", "categories", "artists.csv", "id", ("w",))
    vector = Modality("meta_vector", "vector", "artists.csv", "id", ("w",))
    schema = catalogue_schema(catalogue(words, vector), DIMS | {"meta_vector": 1})
    assert meta_columns(tfgnn.create_graph_spec_from_schema_pb(schema)) == ("place",)


@pytest.mark.parametrize(
    "clashing",
    [
        catalogue(TAGS, Modality("tags_weight", "vector", "artists.csv", "id", ("w",))),
        catalogue(Modality("meta_place", "vector", "artists.csv", "id", ("w",))),
        catalogue(Modality("popularity_present", "vector", "artists.csv", "id", ("w",))),
    ],
    ids=["weight", "meta", "popularity"],
)
def test_two_features_of_one_name_are_refused(clashing):
    dims = {modality.name: 1 for modality in clashing.content}
    with pytest.raises(InputError, match="two features called") as raised:
        catalogue_schema(clashing, dims)
    assert ". " not in str(raised.value)
