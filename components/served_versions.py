"""The pushed versions of a model and a ledger of where each came from, for all steps to read.

A step on Kubeflow Pipelines has its artifacts and no connection to the metadata store. Nothing is
pushed that was not blessed, so the push destination itself tells the latest blessed model; the
ledger beside it tells which model that was. TF Serving, which reads the destination, never sees
the ledger, nor the quarantine beside it, where versions lie that were taken back.

Of a push destination `<root>`:

  <root>/<version>/                       what is served: the newest
  <root>.ledger/<version>.json            where it came from, a Push
  <root>.ledger/<version>.taken_back.json why it is served no more, a TakenBack
  <root>.ledger/lock                      held while any of this is changed
  <root>.ledger/run                       the lease of the run that is under way
  <root>.quarantine/<version>/            what was taken back
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from tfx.dsl.io import fileio
from tfx.utils import io_utils

from components.push_lock import PushLock, push_lock
from components.run_lease import RunLease

_LEDGER: Final = ".ledger"
_QUARANTINE: Final = ".quarantine"
_LOCK: Final = "lock"
_RUN: Final = "run"
_PUSHED: Final = "json"
_TAKEN_BACK: Final = "taken_back.json"
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
        None where that is not told by a version.
      scores: nDCG@200 by condition, [value, low, high]; empty where it is not known.
    """

    version: int
    model: str
    run: str
    time: int
    compared_with: int | None
    scores: Mapping[str, list[float]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class TakenBack:
    """Why a version is served no more.

    Attributes:
      version: its number, which no other version is given.
      reason: one sentence.
      by: the id of the run that took it back, or who else did.
      time: when, in seconds since 1970.
    """

    version: int
    reason: str
    by: str
    time: int


Note = TypeVar("Note", Push, TakenBack)


class ServedVersions:
    """The versions below a push destination.

    Args:
      root: a folder, or a URI that TFX can read.
    """

    def __init__(self, root: str):
        self._root = root.rstrip("/")
        self._ledger = self._root + _LEDGER
        self._quarantine = self._root + _QUARANTINE

    @contextlib.contextmanager
    def lock(self, owner: str) -> Iterator[PushLock]:
        """Keeps others from pushing and taking back; see `components/push_lock.py`.

        Raises:
          InputError: another is at work and stays there.
        """
        fileio.makedirs(self._ledger)
        with push_lock(os.path.join(self._ledger, _LOCK), owner) as lock:
            yield lock

    def lease(self, run: str) -> RunLease:
        """What keeps other runs out from a run's first step to its last."""
        return RunLease(os.path.join(self._ledger, _RUN), run)

    def folder(self, version: int) -> str:
        """The folder of a version."""
        return os.path.join(self._root, str(version))

    def quarantine(self, version: int) -> str:
        """The folder of a version that was taken back."""
        return os.path.join(self._quarantine, str(version))

    def latest(self, other_than: str = "") -> int:
        """The newest complete version that is not of one model; 0: there is none.

        A version that is gone or was taken back does not count, not even while its folder is still
        being moved; one without an entry in the ledger does.

        Args:
          other_than: the URI of that model's artifact.
        """
        entries = self.entries()
        found = [
            version
            for version in self.served()
            if not (version in entries and entries[version].model == other_than)
        ]
        return max(found, default=0)

    def served(self) -> list[int]:
        """The complete versions that were not taken back, the oldest first."""
        gone = self.taken_back()
        return sorted(v for v in self._versions() if v not in gone and self.is_complete(v))

    def push_of(self, model: str) -> Push | None:
        """The newest push of a model, finished or not."""
        pushes = [push for push in self.entries().values() if push.model == model]
        return max(pushes, key=lambda push: push.version, default=None)

    def is_complete(self, version: int) -> bool:
        """Whether all of it is there."""
        return fileio.exists(os.path.join(self.folder(version), _MODEL_FILE))

    def entries(self) -> Mapping[int, Push]:
        """The ledger of pushes, by version."""
        return {version: _read(Push, told) for version, told in self._notes(_PUSHED)}

    def taken_back(self) -> Mapping[int, TakenBack]:
        """The ledger of versions that were taken back, by version."""
        found = {version: _read(TakenBack, told) for version, told in self._notes(_TAKEN_BACK)}
        for version in self._numbers(self._quarantine):
            # On its way back to be served, when somebody was killed.
            found.setdefault(version, TakenBack(version, "It was being restored.", "", 0))
        return found

    def unfinished(self) -> list[int]:
        """Versions that were taken back and whose folders are still to be moved."""
        return sorted(version for version in self.taken_back() if version in self._versions())

    def is_quarantined(self, version: int) -> bool:
        """Whether the folder of a version that was taken back is there."""
        return fileio.isdir(self.quarantine(version))

    def push(
        self,
        model_path: str,
        *,
        model: str,
        run: str,
        compared_with: int,
        scores: Mapping[str, list[float]],
        lock: PushLock,
    ) -> Push:
        """Copies a SavedModel to a version newer than all that there ever were.

        The entry is written first and `saved_model.pb` last: one that is killed between leaves
        what is served as it was, and is taken up again by the next push of the same model.

        Args:
          model_path: of the SavedModel.
          model: the URI of the Model artifact.
          run: the id of the run.
          compared_with: the version that it was judged beside.
          scores: nDCG@200 by condition, [value, low, high].
          lock: that is held.

        Raises:
          InputError: the lock was lost.
        """
        push = self.push_of(model)
        if push is None or push.version < max(self._versions(), default=0):
            now = int(time.time())
            # Whatever the clock says: TF Serving serves the highest.
            used = [*self._versions(), *self.entries(), *self.taken_back()]
            version = max(now, max(used, default=0) + 1)
            push = Push(version, model, run, now, compared_with, scores)
            lock.check()
            self.note(push)
        folder = self.folder(push.version)
        io_utils.copy_dir(model_path, folder, deny_regex_patterns=[r"/saved_model\.pb$"])
        lock.check()
        _copy_model_file(model_path, folder)
        return push

    def take_back(self, version: int, *, reason: str, by: str, lock: PushLock) -> TakenBack:
        """Moves a version to the quarantine, so that the one before it is served.

        The reason is written first. From then on the version counts no more, and whoever is killed
        before the folder is moved has it moved by the next that takes this version back. Moving is
        one act, but on gs://, which has no folders: there the version is copied, then taken away
        file by file, `saved_model.pb` first.

        Args:
          version: that is there, or was taken back in part.
          reason: one sentence.
          by: who takes it back.
          lock: that is held.

        Returns:
          What the ledger says; of a version that was taken back before, what it said then.

        Raises:
          InputError: the lock was lost.
        """
        lock.check()
        taken = dict(self._notes(_TAKEN_BACK)).get(version)
        if taken is None:
            note = TakenBack(version, reason, by, int(time.time()))
            self._write(version, _TAKEN_BACK, note)
        else:
            note = _read(TakenBack, taken)
        self._move(self.folder(version), self.quarantine(version))
        return note

    def restore(self, version: int, lock: PushLock) -> None:
        """Puts a version back that was taken back: the reason first, then the folder.

        Args:
          version: that lies in the quarantine.
          lock: that is held.

        Raises:
          InputError: the lock was lost.
        """
        lock.check()
        path = self._note_path(version, _TAKEN_BACK)
        if fileio.exists(path):
            fileio.remove(path)
        self._move(self.quarantine(version), self.folder(version))

    def note(self, push: Push) -> None:
        """Writes an entry of the ledger."""
        self._write(push.version, _PUSHED, push)

    def _versions(self) -> list[int]:
        return self._numbers(self._root)

    def _numbers(self, folder: str) -> list[int]:
        if not fileio.isdir(folder):
            return []
        names = (name.rstrip("/") for name in fileio.listdir(folder))
        return [int(name) for name in names if name.isdigit()]

    def _move(self, source: str, target: str) -> None:
        if not fileio.isdir(source):
            return
        fileio.makedirs(os.path.dirname(target))
        if "://" not in source:
            os.rename(source, target)
            return
        if fileio.exists(os.path.join(source, _MODEL_FILE)):
            # Whole; otherwise the copy is, and somebody was killed while the rest was taken away.
            deny = [r"/saved_model\.pb$"]
            io_utils.copy_dir(source, target, deny_regex_patterns=deny)
            _copy_model_file(source, target)
            fileio.remove(os.path.join(source, _MODEL_FILE))
        fileio.rmtree(source)

    def _notes(self, kind: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        if not fileio.isdir(self._ledger):
            return
        for name in fileio.listdir(self._ledger):
            version, _, ending = name.rstrip("/").partition(".")
            if version.isdigit() and ending == kind:
                with fileio.open(os.path.join(self._ledger, name)) as file:
                    yield int(version), json.load(file)

    def _note_path(self, version: int, kind: str) -> str:
        return os.path.join(self._ledger, f"{version}.{kind}")

    def _write(self, version: int, kind: str, note: Push | TakenBack) -> None:
        fileio.makedirs(self._ledger)
        path = self._note_path(version, kind)
        # Beside, then renamed: a reader never sees half an entry.
        with fileio.open(f"{path}.writing", "w") as file:
            file.write(json.dumps(dataclasses.asdict(note), indent=1) + "\n")
        fileio.rename(f"{path}.writing", path, overwrite=True)


def _copy_model_file(source: str, target: str) -> None:
    path = os.path.join(target, _MODEL_FILE)
    # Beside, then renamed: half a file would count as a whole version.
    io_utils.copy_file(os.path.join(source, _MODEL_FILE), f"{path}.writing", overwrite=True)
    fileio.rename(f"{path}.writing", path, overwrite=True)


def _read(kind: type[Note], given: Mapping[str, Any]) -> Note:
    # What an older program wrote has fewer keys.
    names = (field.name for field in dataclasses.fields(kind))
    return kind(**{name: given[name] for name in names if name in given})
