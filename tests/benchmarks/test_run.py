"""Running a suite: what is done is not done again, what fails costs nothing else."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

import benchmarks.measure
from benchmarks import run
from benchmarks.plan import clock, jobs_of, seconds_left
from benchmarks.store import Store
from catalogues.errors import InputError
from tests.benchmarks.small_suites import DIGEST, small_catalogue, small_suite

SUITE = small_suite(seeds=(0,))


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Store:
    """The small suite, trained once with real systems."""
    store = Store(tmp_path_factory.mktemp("results") / "small")
    assert run.run_jobs(jobs_of(SUITE, DIGEST), small_catalogue(), store) == 0
    return store


def test_every_training_is_recorded(trained):
    for job in jobs_of(SUITE, DIGEST):
        record = trained.find(job.key)
        assert record["seed"] == job.seed
        assert record["fit_seconds"] >= 0 and record["fit_cpu_seconds"] >= 0
        assert (record["epochs"] == 1) == (job.seed is not None)
        assert set(record["machine"]) == {"cores", "architecture", "processor", "gpus"}
        scores = trained.scores(job.key)
        assert scores["connected"].shape == scores["cold"].shape == (20,)
        for condition, values in scores.items():
            assert record["ndcg@200"][condition] == pytest.approx(values.mean(), abs=1e-6)
        text = json.dumps(record)
        assert platform.node() not in text
        assert str(Path.cwd()) not in text
    queries = trained.queries(DIGEST)
    # Artist 4 knows 1, 6 and 7 of the training split (5 is hidden, 2 and 3 are of val), artist 5
    # knows 6 and 7; those of even number have content. So it goes on, round the ring.
    assert queries.degree.tolist() == [3, 2] * 10
    assert queries.has_content.tolist() == [True, False] * 10
    assert queries.num_artists == 60


def test_resuming_trains_nothing_again(trained, monkeypatch):
    def never(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(benchmarks.measure, "measure", never)
    before = {path: path.stat().st_mtime_ns for path in trained.folder.iterdir()}
    assert run.run_jobs(jobs_of(SUITE, DIGEST), small_catalogue(), trained) == 0
    assert before == {path: path.stat().st_mtime_ns for path in trained.folder.iterdir()}


def test_one_more_seed_trains_that_alone(trained, tmp_path, monkeypatch):
    asked = []

    def noted(job, *_):
        asked.append(job.title)
        raise RuntimeError("enough")

    monkeypatch.setattr(benchmarks.measure, "measure", noted)
    jobs = jobs_of(small_suite(seeds=(0, 2)), DIGEST)
    # Both fail, and the second is tried all the same.
    assert run.run_jobs(jobs, small_catalogue(), trained) == 2
    assert asked == ["dnn/random, seed 2", "gnn-1/random, seed 2"]


def test_the_same_seed_gives_the_same_scores(trained):
    (job,) = jobs_of(SUITE, DIGEST, only=["gnn-1"], seeds=[0])
    again = benchmarks.measure.measure(job, small_catalogue())
    kept = trained.scores(job.key)
    np.testing.assert_array_equal(again.scores["connected"].astype(np.float32), kept["connected"])


def test_the_page_is_written_from_results_alone(trained, tmp_path, capsys):
    suite = small_suite(tmp_path / "docs" / "results.md", seeds=(0,))
    assert run.write_page(suite, DIGEST, trained)
    page = suite.page.read_text()
    for image in ("convolutions", "time", "degree"):
        assert f"(results/{image}.png)" in page
        assert (tmp_path / "docs" / "results" / f"{image}.png").exists()
    summary = json.loads(trained.folder.with_suffix(".json").read_text())
    assert summary["missing"] == []
    assert not run.write_page(suite, "another catalogue", trained)


def test_a_second_run_of_a_suite_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path))
    with (
        run.only_benchmark("olga"),
        pytest.raises(InputError, match="'olga' is being run already"),
        run.only_benchmark("olga"),
    ):
        pass
    with run.only_benchmark("olga"):
        pass


def test_what_is_ended_takes_along_what_it_started(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path))
    ended = []

    def run_until_ended(*_):
        with subprocess.Popen(["sleep", "600"]) as child:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                child.wait()
            finally:
                child.kill()
                ended.append(child.wait())

    monkeypatch.setattr("benchmarks.retraining.program.run", run_until_ended)
    before = signal.getsignal(signal.SIGTERM)
    assert run.main(["retraining"]) == 143
    assert ended == [-signal.SIGKILL]
    assert "interrupted; run again to go on" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_is_left_is_estimated_from_what_is_alike():
    suite = small_suite()
    jobs = jobs_of(suite, DIGEST)
    by_title = {job.title: job for job in jobs}
    took = {"dnn/random, seed 0": 10, "gnn-1/random, seed 0": 30, "pagerank": 1}
    done = [
        (by_title[title], {"fit_seconds": seconds, "judge_seconds": 1})
        for title, seconds in took.items()
    ]
    left = [by_title["dnn/random, seed 1"], by_title["gnn-1/random, seed 1"]]
    assert seconds_left(left, done) == 11 + 31
    assert seconds_left([by_title["popularity"]], done) == 2
    assert seconds_left(left, done[2:]) is None
    deeper = dataclasses.replace(left[0].system, name="gnn-2/random", convolutions=2)
    assert seconds_left([dataclasses.replace(left[0], system=deeper)], done) == (11 + 31) / 2
    assert [clock(None), clock(59.6), clock(3723)] == ["?", "1:00", "1:02:03"]
