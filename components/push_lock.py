"""One at a time at a push destination: a lock file beside its ledger, with its owner and time.

On file systems of a machine or a network the file is made only if it is not there (O_EXCL), which
one process alone can do. On gs:// TensorFlow's file system has no such call (the store has: an
upload with a generation to match, which TensorFlow does not pass on). There the lock is Fischer's:
write it where there is none, wait, and hold it if it is still one's own. Two that write at the same
moment both wait, and the later write stands. It holds as long as a write that has begun takes less
than the wait (Lamport, "A fast mutual exclusion algorithm", ACM TOCS 1987, section 2).

A killed process leaves its lock. So a holder renews it all the while, and a lock that was not
renewed for `STALE` seconds, by clocks that agree to within a minute, counts as left over. A run
that is tried again takes its own lock over at once: of one run, one step at a time is at work.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Final

import tensorflow as tf
from tfx.dsl.io import fileio

from catalogues.errors import InputError

STALE: Final = 120.0
"""Seconds without renewal after which a lock counts as left over."""
_RENEWED_EVERY: Final = 20.0
_WAIT: Final = STALE + 30.0
"""Seconds that another's lock is waited for: one that is left over is never in the way for good."""
_POLL: Final = 0.5
_SETTLE: Final = 5.0
"""Seconds after which a write on gs:// that began before must have ended."""


@dataclasses.dataclass(frozen=True)
class LockEntry:
    """What a lock file says.

    Attributes:
      owner: for people: who holds it, such as the id of a run.
      token: of this one time that it was taken.
      time: when it was last renewed, in seconds since 1970.
    """

    owner: str
    token: str
    time: float


class PushLock:
    """The lock that is held; made by `push_lock`."""

    def __init__(self, path: str, entry: LockEntry):
        self._path, self._entry = path, entry

    def check(self) -> None:
        """To be called right before what must not be done by two.

        Raises:
          InputError: the lock was taken over by another, or taken away.
        """
        found = _read(self._path)
        if found is None or found.token != self._entry.token:
            raise InputError(
                "The lock of the push destination was taken over meanwhile, so nothing more is "
                "done there; run again."
            )

    def renew(self) -> None:
        """Says that the holder lives; nothing where it is the holder no more."""
        with contextlib.suppress(InputError):
            self.check()
            self._entry = dataclasses.replace(self._entry, time=time.time())
            _replace(self._path, self._entry)

    def release(self) -> None:
        """Takes the lock away, if it is still one's own."""
        with contextlib.suppress(InputError, fileio.NotFoundError):
            self.check()
            fileio.remove(self._path)


@contextlib.contextmanager
def push_lock(path: str, owner: str) -> Iterator[PushLock]:
    """Keeps others out, from taking the lock to the end of the `with`.

    Args:
      path: of the lock file, in a folder that is there.
      owner: the id of a run, or who else it is; an owner takes over its own lock.

    Raises:
      InputError: another holds it, and goes on holding it.
    """
    entry = LockEntry(owner, uuid.uuid4().hex, time.time())
    deadline = time.monotonic() + _WAIT
    while not _taken(path, entry):
        found = _read(path)
        if found is None:
            continue
        if found.owner == owner or time.time() - found.time > STALE:
            _break(path, found)
        elif time.monotonic() > deadline:
            when = datetime.datetime.fromtimestamp(found.time).strftime("%Y-%m-%d %H:%M:%S")
            raise InputError(
                f"'{found.owner}' is at work at the push destination (last seen {when}); try "
                f"again when it is through. A lock that nobody renews is taken over after "
                f"{STALE:.0f} seconds."
            )
        else:
            time.sleep(_POLL)
            entry = dataclasses.replace(entry, time=time.time())
    lock, ended = PushLock(path, entry), threading.Event()

    def renew() -> None:
        while not ended.wait(_RENEWED_EVERY):
            lock.renew()

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield lock
    finally:
        ended.set()
        thread.join()
        lock.release()


def _taken(path: str, entry: LockEntry) -> bool:
    """Makes the lock file; whether it is one's own then."""
    if "://" not in path:
        try:
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        with os.fdopen(file, "w") as opened:
            opened.write(_text(entry))
        return True
    if fileio.exists(path):
        return False
    _replace(path, entry)
    time.sleep(_SETTLE)
    found = _read(path)
    return found is not None and found.token == entry.token


def _read(path: str) -> LockEntry | None:
    """None: there is none."""
    try:
        with fileio.open(path) as file:
            text = file.read()
    except (fileio.NotFoundError, tf.errors.NotFoundError):
        return None
    with contextlib.suppress(ValueError, TypeError):
        return LockEntry(**json.loads(text))
    # Made this moment, or by a process that was killed before it could write to it.
    try:
        made = 0.0 if "://" in path else os.stat(path).st_mtime
    except FileNotFoundError:
        return None
    return LockEntry("an unknown process", "", made)


def _break(path: str, left_over: LockEntry) -> None:
    """Takes away a lock that nobody holds.

    It is renamed first: of two that find it, one succeeds. What was taken away that way is put
    back if it is another lock by now, whose holder looks again before it does anything.
    """
    aside = f"{path}.{uuid.uuid4().hex}"
    try:
        fileio.rename(path, aside)
    except fileio.NotFoundError:
        return
    found = _read(aside)
    if found is not None and found.token != left_over.token and not fileio.exists(path):
        fileio.rename(aside, path)
    else:
        fileio.remove(aside)


def _replace(path: str, entry: LockEntry) -> None:
    # Beside, then renamed: a reader never sees half of it.
    beside = f"{path}.{entry.token}"
    with fileio.open(beside, "w") as file:
        file.write(_text(entry))
    fileio.rename(beside, path, overwrite=True)


def _text(entry: LockEntry) -> str:
    return json.dumps(dataclasses.asdict(entry)) + "\n"
