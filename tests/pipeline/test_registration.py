"""TFX is told where the pipeline's code lies once, and again when that has changed."""

from __future__ import annotations

import json

import pytest

from pipeline.run import _RUNNER, _registration

_PATH = f"--pipeline_path={_RUNNER}"


def test_a_pipeline_that_tfx_does_not_know_is_created(tmp_path):
    assert _registration(tmp_path / "artist_sim") == [["pipeline", "create", _PATH]]


def test_one_that_it_knows_is_not_told_again(tmp_path):
    (tmp_path / "pipeline_args.json").write_text(
        json.dumps({"pipeline_name": "artist_sim", "pipeline_dsl_path": str(_RUNNER)})
    )
    assert _registration(tmp_path) == []


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
    assert _registration(tmp_path) == [["pipeline", "update", _PATH]]
