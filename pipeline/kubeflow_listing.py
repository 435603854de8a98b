"""Runs and schedules on Kubeflow Pipelines as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from catalogues.errors import InputError
from pipeline.kubeflow_records import KubeflowRun, KubeflowSchedule
from pipeline.kubeflow_schedule import Every, backend_schedule

_STATES: Final = {
    "PENDING": "waiting",
    "RUNNING": "running",
    "SUCCEEDED": "succeeded",
    "SKIPPED": "skipped",
    "FAILED": "failed",
    "CANCELING": "being cancelled",
    "CANCELED": "cancelled",
    "PAUSED": "paused",
}
_ID_SHOWN: Final = 8


def print_kubeflow_runs(
    runs: Sequence[KubeflowRun],
    schedules: Mapping[str, str],
    versions: Mapping[str, str],
    screen: Console,
) -> None:
    """A line a run, and below what is long: changed parameters, and why runs failed.

    Args:
      runs: in the order to be shown.
      schedules: names by id.
      versions: names by id.
      screen: to print on.
    """
    table = _table("run", "started (UTC)", "took", "state", "by", "version")
    for run in runs:
        by = schedules.get(run.schedule_id, "a schedule that is gone")
        table.add_row(
            *_cells(
                run.id[:_ID_SHOWN],
                _minute(run.created),
                _took(run),
                _STATES.get(run.state, "unknown"),
                by if run.schedule_id else "hand",
                versions.get(run.version_id, ""),
            )
        )
    screen.print(table)
    for run in runs:
        _print_note(run.id[:_ID_SHOWN], parameters_shown(run.parameters), screen)
        _print_note(run.id[:_ID_SHOWN], run.reason and f"failed: {run.reason}", screen)


def print_kubeflow_schedules(
    schedules: Sequence[KubeflowSchedule], versions: Mapping[str, str], screen: Console
) -> None:
    """A line a schedule, and below its parameters; `versions` has their names by id."""
    table = _table("schedule", "state", "cron", "next (UTC)", "version")
    for schedule in schedules:
        coming = next_time(schedule)
        table.add_row(
            *_cells(
                schedule.name,
                "enabled" if schedule.enabled else "paused",
                schedule.cron,
                _minute(coming),
                versions.get(schedule.version_id, ""),
            )
        )
    screen.print(table)
    for schedule in schedules:
        _print_note(schedule.name, parameters_shown(schedule.parameters), screen)


def next_time(schedule: KubeflowSchedule) -> datetime | None:
    """When a schedule starts its next run, if it is known: not where it counts from its last."""
    if not schedule.enabled:
        return None
    try:
        times = backend_schedule(schedule.cron)
    except InputError:
        return None
    if isinstance(times, Every):
        return None
    return next(iter(times.next_times(datetime.now(timezone.utc), 1)), None)


def parameters_shown(parameters: Mapping[str, str]) -> str:
    """Such as 'span=2026-01-31'; '' for none."""
    return ", ".join(f"{name}={value}" for name, value in sorted(parameters.items()))


def _print_note(of: str, text: str, screen: Console) -> None:
    if text:
        screen.print(Text(f"{of}  {text}"), soft_wrap=True)


def _table(*titles: str) -> Table:
    table = Table(*titles, box=None, padding=(0, 1, 0, 0))
    for column in table.columns:
        column.overflow = "fold"
    return table


def _cells(*values: str) -> list[Text]:
    """Not as rich's markup: they may hold brackets."""
    return [Text(value or "–") for value in values]


def _minute(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M}" if time else ""


def _took(run: KubeflowRun) -> str:
    if run.created is None or run.finished is None:
        return ""
    minutes, seconds = divmod(max(int((run.finished - run.created).total_seconds()), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
