"""The pushed versions of a model and a ledger of where each came from, for all steps to read.

A step on Kubeflow Pipelines has its artifacts and no connection to the metadata store. Nothing is
pushed that was not blessed, so the push destination itself tells the latest blessed model; the
ledger beside it tells which model that was. TF Serving, which reads the destination, never sees
the ledger.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Mapping
from typing import Any, Final

from tfx.dsl.io import fileio
from tfx.utils import io_utils

_LEDGER: Final = ".ledger"
_MODEL_FILE: Final = "saved_model.pb"
"""Copied last: a version is complete when it is there."""


@dataclasses.dataclass(frozen=True)
class Push:
    """An entry of the ledger.

    Attributes:
      version: the name of the version's folder, a number that grows.
      model: the URI of the Model artifact.
      run: the id of the run.
      time: when, in seconds since 1970.
      compared_with: the version of the blessed model that it was judged beside; 0: there was none.
    """

    version: int
    model: str
    run: str
    time: int
    compared_with: int


class ServedVersions:
    """The versions below a push destination.

    Args:
      root: a folder, or a URI that TFX can read.
    """

    def __init__(self, root: str):
        self._root = root.rstrip("/")
        self._ledger = self._root + _LEDGER

    def folder(self, version: int) -> str:
        """The folder of a version."""
        return os.path.join(self._root, str(version))

    def latest(self, other_than: str) -> int:
        """The newest complete version that is not of one model; 0: there is none.

        A version that is gone, such as one that was taken back, does not count; one without an
        entry in the ledger does.

        Args:
          other_than: the URI of that model's artifact.
        """
        entries = self.entries()
        found = [
            version
            for version in self._versions()
            if self.is_complete(version)
            and not (version in entries and entries[version].model == other_than)
        ]
        return max(found, default=0)

    def push_of(self, model: str) -> Push | None:
        """The newest push of a model, finished or not."""
        pushes = [push for push in self.entries().values() if push.model == model]
        return max(pushes, key=lambda push: push.version, default=None)

    def is_complete(self, version: int) -> bool:
        """Whether all of it is there."""
        return fileio.exists(os.path.join(self.folder(version), _MODEL_FILE))

    def entries(self) -> Mapping[int, Push]:
        """The ledger, by version."""
        if not fileio.isdir(self._ledger):
            return {}
        found = {}
        for name in fileio.listdir(self._ledger):
            version, _, ending = name.rstrip("/").partition(".")
            if version.isdigit() and ending == "json":
                with fileio.open(os.path.join(self._ledger, name)) as file:
                    found[int(version)] = _read_push(json.load(file))
        return found

    def push(self, model_path: str, *, model: str, run: str, compared_with: int) -> Push:
        """Copies a SavedModel to a version newer than all that there are.

        The entry is written first and `saved_model.pb` last: one that is killed between leaves
        what is served as it was, and is taken up again by the next push of the same model.

        Args:
          model_path: of the SavedModel.
          model: the URI of the Model artifact.
          run: the id of the run.
          compared_with: the version that it was judged beside.
        """
        push = self.push_of(model)
        if push is None or push.version < max(self._versions(), default=0):
            now = int(time.time())
            # Whatever the clock says: TF Serving serves the highest.
            version = max(now, max([*self._versions(), *self.entries()], default=0) + 1)
            push = Push(version, model, run, now, compared_with)
            self._write(push)
        folder = self.folder(push.version)
        io_utils.copy_dir(model_path, folder, deny_regex_patterns=[r"/saved_model\.pb$"])
        io_utils.copy_file(os.path.join(model_path, _MODEL_FILE), os.path.join(folder, _MODEL_FILE))
        return push

    def _versions(self) -> list[int]:
        if not fileio.isdir(self._root):
            return []
        names = (name.rstrip("/") for name in fileio.listdir(self._root))
        return [int(name) for name in names if name.isdigit()]

    def _write(self, push: Push) -> None:
        fileio.makedirs(self._ledger)
        path = os.path.join(self._ledger, f"{push.version}.json")
        # Beside, then renamed: a reader never sees half an entry.
        with fileio.open(f"{path}.writing", "w") as file:
            file.write(json.dumps(dataclasses.asdict(push), indent=1) + "\n")
        fileio.rename(f"{path}.writing", path, overwrite=True)


def _read_push(given: Mapping[str, Any]) -> Push:
    return Push(**{field.name: given[field.name] for field in dataclasses.fields(Push)})
