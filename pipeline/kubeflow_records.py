"""Versions, schedules and runs on Kubeflow Pipelines (v2beta1), read from its answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final

from pipeline.kubeflow_client import KubeflowError

FINISHED: Final = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
"""States that a run stays in."""


@dataclasses.dataclass(frozen=True)
class Version:
    """An uploaded package."""

    id: str
    name: str

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Version:
        """Reads a PipelineVersion; raises KubeflowError where it has no id."""
        name = _text(given, "name") or _text(given, "display_name")
        return cls(required(given, "pipeline_version_id"), name)


@dataclasses.dataclass(frozen=True)
class Deployed:
    """What came of an upload.

    Attributes:
      version: that holds the package.
      uploaded: whether it was not there before.
      first: whether the pipeline was not there before, either.
      newest: the version that runs take by default.
    """

    version: Version
    uploaded: bool
    first: bool
    newest: Version


@dataclasses.dataclass(frozen=True)
class Order:
    """What is to be run, once or by a schedule.

    Attributes:
      version: of the pipeline.
      parameters: of the run by name; those that are left out are as compiled.
      service_account: that the steps run as; '' for the back end's own.
    """

    version: Version
    parameters: Mapping[str, str]
    service_account: str


@dataclasses.dataclass(frozen=True)
class KubeflowSchedule:
    """A recurring run.

    Attributes:
      pipeline_id: of what it runs.
      cron: as the back end reads it; '' where it starts runs by another rule.
      enabled: False while it is paused.
      service_account: of its runs; '' for the back end's own.
      created: None where that is not told.
    """

    id: str
    name: str
    pipeline_id: str
    version_id: str
    cron: str
    enabled: bool
    parameters: Mapping[str, str]
    service_account: str
    created: datetime | None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> KubeflowSchedule:
        """Reads a RecurringRun; raises KubeflowError where it has no id."""
        reference = given.get("pipeline_version_reference") or {}
        cron = (given.get("trigger") or {}).get("cron_schedule") or {}
        status = given.get("status") or given.get("mode") or ""
        return cls(
            id=required(given, "recurring_run_id"),
            name=_text(given, "display_name"),
            pipeline_id=_text(reference, "pipeline_id"),
            version_id=_text(reference, "pipeline_version_id"),
            cron=_text(cron, "cron"),
            enabled=status.startswith("ENABLE"),
            parameters=_parameters(given),
            service_account=_text(given, "service_account"),
            created=_time(given.get("created_at")),
        )


@dataclasses.dataclass(frozen=True)
class KubeflowRun:
    """One run.

    Attributes:
      pipeline_id: of what it runs; '' where a schedule started it, and that alone is told.
      schedule_id: of the schedule that started it; '' for a person.
      state: of v2beta1, such as 'RUNNING'.
      created: None where that is not told.
      finished: None while it is going.
      reason: why it failed, as far as that is told; ''.
    """

    id: str
    name: str
    pipeline_id: str
    version_id: str
    schedule_id: str
    state: str
    parameters: Mapping[str, str]
    created: datetime | None
    finished: datetime | None
    reason: str

    @property
    def going(self) -> bool:
        """Whether it has not come to an end."""
        return self.state not in FINISHED and self.finished is None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> KubeflowRun:
        """Reads a Run; raises KubeflowError where it has no id."""
        reference = given.get("pipeline_version_reference") or {}
        state = str(given.get("state", "RUNTIME_STATE_UNSPECIFIED"))
        return cls(
            id=required(given, "run_id"),
            name=_text(given, "display_name"),
            pipeline_id=_text(reference, "pipeline_id"),
            version_id=_text(reference, "pipeline_version_id"),
            schedule_id=_text(given, "recurring_run_id"),
            state=state,
            parameters=_parameters(given),
            created=_time(given.get("created_at")),
            finished=_time(given.get("finished_at")),
            reason=_reason(given) if state == "FAILED" else "",
        )


def required(given: Mapping[str, Any], key: str) -> str:
    """The text of a key that every answer has; raises KubeflowError where this one has not."""
    if not isinstance(given.get(key), str):
        raise KubeflowError(
            f"Kubeflow Pipelines answers without `{key}`; its version is perhaps one before 2.0, "
            "which is not supported."
        )
    return str(given[key])


def _text(given: Mapping[str, Any], key: str) -> str:
    """What a terminal may show, on one line; '' where there is nothing."""
    text = str(given.get(key) or "")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _parameters(given: Mapping[str, Any]) -> dict[str, str]:
    parameters = (given.get("runtime_config") or {}).get("parameters") or {}
    return {name: str(value) for name, value in parameters.items() if value not in ("", None)}


def _reason(given: Mapping[str, Any]) -> str:
    """Of a failed run: what its failed steps say, or which they are; else what it says itself."""
    tasks = (given.get("run_details") or {}).get("task_details") or []
    failed = [
        (_text(task, "display_name"), _message(task))
        for task in tasks
        # The task of the whole run has no parent, and says nothing of its own.
        if task.get("state") == "FAILED" and task.get("parent_task_id")
    ]
    told = [f"{name}: {message}" for name, message in failed if message]
    history = [_message(entry) for entry in given.get("state_history") or []]
    own = [_message(given), *(message for message in reversed(history) if message)]
    named = [f"in {', '.join(name for name, _ in failed)}"] if failed else []
    return next((text for text in [*told, *own, *named] if text), "")


def _message(given: Mapping[str, Any]) -> str:
    return _text(given.get("error") or {}, "message")


def _time(text: str | None) -> datetime | None:
    """RFC 3339, of which Python 3.10 reads neither the Z nor nine digits of a second."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.rstrip("Z").partition(".")[0])
    except ValueError:
        return None
    # The end of what has not ended is told as 1970.
    return moment.replace(tzinfo=timezone.utc) if moment.year > 1970 else None
