"""What the machine, or the container on it, leaves a process, and what a process gives back."""

from __future__ import annotations

import ctypes
import gc
import os
from pathlib import Path
from typing import Final

_MEMORY_OF_MACHINE: Final = Path("/proc/meminfo")
_CONTAINER: Final = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """The cores that this process may use: of the machine, or what its container leaves it."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = map(int, (_CONTAINER / "cpu.max").read_text().split())
    except (OSError, ValueError):
        # No such file, or 'max' in it.
        return cores
    return max(1, min(cores, quota // period))


def all_bytes() -> int:
    """The memory that there is, taken or not: of the machine, or what its container may have."""
    there = _of_machine("MemTotal:")
    limit = _of_container("max")
    return there if limit is None else min(there, limit)


def free_bytes() -> int:
    """The memory that this process may still take: of the machine, or what its container leaves."""
    free = _of_machine("MemAvailable:")
    limit, used = _of_container("max"), _of_container("current")
    if limit is None or used is None:
        return free
    return max(0, min(free, limit - used))


def give_memory_back() -> None:
    """Lets go of what nothing can reach any more, and hands freed memory to the system.

    Networks and what they were trained on lie in cycles, which Python looks for when it likes; and
    glibc keeps freed blocks that lie below others. Without glibc, only the first.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _of_machine(name: str) -> int:
    lines = _MEMORY_OF_MACHINE.read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])


def _of_container(name: str) -> int | None:
    """None where there is no such file, or 'max' in it."""
    try:
        return int((_CONTAINER / f"memory.{name}").read_text())
    except (OSError, ValueError):
        return None
