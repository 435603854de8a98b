"""What the metadata store knows of runs: the stages' states and the judged scores."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from catalogues.errors import InputError
from components.retraining.names import DECISION, REASON, START, STOP
from components.retrieval_evaluator.metrics_file import METRICS_FILE, read_metrics
from pipeline.metadata_config import remembered_store
from pipeline.metadata_store import connect

RUN_CONTEXT: Final = "pipeline_run"
STAGE_TITLES: Final = {
    "RunParameters": "parameters of the run",
    "CatalogueExampleGen": "catalogue → ego graphs",
    "StatisticsGen": "statistics",
    "SchemaGen": "schema",
    "CuratedSchemaGen": "schema",
    "StoppingExampleValidator": "checks",
    "RetrainDecision": "decision to train",
    "Trainer": "training",
    "LatestBlessedModel": "last blessed model",
    "Resolver": "last blessed model",
    "RetrievalEvaluator": "judgement",
    "Pusher": "push",
    "LedgerPusher": "push",
    "OrderedPusher": "push",
    "SmokeTest": "smoke test",
}
"""By stage, what people call it."""


@dataclasses.dataclass(frozen=True)
class Lineage:
    """What a run's model was made of and compared with, as numbers of the metadata store.

    Attributes:
      examples: of the ego graphs, None where the run did not come so far; so for all.
      span: of the catalogue's folder that they were made from.
      model: of the model.
      system: what was trained, 'diffusion'.
      compared_with: of the blessed model that it was judged beside.
      version: that was pushed.
    """

    examples: int | None = None
    span: int | None = None
    model: int | None = None
    system: str | None = None
    compared_with: int | None = None
    version: str | None = None


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the pipeline.

    Attributes:
      number: 1 for the first.
      started: when, local time.
      states: by stage, its state: COMPLETE, CACHED or FAILED; RUNNING also where the process was
        killed.
      evaluation: the folder of the judge's artifact, if the run came so far.
      model: the folder of the model.
      pushed: the folder of the pushed version, if this run (or the cached one that answered it)
        pushed one.
      lineage: what its model came from.
      reason: why it trained, or why there was nothing to do; None where no step decided that.
      ended_early: whether there was nothing to do.
      start: where its training began and why; None where each begins anew.
      examples: the folder of the ego graphs, if the run came so far.
    """

    number: int
    started: datetime.datetime
    states: Mapping[str, str]
    evaluation: Path | None
    model: Path | None
    pushed: Path | None
    lineage: Lineage
    reason: str | None = None
    ended_early: bool = False
    start: str | None = None
    examples: Path | None = None

    @property
    def page(self) -> Path | None:
        """The judge's page, if the run has one."""
        path = self.evaluation and self.evaluation / "report.html"
        return path if path and path.exists() else None

    def metrics(self) -> dict[str, Any]:
        """`metrics.json` in the form of today, empty when nothing was judged."""
        path = self.evaluation and self.evaluation / METRICS_FILE
        return read_metrics(path) if path and path.exists() else {}

    def verdict(self) -> dict[str, Any]:
        """`verdict.json`, empty when nothing was judged."""
        path = self.evaluation and self.evaluation / "verdict.json"
        return json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}


def open_store() -> mlmd.MetadataStore:
    """The metadata store of the last run of this home.

    Raises:
      InputError: nothing has run yet, or the server is not reached or refuses.
    """
    config = remembered_store()
    if config is None:
        raise InputError("Nothing has run yet; start with `make run`.")
    return connect(config)


def list_runs(store: mlmd.MetadataStore) -> list[Run]:
    """All runs, the newest last."""
    contexts = store.get_contexts_by_type(RUN_CONTEXT)
    contexts = sorted(contexts, key=lambda c: c.id)
    return [_run(store, number, context) for number, context in enumerate(contexts, 1)]


