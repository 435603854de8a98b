"""One run at a time: the first step of a run takes a lease of the push destination for all of them.

A step on Kubeflow Pipelines is a container of its own, so no process holds on to anything from a
run's first step to its last. The lease is a file beside the ledger (`components/lock_file.py`) that
belongs to a run. Each of its steps renews it while it is at work, and leaves it for half an hour to
the next, whose container takes its time to come; the step that ends the run takes it away. A run
that is killed inside a step holds it for two minutes more, and one that is ended between two steps
for half an hour. Where it lapsed because the next container took longer, the run takes it again, if
no other has: of two runs one goes on, whatever happens.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Final

from tfx.dsl.io import fileio

from catalogues.errors import InputError
from components import lock_file

BETWEEN_STEPS: Final = 1800.0
"""Seconds that the next step's container has to come: with a node that must be started first."""


class RunLease:
    """A run's lease.

    Args:
      path: of the file; its folder is made where there is none.
      run: the id of the run, by which all of its steps know the lease.
    """

    def __init__(self, path: str, run: str):
        self._path, self._run = path, run

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Holds it to the end of the `with`, and leaves it to the run's next step then.

        Raises:
          InputError: another run holds it.
        """
        self._take()
        with lock_file.renewing(self._renew):
            yield
        self._renew(BETWEEN_STEPS)

    def end(self) -> None:
        """Takes it away, as the run is over."""
        lock_file.release(self._path, self._run)

    def _take(self) -> None:
        fileio.makedirs(os.path.dirname(self._path))
        while not lock_file.make(self._path, lock_file.entry_of(self._run, self._run)):
            found = lock_file.read(self._path)
            if found is None:
                continue
            if found.token == self._run:
                self._renew()
                return
            if not found.left_over:
                raise InputError(
                    f"Run '{found.owner}' is under way (last seen {found.seen}), and two at once "
                    "would train twice; this one ends. Run again when it is through, or, if it "
                    f"was ended from outside, after {lock_file.clock(found.until)}."
                )
            lock_file.break_left_over(self._path, found)

    def _renew(self, lasting: float = lock_file.STALE) -> None:
        # Nothing where it lapsed and is another's by now: the next step is told.
        found = lock_file.read(self._path)
        if found is not None and found.token == self._run:
            lock_file.replace(self._path, lock_file.entry_of(self._run, self._run, lasting))
