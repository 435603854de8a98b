"""The one console that the pipeline talks to a person through."""

from __future__ import annotations

import functools

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@functools.cache
def console() -> Console:
    """Colour and moving bars on a terminal only; plain lines elsewhere."""
    return Console()


def progress_bars() -> Progress:
    """Bars with the elapsed time and the time that is left, to be used as a context."""
    return Progress(
        TextColumn("  {task.description:<40}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=console(),
    )
