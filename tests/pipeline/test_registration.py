"""TFX is told where the pipeline's code lies once, and again when that has changed."""

from __future__ import annotations

import json

import pytest

from pipeline.run import _LOCAL_RUNNER, _registration
from pipeline.runners import dsl_file

_PATH = f"--pipeline_path={_LOCAL_RUNNER}"


def test_a_pipeline_that_tfx_does_not_know_is_created(tmp_path):
    known = tmp_path / "artist_sim"
    assert _registration(known, _LOCAL_RUNNER) == [["pipeline", "create", _PATH]]


def test_one_that_it_knows_is_not_told_again(tmp_path):
    (tmp_path / "pipeline_args.json").write_text(
        json.dumps({"pipeline_name": "artist_sim", "pipeline_dsl_path": str(_LOCAL_RUNNER)})
    )
    assert _registration(tmp_path, _LOCAL_RUNNER) == []
    flink = dsl_file("flink")
    assert _registration(tmp_path, flink) == [["pipeline", "update", f"--pipeline_path={flink}"]]


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(json.dumps({"pipeline_dsl_path": "/elsewhere/local_runner.py"}), id="moved"),
        pytest.param("{", id="half-written"),
        pytest.param("{}", id="without a place"),
        pytest.param("[]", id="no object"),
        pytest.param(None, id="nothing in its folder"),
    ],
)
def test_another_place_is_told_by_an_update(kept, tmp_path):
    if kept is not None:
        (tmp_path / "pipeline_args.json").write_text(kept)
    assert _registration(tmp_path, _LOCAL_RUNNER) == [["pipeline", "update", _PATH]]
