"""What the tests of the benchmarks share."""

from __future__ import annotations

import pytest

from benchmarks import run


@pytest.fixture(autouse=True)
def logs_as_they_are(monkeypatch):
    """The command line redirects the logs of its process, which here is that of all tests."""
    monkeypatch.setattr(run, "quiet_third_parties", lambda folder: folder / "run.log")
