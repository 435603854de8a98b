"""How far a Beam pipeline is, for a person who waits.

The listener lives in the process that runs the pipeline. Worker processes that it started, and
that inherit its environment, append what they have done to files of their own in a folder that it
reads now and then. Workers elsewhere report to nobody: progress is a courtesy, never data.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_FOLDER: Final = "ARTIST_SIM_PROGRESS"
"""The environment variable that tells workers where; set while somebody listens."""
_PAUSE: Final = 0.5

Listener = Callable[[str, int], None]

_listener: Listener | None = None


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Calls `listener(phase, more)` for every advance, here or in a worker, while this is open."""
    global _listener
    lock = threading.Lock()

    def one_at_a_time(phase: str, more: int) -> None:
        with lock:
            listener(phase, more)

    with tempfile.TemporaryDirectory(prefix="artist-sim-progress-") as folder:
        done = threading.Event()
        reader = threading.Thread(
            target=_follow, args=(Path(folder), one_at_a_time, done), daemon=True
        )
        outer, before = _listener, os.environ.get(_FOLDER)
        _listener, os.environ[_FOLDER] = one_at_a_time, folder
        reader.start()
        try:
            yield
        finally:
            _listener = outer
            if before is None:
                del os.environ[_FOLDER]
            else:
                os.environ[_FOLDER] = before
            done.set()
            reader.join()


def tell(phase: str, more: int) -> None:
    """So many elements more are through a phase, a line without tabs."""
    if _listener is not None:
        _listener(phase, more)
        return
    folder = os.environ.get(_FOLDER)
    if folder:
        # A folder that is gone, or a full disk, must not cost the work itself.
        with contextlib.suppress(OSError), open(os.path.join(folder, str(os.getpid())), "a") as own:
            own.write(f"{phase}\t{more}\n")


def _follow(folder: Path, listener: Listener, done: threading.Event) -> None:
    """Passes on what workers append, until `done`; then once more."""
    read: dict[Path, int] = {}
    last = False
    while not last:
        last = done.wait(_PAUSE)
        for path in folder.iterdir():
            with path.open("rb") as file:
                file.seek(read.get(path, 0))
                # A line that is being written is read when it is whole.
                lines = file.read().rpartition(b"\n")[0]
            read[path] = read.get(path, 0) + len(lines) + bool(lines)
            for line in filter(None, lines.decode().split("\n")):
                phase, _, more = line.partition("\t")
                listener(phase, int(more))
