"""Embeds a catalogue into a folder that appears when it is whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apache_beam as beam
import pyarrow.parquet as parquet
from apache_beam.options.pipeline_options import PipelineOptions

from catalogues.errors import InputError
from components import beam_progress
from components.bulk_embedder import progress
from components.bulk_embedder.embedder import embed_catalogue
from components.bulk_embedder.shards import FILES
from trainer.bulk_model import BulkPlan, NoBulkModelError, listeners_digest, read_bulk_plan
from trainer.console import Phases
from trainer.graph import SPLITS
from trainer.loading import modality_dims, read_graph_spec, read_listener_factors, read_summary

_ABOUT: Final = "artist_sim.model"


def embed_into(output: Path, model: Path, examples: Path, beam_arguments: Sequence[str]) -> int:
    """Writes the embeddings of all artists of the examples, with bars for a person who waits.

    Args:
      output: a folder that is not there yet; it appears when all is written.
      model: folder of a version of the model.
      examples: folder of the Examples artifact.
      beam_arguments: where it runs, as Beam's own command lines have it.

    Returns:
      The number of artists.

    Raises:
      InputError: the output is there, the model or the examples are not or do not go together.
    """
    if output.exists():
        raise InputError(
            f"The output '{output.name}' is there already; name another folder, or remove it."
        )
    plan = checked_plan(model, examples)
    counted = sum(read_summary(str(examples))["artists"][split] for split in SPLITS)
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{output.name}.writing-", dir=output.parent))
    # Others may read what is written; mkdtemp lets nobody.
    beside.chmod(0o777 & ~_umask())
    try:
        pipeline_options = PipelineOptions(list(beam_arguments))
        with (
            Phases(dict.fromkeys(progress.phases(plan), counted)) as phases,
            beam_progress.listening(phases.advance),
            beam.Pipeline(options=pipeline_options) as pipeline,
        ):
            about = {_ABOUT: model.name}
            embed_catalogue(pipeline, str(model), plan, str(examples), str(beside), about)
        written = sum(parquet.read_metadata(path).num_rows for path in beside.glob(FILES))
        if written != counted:
            raise RuntimeError(
                f"{counted} artists are in the examples and {written} in the files; this is a "
                "fault of the embedder."
            )
        beside.rename(output)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return counted


def check_model(model: Path) -> None:
    """Raises InputError where there is no SavedModel."""
    if not (model / "saved_model.pb").is_file():
        raise InputError(f"There is no model in '{model.name}'; check the path that was given.")


def checked_plan(model: Path, examples: Path) -> BulkPlan:
    """How the model embeds, if it can embed these examples.

    Raises:
      InputError: it is no such model, it is not there, or it reads other content.
    """
    check_model(model)
    if not (examples / "graph_schema.pbtxt").is_file():
        raise InputError(
            f"There are no examples in '{examples.name}'; name the folder that the graph builder "
            "wrote them to with --examples."
        )
    try:
        plan = read_bulk_plan(str(model))
    except NoBulkModelError as error:
        raise InputError(
            f"The model '{model.name}' cannot embed in bulk: {error}; train and push it again."
        ) from None
    there = modality_dims(read_graph_spec(str(examples)))
    for name, dim in plan.modalities.items():
        if name not in there:
            raise InputError(
                f"The model '{model.name}' reads '{name}', which the examples lack; take the "
                "examples that it was trained on, or train it again."
            )
        if there[name] != dim:
            raise InputError(
                f"The model '{model.name}' reads {_kind(dim)} in '{name}', the examples have "
                f"{_kind(there[name])}; take those that it was trained on, or train it again."
            )
    listeners = read_listener_factors(str(examples))
    if plan.listeners and (listeners is None or listeners_digest(listeners) != plan.listeners):
        raise InputError(
            f"The model '{model.name}' reads plays by other listeners than those of the examples; "
            "take the examples that it was trained on, or train it again."
        )
    return plan


def _kind(dim: int) -> str:
    return f"vectors of {dim} numbers" if dim else "words"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
