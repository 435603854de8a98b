"""What a process may use: the machine's, or what its container leaves; what it gives back."""

from __future__ import annotations

import gc
import os
import weakref
from pathlib import Path

import pytest

from components import machine
from components.machine import all_bytes, free_bytes, give_memory_back, usable_cores


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("max 100000", 6), ("200000 100000", 2), ("50000 100000", 1), ("900000 100000", 6)],
)
def test_a_container_may_leave_fewer_cores(tmp_path, monkeypatch, limit, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)))
    monkeypatch.setattr(machine, "_CONTAINER", tmp_path)
    assert usable_cores() == 6
    (tmp_path / "cpu.max").write_text(limit + "\n")
    assert usable_cores() == cores


def test_a_container_may_leave_less_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_MEMORY_OF_MACHINE", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "_CONTAINER", tmp_path)
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    5000 kB\n")
    assert free_bytes() == 5000 * 1024
    (tmp_path / "memory.current").write_text("1000\n")
    for limit, free in (("max", 5000 * 1024), ("9000", 8000), ("900", 0), ("9" * 12, 5000 * 1024)):
        (tmp_path / "memory.max").write_text(limit + "\n")
        assert free_bytes() == free


def test_all_memory_is_the_machine_s_or_the_container_s(tmp_path, monkeypatch):
    """Taken or not: what is decided by it stays decided."""
    monkeypatch.setattr(machine, "_MEMORY_OF_MACHINE", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "_CONTAINER", tmp_path)
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    5000 kB\n")
    assert all_bytes() == 9000 * 1024
    for limit, there in (("max", 9000 * 1024), ("7000", 7000), ("9" * 12, 9000 * 1024)):
        (tmp_path / "memory.max").write_text(limit + "\n")
        assert all_bytes() == there


def test_this_machine_has_memory_and_cores():
    assert 0 <= free_bytes() <= all_bytes() < 1e15
    assert usable_cores() >= 1


class Part:
    """Something that another part knows."""

    other: Part


def test_what_only_knows_itself_goes():
    gc.disable()
    try:
        one, other = Part(), Part()
        one.other, other.other = other, one
        gone = weakref.ref(one)
        del one, other
        assert gone() is not None
        give_memory_back()
        assert gone() is None
    finally:
        gc.enable()


def held() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_what_is_free_below_something_in_use_goes_back_to_the_system():
    blocks = [bytearray(b"x") * 50_000 for _ in range(4000)]
    kept = [bytearray(b"x") * 50_000 for _ in range(4)]
    del blocks
    before = held()
    give_memory_back()
    assert before - held() > 100_000_000
    assert len(kept) == 4
