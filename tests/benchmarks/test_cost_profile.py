"""The profile of an epoch: shares by hand, and what TensorFlow writes is found in it."""

from __future__ import annotations

import pytest

from benchmarks.cost.profile import BATCH, STEP, WAIT, Span, profile_epoch, shares
from tests.trainer.graphs import two_communities
from tests.trainer.test_run_fn import write_examples


def test_the_shares_of_an_epoch_by_hand():
    """The first step waits a second, the second one not at all, the third one a half."""
    spans = [
        Span(WAIT, 10.0, 11.0),
        Span(BATCH, 10.0, 11.0),
        Span(STEP, 11.0, 15.0),
        Span(BATCH, 11.0, 14.0),
        Span(WAIT, 15.0, 15.001),
        Span(STEP, 15.001, 19.0),
        Span(WAIT, 19.0, 19.5),
        Span(STEP, 19.5, 20.0),
        Span(WAIT, 20.0, 25.0),
    ]
    found = shares(spans)
    assert (found["steps"], found["seconds"], found["waited"]) == (3, 10, 1)
    assert found["waiting"] == pytest.approx(0.1501)
    assert (found["first_wait"], found["making"]) == (0.1, 4)


def test_each_step_of_an_epoch_is_in_the_profile(tmp_path):
    case = two_communities()
    write_examples(case, tmp_path / "examples")
    found = profile_epoch(tmp_path / "examples", tmp_path / "profile")
    assert found["steps"] == min(9, len(case.graph.artists("train")))
    assert 0 < found["first_wait"] <= found["waiting"] < 1 and found["making"] > 0
    assert list((tmp_path / "profile").iterdir()) == []
