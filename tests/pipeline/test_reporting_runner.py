"""What the local runner does between two stages."""

from __future__ import annotations

import logging

import pytest

from pipeline import reporting_runner
from pipeline.reporting_runner import _StageLines


@pytest.fixture
def given_back(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Says at which stage memory was given back."""
    found: list[str] = []
    monkeypatch.setattr(reporting_runner, "open_store", lambda: None)
    monkeypatch.setattr(reporting_runner, "stage_state", lambda store, stage: "COMPLETE")
    monkeypatch.setattr(reporting_runner, "give_memory_back", lambda: found.append(lines.current))
    lines = _StageLines(2)
    for name in ("Trainer", "RetrievalEvaluator"):
        for state in ("running", "finished"):
            lines.emit(logging.makeLogRecord({"msg": "Component %s is %s.", "args": (name, state)}))
    return found


def test_each_stage_gives_back_what_it_held(given_back):
    assert given_back == ["training", "judgement"]
