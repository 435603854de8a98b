"""The serving suite: its figures by hand, and all of it in its smallest form."""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
from pathlib import Path

import numpy as np
import orjson
import pytest

from benchmarks.serving import suite
from benchmarks.serving.figures import percentile, ratios, round_of, spread
from benchmarks.serving.measure import Plan, measure
from benchmarks.serving.models import make_model
from benchmarks.serving.program import EMBEDDED, add_options
from benchmarks.serving.questions import KINDS, WrongAnswer, check_rest, make_questions
from catalogues.errors import InputError
from trainer.config import DiffusionConfig

SIZES = DiffusionConfig(8, hops=3, reach=20, pairwise_reach=10, content_units=(16,))
ARTISTS = 60
PLAN = Plan((ARTISTS,), (EMBEDDED,), (1, 2), rounds=1, warm_up=0.0, seconds=1.5, sizes=SIZES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="module")
def model(folder) -> Path:
    return make_model(ARTISTS, folder / "models", SIZES, lambda text: None)


@pytest.fixture(scope="module")
def questions(model):
    return make_questions(model / "1", ARTISTS, 3)


def test_a_percentile_is_one_of_the_values():
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, p) for p in (50, 95, 99, 100)] == [50, 95, 99, 100]
    # Of three, 50% is more than one of them and 99% more than two.
    assert [percentile([1.0, 2.0, 9.0], p) for p in (33, 50, 99)] == [1, 2, 9]
    assert percentile([4.0], 50) == 4


def test_a_round_is_in_milliseconds_and_requests_a_second():
    assert round_of([0.003, 0.001, 0.002, 0.01], 3, 0.5, 0.25) == {
        "requests": 4,
        "per_second": 6,
        "busy": 0.25,
        "p50": 2,
        "p95": 10,
        "p99": 10,
    }


def test_a_spread_is_over_rounds_and_a_ratio_within_them():
    assert spread([3.0, 1.0, 2.0]) == {"median": 2, "least": 1, "most": 3}
    ours = [{"p99": 10.0, "per_second": 100.0}, {"p99": 40.0, "per_second": 30.0}]
    theirs = [{"p99": 30.0, "per_second": 50.0}, {"p99": 80.0, "per_second": 10.0}]
    # Three times and twice as long; half and a third as many.
    assert ratios(ours, theirs) == {
        "p99": {"median": 2.5, "least": 2, "most": 3},
        "per_second": {"median": 2.5, "least": 2, "most": 3},
    }


def test_a_model_is_made_once(folder, model, monkeypatch):
    monkeypatch.setattr("benchmarks.serving.models.synthetic_graph", None)
    assert make_model(ARTISTS, folder / "models", SIZES, pytest.fail) == model


def test_what_is_asked_is_of_its_shape(questions):
    assert set(questions) == set(KINDS)
    assert questions["one"][0].wanted["embedding"].shape == (1, 8)
    assert questions["many"][0].wanted["embedding"].shape == (64, 8)
    assert questions["similar"][0].wanted["similar_id"].shape == (1, 10)
    new = questions["new"][0].wanted
    assert new["embedding"].shape == (1, 8) and new["known_neighbors"].tolist() == [10]
    assert questions["one"][0].rest != questions["one"][1].rest


def test_a_wrong_answer_is_caught(questions):
    question = questions["similar"][0]
    right = {"outputs": {name: _plain(value) for name, value in question.wanted.items()}}
    check_rest(orjson.dumps(right), question)
    score = question.wanted["score"][0, 0]
    for name, wrong in (
        ("score", np.nextafter(score, np.float32(9)).item()),
        ("similar_id", "artist-99999999"),
    ):
        changed = json.loads(json.dumps(right))
        changed["outputs"][name][0][0] = wrong
        with pytest.raises(WrongAnswer, match=name):
            check_rest(json.dumps(changed).encode(), question)
    with pytest.raises(WrongAnswer, match="no outputs"):
        check_rest(b'{"error": "no"}', question)


def test_the_suite_in_its_smallest_form(folder, model, tmp_path):
    records = measure(PLAN, folder, lambda text: None)
    assert len(records) == len(KINDS) * 2 * 2
    for record in records:
        assert (record["artists"], record["server"]) == (ARTISTS, EMBEDDED)
        (one,) = record["rounds"]
        assert one["requests"] >= 1 and one["p50"] <= one["p95"] <= one["p99"]
        assert record["p99"]["median"] == one["p99"]
    summary = suite.summary_of(PLAN, records)
    page = tmp_path / "serving.md"
    suite.write_page(json.loads(json.dumps(summary)), page, tmp_path / "serving.json")
    text = page.read_text()
    assert "## 60 artists" in text and "(serving/latency.png)" in text
    assert (tmp_path / "serving" / "throughput.png").exists()
    told = text + json.dumps(summary)
    assert platform.node() not in told and str(Path.cwd()) not in told


def test_a_server_that_answers_wrongly_fails_the_suite(folder, model, monkeypatch):
    def with_others(*args):
        made = make_questions(*args)
        one = made["one"]
        swapped = [dataclasses.replace(q, wanted=one[i - 1].wanted) for i, q in enumerate(one)]
        return {**made, "one": swapped}

    monkeypatch.setattr("benchmarks.serving.measure.make_questions", with_others)
    with pytest.raises(InputError, match="embedded over rest: output 'embedding' is not"):
        measure(dataclasses.replace(PLAN, clients=(1,)), folder, lambda text: None)


@pytest.mark.parametrize(
    "given", [["--rounds", "0"], ["--seconds", "0"], ["--seconds", "61"], ["--artists", "3"]]
)
def test_numbers_out_of_range_are_refused(given):
    parser = argparse.ArgumentParser()
    add_options(parser)
    with pytest.raises(InputError, match="must be at least"):
        suite.plan_of(parser.parse_args(given))


def _plain(values: np.ndarray):
    found = values.tolist()
    return json.loads(json.dumps(found, default=bytes.decode))
