"""One at a time at a push destination: a lock file beside its ledger (`components/lock_file.py`).

A holder renews its lock all the while, so one that is left over by a killed process is taken over.
A run that is tried again takes its own lock over at once: of one run, one step at a time is at
work there.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from typing import Final

from catalogues.errors import InputError
from components import lock_file
from components.lock_file import LockEntry

_WAIT: Final = lock_file.STALE + 30.0
"""Seconds that another's lock is waited for: one that is left over is never in the way for good."""
_POLL: Final = 0.5


class PushLock:
    """The lock that is held; made by `push_lock`."""

    def __init__(self, path: str, entry: LockEntry):
        self._path, self._entry = path, entry

    def check(self) -> None:
        """To be called right before what must not be done by two.

        Raises:
          InputError: the lock was taken over by another, or taken away.
        """
        found = lock_file.read(self._path)
        if found is None or found.token != self._entry.token:
            raise InputError(
                "The lock of the push destination was taken over meanwhile, so nothing more is "
                "done there; run again."
            )

    def renew(self) -> None:
        """Says that the holder lives; nothing where it is the holder no more."""
        with contextlib.suppress(InputError):
            self.check()
            self._entry = lock_file.entry_of(self._entry.owner, self._entry.token)
            lock_file.replace(self._path, self._entry)

    def release(self) -> None:
        """Takes the lock away, if it is still one's own."""
        lock_file.release(self._path, self._entry.token)


@contextlib.contextmanager
def push_lock(path: str, owner: str) -> Iterator[PushLock]:
    """Keeps others out, from taking the lock to the end of the `with`.

    Args:
      path: of the lock file, in a folder that is there.
      owner: the id of a run, or who else it is; an owner takes over its own lock.

    Raises:
      InputError: another holds it, and goes on holding it.
    """
    token = uuid.uuid4().hex
    deadline = time.monotonic() + _WAIT
    while not lock_file.make(path, entry := lock_file.entry_of(owner, token)):
        found = lock_file.read(path)
        if found is None:
            continue
        if found.owner == owner or found.left_over:
            lock_file.break_left_over(path, found)
        elif time.monotonic() > deadline:
            raise InputError(
                f"'{found.owner}' is at work at the push destination (last seen {found.seen}); "
                f"try again when it is through. A lock that nobody renews is taken over after "
                f"{lock_file.STALE:.0f} seconds."
            )
        else:
            time.sleep(_POLL)
    lock = PushLock(path, entry)
    try:
        with lock_file.renewing(lock.renew):
            yield lock
    finally:
        lock.release()
