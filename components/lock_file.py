"""A file that only one can hold: made, renewed and taken away on any file system that TFX reads.

On file systems of a machine or a network the file is made only if it is not there (O_EXCL), which
one process alone can do. On gs:// TensorFlow's file system has no such call (the store has: an
upload with a generation to match, which TensorFlow does not pass on). There the lock is Fischer's:
write it where there is none, wait, and hold it if it is still one's own. Two that write at the same
moment both wait, and the later write stands. It holds as long as a write that has begun takes less
than the wait (Lamport, "A fast mutual exclusion algorithm", ACM TOCS 1987, section 2).

A killed process leaves its file. So a file says until when it counts unless it is renewed, by
clocks that agree to within a minute.
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
from collections.abc import Callable, Iterator
from typing import Final

import tensorflow as tf
from tfx.dsl.io import fileio

STALE: Final = 120.0
"""Seconds without renewal after which the file of a process at work counts as left over."""
RENEWED_EVERY: Final = 20.0
_SETTLE: Final = 5.0
"""Seconds after which a write on gs:// that began before must have ended."""


@dataclasses.dataclass(frozen=True)
class LockEntry:
    """What a lock file says.

    Attributes:
      owner: for people: who holds it, such as the id of a run.
      token: by which the holder knows its own.
      time: when it was last renewed, in seconds since 1970.
      until: when it counts as left over unless it is renewed, in the same.
    """

    owner: str
    token: str
    time: float
    until: float

    @property
    def seen(self) -> str:
        """When it was last renewed, for people."""
        return clock(self.time)

    @property
    def left_over(self) -> bool:
        """Whether nobody holds it any more."""
        return time.time() > self.until


def clock(seconds: float) -> str:
    """A time in seconds since 1970 for people, whose machines are anywhere."""
    when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return when.strftime("%Y-%m-%d %H:%M:%S UTC")


def entry_of(owner: str, token: str, lasting: float = STALE) -> LockEntry:
    """An entry of this moment, which counts for so many seconds."""
    now = time.time()
    return LockEntry(owner, token, now, now + lasting)


def make(path: str, entry: LockEntry) -> bool:
    """Makes the file, if there is none; whether it is one's own then."""
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
    replace(path, entry)
    time.sleep(_SETTLE)
    found = read(path)
    return found is not None and found.token == entry.token


def read(path: str) -> LockEntry | None:
    """What the file says; None: there is none."""
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
    return LockEntry("an unknown process", "", made, made + STALE)


def break_left_over(path: str, left_over: LockEntry) -> None:
    """Takes away a file that nobody holds.

    It is renamed first: of two that find it, one succeeds. What was taken away that way is put
    back if it is another one by now, whose holder looks again before it does anything.
    """
    aside = f"{path}.{uuid.uuid4().hex}"
    try:
        fileio.rename(path, aside)
    except fileio.NotFoundError:
        return
    found = read(aside)
    if found is not None and found.token != left_over.token and not fileio.exists(path):
        fileio.rename(aside, path)
    else:
        fileio.remove(aside)


def replace(path: str, entry: LockEntry) -> None:
    """Writes another entry; beside, then renamed, so that a reader never sees half of it."""
    beside = f"{path}.{uuid.uuid4().hex}"
    with fileio.open(beside, "w") as file:
        file.write(_text(entry))
    fileio.rename(beside, path, overwrite=True)


def release(path: str, token: str) -> None:
    """Takes the file away, if it is one's own."""
    found = read(path)
    if found is not None and found.token == token:
        with contextlib.suppress(fileio.NotFoundError):
            fileio.remove(path)


@contextlib.contextmanager
def renewing(renew: Callable[[], None]) -> Iterator[None]:
    """Calls `renew` every now and then, to the end of the `with`."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(RENEWED_EVERY):
            renew()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _text(entry: LockEntry) -> str:
    return json.dumps(dataclasses.asdict(entry)) + "\n"
