"""The version that is served: the newest that loads, found by looking every second."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import gc
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from serving.embedded.servable import Fingerprint, Servable, fingerprint, is_complete
from serving.embedded.status import NOT_FOUND, UNAVAILABLE, Refused, without_paths

_log = logging.getLogger("artist_sim.serve")


class State(enum.IntEnum):
    """Of a version, numbered as TF Serving's ModelVersionStatus.State."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """What is known of a version.

    Attributes:
      version: its number.
      state: where it is in its life.
      error: why it was not loaded, or "".
    """

    version: int
    state: State
    error: str = ""


class _Held:
    """A servable and how many requests it has; closed when it is retired and has none."""

    def __init__(self, servable: Servable):
        self.servable = servable
        self.requests = 0
        self.retired = False


class Versions:
    """Serves the newest version in a folder that can be loaded.

    A new version is loaded and warmed up beside the old one, which goes on answering; requests that
    have begun on the old one end on it. A version that does not load is tried again when its
    files change. When the newest is taken away, the one before is served, which is a rollback.

    Args:
      root: the folder with one folder a version.
      warm_up: called with each version before it is asked by anybody else.
      load: makes a servable of a version's folder.
    """

    def __init__(
        self,
        root: Path,
        *,
        warm_up: Callable[[Servable], None] = lambda servable: None,
        load: Callable[[Path], Servable] = Servable,
    ):
        self._root, self._warm_up, self._load = root, warm_up, load
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._served_print: Fingerprint | None = None
        self._states: dict[int, VersionStatus] = {}
        self._failed: dict[int, Fingerprint] = {}
        self._closed_one = False

    @property
    def current(self) -> int | None:
        """The number of the version that is served."""
        held = self._held
        return held.servable.version if held else None

    def statuses(self) -> list[VersionStatus]:
        """Of all versions that were tried, the newest first."""
        with self._lock:
            return [self._states[version] for version in sorted(self._states, reverse=True)]

    @contextlib.contextmanager
    def use(self, version: int | None = None) -> Iterator[Servable]:
        """The served version, which stays loaded inside the `with`.

        Args:
          version: that must be the one; any if None.

        Raises:
          Refused: nothing is served, or not that version.
        """
        with self._lock:
            held = self._held
            if held is None:
                raise Refused(UNAVAILABLE, "No version of the model is loaded yet; try later.")
            if version is not None and version != held.servable.version:
                raise Refused(
                    NOT_FOUND,
                    f"Version {version} is not served; version {held.servable.version} is.",
                )
            held.requests += 1
        try:
            yield held.servable
        finally:
            with self._lock:
                held.requests -= 1
                close = held.retired and not held.requests
            if close:
                self._close(held)

    def refresh(self) -> bool:
        """Looks for another version to serve; returns whether there was one.

        Not to be called by two threads at once.
        """
        if self._closed_one:
            # TensorFlow's graphs are cycles of Python objects: tens of MB a version, which would
            # wait for the collector while versions come and go.
            self._closed_one = False
            gc.collect()
        served = self.current
        for version, path in self._candidates():
            try:
                found = fingerprint(path)
            except (OSError, ValueError):
                continue  # Taken away this moment.
            if version == served and found == self._served_print:
                return False
            if self._failed.get(version) == found:
                continue
            if version != served:
                # One that is written over answers until its new files have taken its place.
                self._note(VersionStatus(version, State.LOADING))
            try:
                servable = self._load(path)
                try:
                    self._warm_up(servable)
                except BaseException:
                    servable.close()
                    raise
            # Whatever broken files raise: the version that is served stays.
            except Exception as error:
                self._failed[version] = found
                self._closed_one = True
                first = str(error).split("\n")[0].replace(str(path), path.name)
                why = without_paths(first)[:200]
                told = f"{type(error).__name__}: {why}"
                _log.error("version %d does not load (%s)", version, told)
                if version == served:
                    # Written over by something broken: what is in memory is still good.
                    self._served_print = found
                    return False
                self._note(VersionStatus(version, State.END, told))
                continue
            self._failed.pop(version, None)
            self._swap(servable, found)
            return True
        return False

    def close(self) -> None:
        """Stops serving; requests that have begun end."""
        self._swap(None, None)

    def _candidates(self) -> list[tuple[int, Path]]:
        try:
            folders = [path for path in self._root.iterdir() if is_complete(path)]
        except OSError:
            return []
        return sorted(((int(path.name), path) for path in folders), reverse=True)

    def _swap(self, servable: Servable | None, found: Fingerprint | None) -> None:
        with self._lock:
            old, self._held = self._held, _Held(servable) if servable else None
            self._served_print = found
            if servable:
                self._states[servable.version] = VersionStatus(servable.version, State.AVAILABLE)
            close = False
            if old:
                old.retired = True
                close = not old.requests
                if not servable or old.servable.version != servable.version:
                    self._states[old.servable.version] = VersionStatus(
                        old.servable.version, State.UNLOADING
                    )
        if servable:
            _log.info("serving version %d", servable.version)
        if old and close:
            self._close(old)

    def _close(self, held: _Held) -> None:
        held.servable.close()
        self._closed_one = True
        version = held.servable.version
        with self._lock:
            if version != self.current:
                self._states[version] = VersionStatus(version, State.END)

    def _note(self, status: VersionStatus) -> None:
        with self._lock:
            self._states[status.version] = status
