"""Where processes of this machine listen, as the kernel says."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

EVERYWHERE = {"00000000", "0" * 32}
# 127.0.0.1, ::1, and the first of them as a socket of both kinds has it.
LOOPBACK = {"0100007F", "0" * 24 + "01000000", "0" * 16 + "FFFF00000100007F"}
_LISTENING = "0A"


def listening(processes: Iterable[int]) -> set[tuple[str, int]]:
    """The addresses, in hexadecimal as Linux has them, and the ports on which processes listen."""
    own = {link for process in processes for link in _open_files(process)}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in _lines(Path("/proc/net", table))[1:]:
            columns = line.split()
            if columns[3] == _LISTENING and f"socket:[{columns[9]}]" in own:
                address, _, port = columns[1].partition(":")
                found.add((address, int(port, 16)))
    return found


def with_descendants(processes: Iterable[int]) -> set[int]:
    """Processes, and all that they have started, and so on."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        # The name before the state may have blanks and brackets.
        for line in _lines(path):
            parents[int(path.parent.name)] = int(line.rpartition(")")[2].split()[1])
    found = set(processes)
    while more := {process for process, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _open_files(process: int) -> Iterator[str]:
    # It, or one of its files, may be gone meanwhile.
    with contextlib.suppress(FileNotFoundError, PermissionError):
        for entry in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                yield os.readlink(entry)


def _lines(path: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return path.read_text().splitlines()
    return []
