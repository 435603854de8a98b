"""The one console that the pipeline talks to a person through."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_SECONDS_BETWEEN_LINES: Final = 10.0
_ENOUGH: Final = 100
"""One of so many has to be done before the first that is told of a phase says how long it takes."""


@functools.cache
def console() -> Console:
    """Colour and moving bars on a terminal only; plain lines elsewhere."""
    return Console()


class Phases:
    """How far the phases of some work are, with the time that is left.

    Bars on a terminal. Elsewhere, as in a log file, a line now and then.

    Args:
      totals: what each phase counts up to.
    """

    def __init__(self, totals: Mapping[str, int]):
        self._totals = totals
        self._done = dict.fromkeys(totals, 0)
        self._bars = Progress(
            TextColumn("  {task.description:<40}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=console(),
            disable=not console().is_terminal,
            expand=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._paces: dict[str, _Pace] = {}
        self._last_line = self._last_advance = 0.0

    def __enter__(self) -> Phases:
        self._bars.start()
        self._last_line = self._last_advance = time.monotonic()
        for phase, total in self._totals.items():
            self._tasks[phase] = self._bars.add_task(phase, total=total)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def advance(self, phase: str, count: int = 1, note: str = "") -> None:
        """Counts `count` more of a phase; `note` stands beside its name from then on."""
        now = time.monotonic()
        if count and phase not in self._paces:
            self._paces[phase] = _Pace(self._last_advance, now, count)
        self._last_advance = now
        self._done[phase] += count
        description = f"{phase}: {note}" if note else phase
        self._bars.update(self._tasks[phase], advance=count, description=description)
        if not console().is_terminal and now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            done, total = self._done[phase], self._totals[phase]
            left = self._paces[phase].left(done, total, now) if done else "?"
            console().print(
                f"  {description}: {done:,} of {total:,}, ETA {left}",
                highlight=False,
                soft_wrap=True,
            )

    def skip(self, phase: str, count: int) -> None:
        """Starts a phase in which `count` were done before, so that they do not bend the ETA."""
        self.extend(phase, -count)

    def extend(self, phase: str, count: int) -> None:
        """Lets a phase count up to `count` more than was thought."""
        self._totals = {**self._totals, phase: self._totals[phase] + count}
        self._bars.update(self._tasks[phase], total=self._totals[phase])

    def end(self, phase: str) -> None:
        """Ends a phase that does less than was thought; one that did nothing is not shown."""
        done = self._done[phase]
        self._totals = {**self._totals, phase: done}
        self._bars.update(self._tasks[phase], total=done, visible=done > 0)


@dataclasses.dataclass(frozen=True)
class _Pace:
    """How fast a phase is.

    Attributes:
      before: when anything was told before the phase was. What was told of it first took the time
        since then, or less, where other work lies between the two.
      first: when anything of it was first told to be done.
      with_first: how many were done then.
    """

    before: float
    first: float
    with_first: int

    def left(self, done: int, total: int, now: float) -> str:
        """The minutes and seconds that the rest takes; ? where it cannot be said."""
        if done > self.with_first:
            seconds = (now - self.first) / (done - self.with_first)
        elif done * _ENOUGH >= total:
            seconds = (self.first - self.before) / done
        else:
            return "?"
        left = max(0.0, (total - done) * seconds)
        return f"{left // 60:.0f}:{left % 60:02.0f}"
