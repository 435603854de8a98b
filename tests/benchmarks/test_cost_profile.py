"""The profile of an epoch: shares by hand, and what TensorFlow writes is found in it."""

from __future__ import annotations

import pytest

from benchmarks.cost.profile import BATCH, STEP, WAIT, Span, kinds, profile_epoch, shares, timeline
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
    assert timeline(spans) == {
        "batch": [[0, 1], [1, 4]],
        "wait": [[0, 1], [5, 5.001], [9, 9.5], [10, 15]],
        "step": [[1, 5], [5.001, 9], [9.5, 10]],
    }


def test_the_kinds_of_operations_by_hand():
    """Each kind once or twice; what no executor has traced is none of them."""
    names = {
        "convolution_1/project/Elu:_MklNativeFusedMatMul": 4,
        "gradient_tape/MatMul/MatMul_1:MatMul": 3,
        "convolution_1/SparseTensorDenseMatMul/SparseTensorDenseMatMul:SparseTensorDenseMatMul": 2,
        "gradient_tape/strided_slice_1/StridedSliceGrad:StridedSliceGrad": 1,
        "GatherV2_3:GatherV2": 5,
        "Adam/truediv_29:RealDiv": 6,
        "gradient_tape/project/EluGrad:EluGrad": 7,
        "ExecutorState::Process": 100,
        "EagerLocalExecute: __inference__train_step_5579": 100,
        STEP: 100,
    }
    spans = [Span(name, 10, 10 + seconds) for name, seconds in names.items()]
    assert kinds(spans) == {
        "dense products": 7,
        "sparse products": 2,
        "rows cut out and put together": 6,
        "optimizer": 6,
        "element by element": 7,
    }


def test_each_step_of_an_epoch_is_in_the_profile(tmp_path):
    case = two_communities()
    write_examples(case, tmp_path / "examples")
    found = profile_epoch(tmp_path / "examples", tmp_path / "profile")
    assert found["steps"] == min(9, len(case.graph.artists("train")))
    assert 0 < found["first_wait"] <= found["waiting"] < 1 and found["making"] > 0
    assert all(seconds > 0 for seconds in found["kinds"].values()), found["kinds"]
    assert list((tmp_path / "profile").iterdir()) == []
