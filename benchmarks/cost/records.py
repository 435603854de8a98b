"""What each process of the cost suite measured: a JSON file each, told by the code it is of."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.store import write_json

_ROOT: Final = Path(__file__).parents[2]
_BUILDER: Final = (
    "benchmarks/cost/catalogue.py",
    "benchmarks/cost/measure.py",
    "components/catalogue_example_gen/*.py",
    "catalogues/**/*.py",
)
_OURS: Final = ("benchmarks/cost/measure.py", "benchmarks/cost/training.py", "trainer/**/*.py")
_PIPELINE: Final = tuple(
    f"{folder}/**/*.py" for folder in ("catalogues", "components", "pipeline", "trainer")
)
_CODE: Final[Mapping[str, tuple[str, ...]]] = {
    "graph": _BUILDER,
    "workers": ("components/direct_runner.py", *_BUILDER),
    "steps": ("benchmarks/cost/steps.py", *_BUILDER),
    "pandas": ("benchmarks/cost/catalogue.py", "benchmarks/cost/measure.py"),
    "sampler": ("benchmarks/cost/catalogue.py", "benchmarks/cost/sampler.py"),
    "epoch": _OURS,
    "embed": _OURS,
    "training": _OURS,
    "score": _OURS,
    "others": ("benchmarks/cost/others/*.py", "benchmarks/cost/requirements-*.txt"),
    "bound": ("benchmarks/cost/bound.py", *_OURS),
    "profile": ("benchmarks/cost/profile.py", *_OURS),
    "start": _PIPELINE,
    "whole": _PIPELINE,
}
"""What a measurement is of: the files whose change makes it one of other code."""
_ASIDE: Final = ("trainer/console.py", "pipeline/flink/*", "pipeline/kubeflow_*.py")
"""Not of them: what somebody is told meanwhile, and what no run on one machine reads."""
_PLAYS: Final = "components/catalogue_example_gen/listening*.py"
_WITHOUT_PLAYS: Final = ("graph", "workers", "steps", "whole")
"""Of the synthetic catalogues, which have none."""


class Records:
    """The records of a folder.

    Those of other code are measured again when their turn comes; until then the page shows them,
    and says so.

    Args:
      folder: of the files.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def has(self, name: str, what: str) -> bool:
        """Whether this was measured, of the code as it is now.

        Args:
          name: of the record.
          what: it is of, a key of `code_of`.
        """
        path = self._path(name)
        return path.exists() and json.loads(path.read_text())["code"] == code_of(what)

    def keep(self, name: str, what: str, record: Mapping[str, Any]) -> None:
        """Writes a record, with its code, the day and the load; rounds of other code go."""
        added = {
            "what": what,
            "code": code_of(what),
            "day": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            "load": round(os.getloadavg()[0], 1),
        }
        write_json(self._path(name), {**added, **record})
        for path in self._folder.glob(f"{name.rpartition('-')[0]}-*.json"):
            if json.loads(path.read_text())["code"] != added["code"]:
                path.unlink()

    def find(self, pattern: str) -> list[dict[str, Any]]:
        """The records whose names match, sorted by name."""
        return [
            json.loads(path.read_text()) for path in sorted(self._folder.glob(f"{pattern}.json"))
        ]

    def outdated(self) -> list[str]:
        """What has records of other code, sorted."""
        every = self.find("*")
        return sorted({one["what"] for one in every if one["code"] != code_of(one["what"])})

    def days(self) -> list[str]:
        """The first and the last day of all records; empty where there is none."""
        days = sorted({one["day"] for one in self.find("*")})
        return days[:1] + days[-1:] if len(days) > 1 else days

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def code_of(what: str) -> str:
    """Of the files that a measurement is of, 12 hex digits."""
    found = hashlib.sha256()
    files = {path for part in _CODE[what] for path in _ROOT.glob(part)}
    others = (*_ASIDE, _PLAYS) if what in _WITHOUT_PLAYS else _ASIDE
    aside = {path for part in others for path in _ROOT.glob(part)}
    for path in sorted(files - aside):
        found.update(f"{path.relative_to(_ROOT)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:12]


def record_name(what: str, catalogue: str, form: str, number: int | str) -> str:
    """What the record of a process is called.

    Args:
      what: was measured.
      catalogue: of which.
      form: in which way.
      number: of the round; '*' for a pattern of all.
    """
    return f"{what}-{catalogue}-{form}-{number}"