def find_run(runs: Sequence[Run], number: int) -> Run:
    """The run of that number.

    Raises:
      InputError: there is none.
    """
    if not 1 <= number <= len(runs):
        last = f"the newest is {len(runs)}" if runs else "nothing has run yet"
        raise InputError(f"There is no run {number}; {last}.")
    return runs[number - 1]


def stage_state(store: mlmd.MetadataStore, stage: str) -> str:
    """The state of the newest execution of a stage, '' when there is none."""
    newest: tuple[int, str] = (0, "")
    for context in store.get_contexts_by_type("node"):
        if context.name.split(".")[-1] == stage:
            for execution in store.get_executions_by_context(context.id):
                newest = max(newest, (execution.id, _state(execution)))
    return newest[1]


def _run(store: mlmd.MetadataStore, number: int, context: metadata_store_pb2.Context) -> Run:
    type_names = {kind.id: kind.name for kind in store.get_execution_types()}
    states: dict[str, str] = {}
    executions = sorted(store.get_executions_by_context(context.id), key=lambda e: e.id)
    for execution in executions:
        states[type_names[execution.type_id].split(".")[-1]] = _state(execution)
    artifact_types = {kind.id: kind.name for kind in store.get_artifact_types()}
    # What the run's stages put out, not what they read: the last blessed model is a Model too.
    events = store.get_events_by_execution_ids([e.id for e in executions])
    made = {e.artifact_id for e in events if e.type == metadata_store_pb2.Event.OUTPUT}
    artifacts = {
        artifact_types[artifact.type_id]: artifact
        for artifact in sorted(store.get_artifacts_by_id(made), key=lambda a: a.id)
    }
    decision = artifacts.get("HyperParameters")
    told = decision.custom_properties if decision else {}
    pushed = artifacts.get("PushedModel")
    destination = pushed and pushed.custom_properties["pushed_destination"].string_value
    started = context.create_time_since_epoch / 1000
    return Run(
        number=number,
        started=datetime.datetime.fromtimestamp(started),
        states=states,
        # The second is what it was called before it had to compile for Kubeflow Pipelines.
        evaluation=_uri(artifacts.get("ModelEvaluation") or artifacts.get("RetrievalEvaluation")),
        model=_uri(artifacts.get("Model")),
        pushed=Path(destination) if destination else None,
        lineage=_lineage(executions, events, artifacts),
        reason=told[REASON].string_value if REASON in told else None,
        ended_early=DECISION in told and told[DECISION].string_value == STOP,
        start=told[START].string_value if START in told else None,
        examples=_uri(artifacts.get("Examples")),
    )


def _lineage(
    executions: Sequence[metadata_store_pb2.Execution],
    events: Sequence[metadata_store_pb2.Event],
    artifacts: Mapping[str, metadata_store_pb2.Artifact],
) -> Lineage:
    examples, pushed = artifacts.get("Examples"), artifacts.get("PushedModel")
    compared = [
        event.artifact_id
        for event in events
        if event.type == metadata_store_pb2.Event.INPUT
        and any(step.key == "baseline_model" for step in event.path.steps)
    ]
    told = [e.custom_properties["custom_config"].string_value for e in executions]
    configs = [json.loads(one) for one in told if one and one != "null"]
    systems = [one["trainer"]["system"] for one in configs if "trainer" in one]
    return Lineage(
        examples=examples and examples.id,
        span=examples and examples.custom_properties["span"].int_value,
        model=artifacts["Model"].id if "Model" in artifacts else None,
        system=systems[-1] if systems else None,
        compared_with=compared[-1] if compared else None,
        version=pushed and (pushed.custom_properties["pushed_version"].string_value or None),
    )


def _uri(artifact: metadata_store_pb2.Artifact | None) -> Path | None:
    return Path(artifact.uri) if artifact else None


def _state(execution: metadata_store_pb2.Execution) -> str:
    return metadata_store_pb2.Execution.State.Name(execution.last_known_state)
