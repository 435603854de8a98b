"""What the metadata store knows of runs: the stages' states and the judged scores."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from catalogues.errors import InputError
from components.retrieval_evaluator.metrics_file import METRICS_FILE, read_metrics
from pipeline.home import metadata_path

RUN_CONTEXT = "pipeline_run"


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the pipeline.

    Attributes:
      started: when, local time.
      states: by stage, its state: COMPLETE, CACHED or FAILED; RUNNING also where the process was
        killed.
      evaluation: the folder of the judge's artifact, if the run came so far.
      model: the folder of the model.
      pushed: the folder of the pushed version, if this run (or the cached one that answered it)
        pushed one.
    """

    started: datetime.datetime
    states: Mapping[str, str]
    evaluation: Path | None
    model: Path | None
    pushed: Path | None

    def metrics(self) -> dict[str, Any]:
        """`metrics.json` in the form of today, empty when nothing was judged."""
        path = self.evaluation and self.evaluation / METRICS_FILE
        return read_metrics(path) if path and path.exists() else {}

    def verdict(self) -> dict[str, Any]:
        """`verdict.json`, empty when nothing was judged."""
        path = self.evaluation and self.evaluation / "verdict.json"
        return json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}


def open_store() -> mlmd.MetadataStore:
    """The embedded metadata store.

    Raises:
      InputError: nothing has run yet.
    """
    if not metadata_path().exists():
        raise InputError("Nothing has run yet; start with `make run`.")
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(metadata_path())
    return mlmd.MetadataStore(config)


def list_runs(store: mlmd.MetadataStore) -> list[Run]:
    """All runs, the newest last."""
    contexts = store.get_contexts_by_type(RUN_CONTEXT)
    return [_run(store, context) for context in sorted(contexts, key=lambda c: c.id)]


def stage_state(store: mlmd.MetadataStore, stage: str) -> str:
    """The state of the newest execution of a stage, '' when there is none."""
    newest: tuple[int, str] = (0, "")
    for context in store.get_contexts_by_type("node"):
        if context.name.split(".")[-1] == stage:
            for execution in store.get_executions_by_context(context.id):
                newest = max(newest, (execution.id, _state(execution)))
    return newest[1]


def _run(store: mlmd.MetadataStore, context: metadata_store_pb2.Context) -> Run:
    type_names = {kind.id: kind.name for kind in store.get_execution_types()}
    states: dict[str, str] = {}
    executions = sorted(store.get_executions_by_context(context.id), key=lambda e: e.id)
    for execution in executions:
        states[type_names[execution.type_id].split(".")[-1]] = _state(execution)
    artifact_types = {kind.id: kind.name for kind in store.get_artifact_types()}
    # What the run's stages put out, not what they read: the last blessed model is a Model too.
    made = {
        event.artifact_id
        for event in store.get_events_by_execution_ids([e.id for e in executions])
        if event.type == metadata_store_pb2.Event.OUTPUT
    }
    artifacts = {
        artifact_types[artifact.type_id]: artifact
        for artifact in sorted(store.get_artifacts_by_id(made), key=lambda a: a.id)
    }
    pushed = artifacts.get("PushedModel")
    destination = pushed and pushed.custom_properties["pushed_destination"].string_value
    started = context.create_time_since_epoch / 1000
    return Run(
        started=datetime.datetime.fromtimestamp(started),
        states=states,
        evaluation=_uri(artifacts.get("RetrievalEvaluation")),
        model=_uri(artifacts.get("Model")),
        pushed=Path(destination) if destination else None,
    )


def _uri(artifact: metadata_store_pb2.Artifact | None) -> Path | None:
    return Path(artifact.uri) if artifact else None


def _state(execution: metadata_store_pb2.Execution) -> str:
    return metadata_store_pb2.Execution.State.Name(execution.last_known_state)
