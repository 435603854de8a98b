"""Every side input of the graph builder: docs/memory.md says of each why it does not grow."""

from __future__ import annotations

import re

import apache_beam as beam
from apache_beam.portability.api import beam_runner_api_pb2

from catalogues.spec import load_catalogue
from components.catalogue_example_gen.build import build
from components.catalogue_example_gen.config import BuildConfig
from tests.components.catalogue_example_gen.building import write_catalogue

FILES = {
    "catalogue.yaml": """\
name: everything
artists: {table: artists.jsonl, id: id, split: split}
content:
  audio: {column: audio}
  tags: {categories: tag}
edges: {table: edges.csv, source: a, target: b}
plays: {table: plays.csv, listener: who, artist: artist, plays: n}
""",
    "artists.jsonl": '{"id": "x", "split": "train", "audio": [1, 2], "tag": "rock"}\n',
    "edges.csv": "a,b\n",
    "plays.csv": "who,artist,n\n",
}
BOUNDED = {
    # A length a list modality.
    "artists: most common",
    # content.json.
    "Content statistics/One dictionary",
    # graph.vocabulary_size.
    "Content matrices/Word factors/Vocabularies",
    "Content matrices/Word factors/Word totals/Combine/ParDo(CombineValuesDoFn)",
    # graph.listening.max_listeners, as ids and as vectors.
    "Listening/Kept listeners",
    "Listening/Fit",
}
# By these Beam asks whether there was anything; their values are those above before they are one,
# a number a bundle's file, and the summary's.
BEAMS_OWN = {"One list", "In one list", "In all files", "Summary", "artists: all lengths"}


def side_inputs(pipeline: beam.Pipeline) -> dict[str, set[str]]:
    """What makes a side input -> what reads it, by the names of transforms."""
    components = pipeline.to_runner_api().components
    made = {
        output: transform.unique_name
        for transform in components.transforms.values()
        if not transform.subtransforms
        for output in transform.outputs.values()
    }
    found: dict[str, set[str]] = {}
    for transform in components.transforms.values():
        if transform.spec.urn == "beam:transform:pardo:v1":
            payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
            for tag in payload.side_inputs:
                found.setdefault(made[transform.inputs[tag]], set()).add(transform.unique_name)
    return found


def test_all_side_inputs_are_those_whose_size_is_told(tmp_path):
    write_catalogue(tmp_path, FILES)
    pipeline = beam.Pipeline(runner="DirectRunner")
    build(pipeline, load_catalogue(tmp_path), BuildConfig(pca_dim=1), str(tmp_path / "out"))
    found = side_inputs(pipeline)
    own = {
        maker
        for maker, readers in found.items()
        if all(reader.endswith("/InjectDefault") for reader in readers)
    }
    assert {re.sub(r"/UnKey$", "", maker).rpartition("/")[2] for maker in own} == BEAMS_OWN
    assert {maker for maker in found if maker not in own} == BOUNDED
