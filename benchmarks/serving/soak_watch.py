"""What a server takes of the machine while it is soaked, and whether that stays the same."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

MIB: Final = 2**20

_WARM: Final = 0.1
"""Share of the requests until which memory may grow as it will."""

_MOST_GROWTH: Final = 0.05
_MORE: Final = {"fds": 8, "threads": 4}
"""Descriptors and threads that may come beside those of the first quarter: a version that is loaded
has files open, and pools of threads grow until their limit."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """Of a process, at one time.

    Attributes:
      asked: requests that have been answered.
      rss: bytes of memory.
      fds: open file descriptors.
      threads: of the process.
    """

    asked: int
    rss: int
    fds: int
    threads: int


def sample(pid: int, asked: int) -> Sample:
    """Reads /proc, which Linux has.

    Raises:
      OSError: there is no such process.
    """
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    fds = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Sample(asked, int(status["VmRSS"].split()[0]) * 1024, fds, int(status["Threads"]))


class Watch:
    """Takes a sample every so often in a `with`.

    Args:
      pid: of the process.
      asked: gives the number of answered requests.
      seconds: between two samples.

    Attributes:
      samples: in the order in which they were taken.
    """

    def __init__(self, pid: int, asked: Callable[[], int], seconds: float = 0.25):
        self._pid, self._asked, self._seconds = pid, asked, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.samples: list[Sample] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self.samples.append(sample(self._pid, self._asked()))
            except OSError:
                return  # It has ended, which is seen elsewhere.


@dataclasses.dataclass(frozen=True)
class Course:
    """How a figure went, from the first to the last quarter of the requests after the warm-up.

    Attributes:
      first: median of the first quarter.
      last: median of the last quarter.
      most: of all.
      slope: of the line through all, per 10,000 requests.
    """

    first: float
    last: float
    most: float
    slope: float

    @property
    def growth(self) -> float:
        """Share of the first quarter."""
        return self.last / self.first - 1


def course_of(samples: list[Sample], figure: str) -> Course:
    """Of `rss`, `fds` or `threads`.

    Raises:
      ValueError: there are too few samples for quarters.
    """
    most = max(one.asked for one in samples)
    warm = [one for one in samples if one.asked >= _WARM * most]
    asked = np.array([one.asked for one in warm], float)
    values = np.array([getattr(one, figure) for one in warm], float)
    start = asked.min()
    quarter = (asked.max() - start) / 4
    first, last = values[asked <= start + quarter], values[asked >= asked.max() - quarter]
    if quarter == 0 or len(warm) < 8:
        raise ValueError("The soak was too short to see a course; ask more requests.")
    slope = np.polyfit(asked, values, 1)[0] * 10_000
    return Course(
        float(np.median(first)), float(np.median(last)), float(values.max()), float(slope)
    )


def faults_of(courses: dict[str, Course], judge_memory: bool) -> list[str]:
    """A sentence for each figure that did not stay the same.

    Args:
      courses: by figure.
      judge_memory: not in a soak so short that it is all warm-up.
    """
    rss = courses["rss"]
    found = []
    if judge_memory and rss.growth > _MOST_GROWTH:
        found.append(
            f"Memory grew from {rss.first / MIB:.0f} to {rss.last / MIB:.0f} MiB, by "
            f"{rss.growth:.1%}; at most {_MOST_GROWTH:.0%} may come."
        )
    for figure, more in _MORE.items():
        course = courses[figure]
        if course.last > course.first + more:
            found.append(f"{figure} grew from {course.first:.0f} to {course.last:.0f}.")
    return found
