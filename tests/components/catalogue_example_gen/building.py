"""Builds the ego graphs of a small catalogue in this process, and reads back what was written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

from catalogues.spec import load_catalogue
from components.catalogue_example_gen.build import build
from components.catalogue_example_gen.config import BuildConfig

SPLITS = ("train", "val", "test")


@dataclasses.dataclass(frozen=True)
class Built:
    """What the builder wrote of one catalogue.

    Attributes:
      folder: the examples' folder.
      summary: `summary.json`.
      content: `content.json`.
      rejects: the lines of `rejects.jsonl`.
    """

    folder: Path
    summary: dict[str, Any]
    content: dict[str, Any]
    rejects: list[dict[str, Any]]

    def records(self, split: str) -> list[bytes]:
        """The serialized examples of a split, sorted."""
        files = sorted(str(path) for path in (self.folder / f"Split-{split}").glob("*.gz"))
        dataset = tf.data.TFRecordDataset(files, compression_type="GZIP")
        return sorted(record.numpy() for record in dataset)

    def plays(self) -> list[bytes]:
        """The serialized plays that are kept, sorted."""
        files = sorted(str(path) for path in self.folder.glob("plays-*.gz"))
        dataset = tf.data.TFRecordDataset(files, compression_type="GZIP")
        return sorted(record.numpy() for record in dataset)

    def examples(self, split: str) -> dict[str, dict[str, list[Any]]]:
        """By artist id the values of each feature."""
        examples = {}
        for record in self.records(split):
            values = feature_values(record)
            key = values.get("nodes/artist.id") or values["artist_id"]
            examples[key[0]] = values
        return examples

    def neighbors(self, split: str) -> dict[str, list[str]]:
        """By artist id the neighbours that its ego graph lists, in their order."""
        return {
            artist: values["nodes/neighbor.id"] for artist, values in self.examples(split).items()
        }

    def hidden(self, split: str) -> dict[str, list[str]]:
        """By artist id the artists that it is similar to, hidden from all models."""
        return {
            artist: values["similar_id"]
            for artist, values in self.examples(f"hidden_{split}").items()
        }


def feature_values(record: bytes) -> dict[str, list[Any]]:
    """An example's features as lists, text decoded."""
    values = {}
    for key, feature in tf.train.Example.FromString(record).features.feature.items():
        if feature.HasField("bytes_list"):
            values[key] = [value.decode() for value in feature.bytes_list.value]
        elif feature.HasField("float_list"):
            values[key] = list(feature.float_list.value)
        else:
            values[key] = list(feature.int64_list.value)
    return values


def write_catalogue(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Writes the files of a catalogue, `catalogue.yaml` among them."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def built(
    folder: Path,
    files: Mapping[str, str | bytes],
    config: BuildConfig | None = None,
    options: Sequence[str] = ("--direct_running_mode=in_memory",),
):
    """Writes a catalogue into a folder and builds its ego graphs beside it, with Beam's options."""
    catalogue = load_catalogue(write_catalogue(folder / "catalogue", files))
    target = folder / "examples"
    with beam.Pipeline(options=PipelineOptions(["--runner=DirectRunner", *options])) as pipeline:
        build(pipeline, catalogue, config or BuildConfig(), str(target))
    return Built(
        folder=target,
        summary=json.loads((target / "summary.json").read_text()),
        content=json.loads((target / "content.json").read_text()),
        rejects=[json.loads(line) for line in (target / "rejects.jsonl").open()],
    )


def executed(
    folder: Path,
    files: Mapping[str, str | bytes],
    on_bad_rows: str,
    beam: Sequence[str] = (),
    **more: str,
) -> Path:
    """Writes a catalogue into a folder and has the executor build it beside, as TFX calls it.

    Args:
      folder: gets `catalogue` and `examples`.
      files: of the catalogue.
      on_bad_rows: as the component has it.
      beam: Beam's arguments.
      more: of its parameters.

    Returns:
      The examples' folder.
    """
    from tfx.proto import example_gen_pb2
    from tfx.types import standard_artifacts
    from tfx.utils import proto_utils

    from components.catalogue_example_gen.executor import Executor

    catalogue = write_catalogue(folder / "catalogue", files)
    examples = standard_artifacts.Examples()
    examples.uri = str(folder / "examples")
    inputs = example_gen_pb2.Input(
        splits=[example_gen_pb2.Input.Split(name="catalogue", pattern="*")]
    )
    properties = {
        "input_base": str(catalogue),
        "input_config": proto_utils.proto_to_json(inputs),
        "build_config": json.dumps({"fractions": [0.8, 0.1, 0.1]}),
        "on_bad_rows": on_bad_rows,
        **more,
    }
    context = Executor.Context(beam_pipeline_args=list(beam))
    Executor(context).Do({}, {"examples": [examples]}, properties)
    return folder / "examples"
