"""Where processes of this machine listen, as the kernel says."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path

_LISTENING = "0A"
_LOOPBACK = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")
_SOCKET = re.compile(r"socket:\[(\d+)\]")


def listening(processes: Iterable[int]) -> tuple[set[int], set[int]]:
    """The ports that processes listen on: those of this machine alone, and those of others too."""
    owned: set[str] = set()
    for process in processes:
        for entry in Path(f"/proc/{process}/fd").iterdir():
            # It may be closed meanwhile.
            with contextlib.suppress(FileNotFoundError):
                owned.update(_SOCKET.findall(str(entry.readlink())))
    alone: set[int] = set()
    others: set[int] = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            address, _, port = fields[1].partition(":")
            if fields[3] == _LISTENING and fields[9] in owned:
                (alone if address in _LOOPBACK else others).add(int(port, 16))
    return alone, others
