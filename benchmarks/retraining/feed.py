"""What arrives each day: a dated catalogue folder, and what is wrong with it."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import io
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np

from benchmarks.retraining.world import NUM_DESCRIPTORS, Snapshot, World, WorldSettings

Event = Literal["", "quiet", "corrupt", "poisoned", "killed"]

FIRST_DAY: Final = datetime.date(2026, 1, 1)
PATTERN: Final = "{YYYY}-{MM}-{DD}"

_SPEC: Final = f"""\
name: simulated
artists: {{table: artists.csv, id: artist_id, name: name}}
content:
  audio: {{columns: [{", ".join(f"d{place}" for place in range(NUM_DESCRIPTORS))}]}}
edges: {{table: edges.csv, source: source, target: target}}
"""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """On which days something happens; days count from 1.

    Attributes:
      quiet: days on which the catalogue is that of the day before.
      corrupt: the day whose table of artists breaks off in the middle of a row.
      poisoned: the day whose similarities name the wrong artists.
      killed: the day on which the runs are killed while they train.
    """

    quiet: tuple[int, ...]
    corrupt: int
    poisoned: int
    killed: int

    def event(self, day: int) -> Event:
        """What happens on a day, '' on an ordinary one."""
        if day in self.quiet:
            return "quiet"
        named: dict[int, Event] = {
            self.corrupt: "corrupt",
            self.poisoned: "poisoned",
            self.killed: "killed",
        }
        return named.get(day, "")

    def step(self, day: int) -> int:
        """How often the world has changed until a day."""
        return day - 1 - sum(1 < quiet <= day for quiet in self.quiet)


FULL: Final = Schedule(
    quiet=tuple(day for day in range(1, 366) if day % 7 in (3, 4)),
    corrupt=8,
    poisoned=15,
    killed=22,
)
"""Weekends bring nothing new; the first day is a Thursday, and so are those of the mishaps."""

QUICK: Final = Schedule(quiet=(2,), corrupt=3, poisoned=4, killed=5)


def date_of(day: int) -> str:
    """'2026-01-01' for day 1: the name of its folder."""
    return (FIRST_DAY + datetime.timedelta(days=day - 1)).isoformat()


class Feed:
    """Writes each day's catalogue twice: as it arrives, and as it should have been.

    Args:
      folder: gets `arrived/<date>` and `clean/<date>`.
      schedule: what happens on which day.
      settings: of the world.
    """

    def __init__(self, folder: Path, schedule: Schedule, settings: WorldSettings):
        self._folder, self._schedule, self._settings = folder, schedule, settings
        self._world = World(settings)

    @property
    def arrived(self) -> Path:
        """The folder that a pipeline looks for its newest span in."""
        return self._folder / "arrived"

    def snapshot(self, day: int) -> Snapshot:
        """The truth of a day."""
        return self._world.at(self._schedule.step(day))

    def clean(self, day: int) -> Path:
        """A day's catalogue as it should have been; written where it is not there yet."""
        truth = self.snapshot(day)
        return _written(self._folder / "clean" / date_of(day), truth, truth.edges)

    def deliver(self, day: int) -> Path:
        """A day's catalogue as it arrives; written where it is not there yet."""
        truth, event = self.snapshot(day), self._schedule.event(day)
        edges = truth.edges
        if event == "poisoned":
            edges = misnamed(edges, np.random.default_rng([self._settings.seed, day]))
        return _written(self.arrived / date_of(day), truth, edges, cut=event == "corrupt")


def misnamed(edges: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The edges with their second ends shuffled, as by a join on the wrong column.

    Args:
      edges: [num_edges, 2] int64.
      rng: of the order.

    Returns:
      [at most num_edges, 2] int64: no artist beside itself, no pair twice.
    """
    pairs = np.stack([edges[:, 0], rng.permutation(edges[:, 1])], axis=1)
    pairs = np.unique(np.sort(pairs, axis=1)[:, ::-1], axis=0)
    kept: np.ndarray = pairs[pairs[:, 0] != pairs[:, 1]]
    return kept


def broken_off(table: bytes) -> bytes:
    """The first half of a CSV table, up to the first sign after the first comma of a row."""
    return table[: table.index(b",", table.index(b"\n", len(table) // 2)) + 2]


def _written(folder: Path, truth: Snapshot, edges: np.ndarray, cut: bool = False) -> Path:
    """Written beside and renamed, so that a span is there whole or not at all."""
    if folder.exists():
        return folder
    heading = ["artist_id", "name", *(f"d{place}" for place in range(NUM_DESCRIPTORS))]
    rows = [
        [key, name, *(f"{value:.4f}" for value in sound)]
        for key, name, sound in zip(truth.ids, truth.names, truth.audio.tolist(), strict=True)
    ]
    pairs = [[truth.ids[first], truth.ids[second]] for first, second in edges.tolist()]
    artists = _csv([heading, *rows])
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Outside the folder that spans are looked for in.
    beside = Path(tempfile.mkdtemp(prefix=".span-", dir=folder.parent.parent))
    try:
        (beside / "catalogue.yaml").write_text(_SPEC)
        (beside / "artists.csv").write_bytes(broken_off(artists) if cut else artists)
        (beside / "edges.csv").write_bytes(_csv([["source", "target"], *pairs]))
        beside.chmod(0o755)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
