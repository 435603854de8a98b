"""What became of a run on Kubeflow Pipelines, as the step sees it that ends the run.

An exit handler would see every end. Back ends of the open-source Kubeflow Pipelines before 2.5 show
a failed run with one as succeeded (kubeflow/pipelines#9577, #11470), and none of them tells it what
happened in the form that TFX compiles (PipelineTaskFinalStatus, kubeflow/pipelines#11641). So the
step that fails or finds nothing to do posts the summary, and the last step where none does. One
that is killed from outside, for want of memory or by a person, posts nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from components.artifact_uris import artifact_uri
from components.retraining.names import DECISION, REASON, START, STOP
from components.run_parameters import RUN_PARAMETERS, STARTED
from pipeline.home import DEPLOYED_NAME
from pipeline.run_summary import Outcome, RunSummary, failure, judged

_PUSHED_MODEL: Final = "pushed_model"
_EVALUATION: Final = "evaluation"
_MODEL: Final = "model"
_SPAN: Final = "span"


def is_last_step(executor_input: Mapping[str, Any]) -> bool:
    """Whether the step reads what was pushed: it is the smoke test."""
    return _PUSHED_MODEL in _inputs(executor_input)


def nothing_to_do(output: Mapping[str, Any]) -> str | None:
    """Why a step's output, an ExecutorOutput as JSON, leaves all further steps out; None if not."""
    for listed in output.get("artifacts", {}).values():
        for artifact in listed.get("artifacts", []):
            told = artifact.get("metadata", {})
            if told.get(DECISION) == STOP:
                return str(told[REASON])
    return None


def summary_of(
    executor_input: Mapping[str, Any],
    error: BaseException | None,
    output: Mapping[str, Any] | None = None,
) -> RunSummary:
    """The summary of a run that a step ends.

    Args:
      executor_input: of the step, with local paths in place of URIs.
      error: that ended it; None for the last step of a run that went well.
      output: what the step put out, an ExecutorOutput as JSON; None where it failed.
    """
    inputs = _inputs(executor_input)
    run, step = run_and_step(executor_input)
    evaluation = inputs.get(_EVALUATION)
    scores, reason = judged(Path(evaluation["uri"]) if evaluation else None)
    pushed = inputs.get(_PUSHED_MODEL, {}).get("metadata", {})
    started = inputs.get(RUN_PARAMETERS, {}).get("metadata", {}).get(STARTED)
    span = (evaluation or inputs.get("examples") or {}).get("metadata", {})
    span = span.get(_SPAN, span.get(f"custom:{_SPAN}"))
    version = None
    outcome: Outcome
    if error is not None:
        outcome, reason = failure(error)
    elif why := nothing_to_do(output or {}):
        outcome, reason = "nothing_to_do", f"{why}."
    elif pushed.get("pushed"):
        outcome, version = "pushed", int(pushed["pushed_version"])
    else:
        outcome = "refused"
    return RunSummary(
        pipeline=DEPLOYED_NAME,
        run=run,
        outcome=outcome,
        reason=reason,
        step=step if error is not None else None,
        span=None if span is None else int(span),
        version=version,
        scores=scores,
        start=inputs.get(_MODEL, {}).get("metadata", {}).get(START),
        seconds=None if started is None else max(0.0, time.time() - float(started)),
    )


def _inputs(executor_input: Mapping[str, Any]) -> dict[str, Any]:
    artifacts = executor_input.get("inputs", {}).get("artifacts", {})
    return {name: listed["artifacts"][0] for name, listed in artifacts.items() if listed}


def run_and_step(executor_input: Mapping[str, Any]) -> tuple[str, str]:
    """Of `<root>/<pipeline>/<run>/<step>/…`, where the back end has a step's outputs lie."""
    for listed in executor_input.get("outputs", {}).get("artifacts", {}).values():
        parts = artifact_uri(listed["artifacts"][0]["uri"]).split("/")
        for place in range(len(parts) - 3, 0, -1):
            if parts[place] == DEPLOYED_NAME:
                return parts[place + 1], parts[place + 2]
    return "unknown", "unknown"
