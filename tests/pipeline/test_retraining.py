"""Runs that train only where there is something to learn, on the local runner."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.retraining.config import RetrainConfig
from pipeline.command_line import main
from pipeline.home import serving_root
from pipeline.runs import Run
from tests.pipeline.communities import (
    add_artist,
    read_tables,
    write_communities,
    write_tables,
)
from tests.pipeline.running import STAGES, home_in, run_pipeline, small_config, stages_in, versions
from trainer.starting_point import read_heritage

DATA_STAGES = {"CatalogueExampleGen", "StatisticsGen", "SchemaGen", "StoppingExampleValidator"}


@dataclasses.dataclass(frozen=True)
class Step:
    """A run, what it told, and which versions were pushed after it."""

    run: Run
    told: str
    versions: list[str]


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with home_in(tmp_path_factory.mktemp("retraining")) as folder:
        yield folder


@pytest.fixture(scope="module")
def history(own_home: Path) -> dict[str, Step]:
    """All runs that the tests below look at, in the order in which they happened."""
    catalogue = write_communities(own_home / "communities")
    config = small_config(catalogue, training={"epochs": 2}, explorer={"map": "pca"})
    gate = dataclasses.replace(config.judge.gate, floor=0.0, slack=1.0)
    config = dataclasses.replace(
        config,
        judge=dataclasses.replace(config.judge, gate=gate),
        retrain=RetrainConfig(when="changed", drift_words=0.9, drift_numbers=0.9),
    )
    # The 241st artist is fewer than one in a hundred.
    eager = dataclasses.replace(config.retrain, min_changed_artists=0.004)
    steps: dict[str, Step] = {}

    def run(name: str, config) -> None:
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            done = run_pipeline(config)
        steps[name] = Step(done, told.getvalue(), versions())

    run("first", config)
    run("unchanged", config)
    add_artist(catalogue)
    run("artist added", config)
    run("eager", dataclasses.replace(config, retrain=eager))
    warm = dataclasses.replace(config, retrain=RetrainConfig(start="warm"))
    run("keeps its weights", warm)
    run("warm", warm)
    run("warm again", warm)
    judge_a_training_artist(catalogue)
    run("would leak", warm)
    return steps


def judge_a_training_artist(catalogue: Path) -> None:
    """The catalogue of a day on which somebody edits the split column."""
    artists, edges = read_tables(catalogue)
    moved = next(row for row in artists if row[3] == "train")
    moved[3] = "test"
    write_tables(catalogue, artists, edges)


def test_the_first_run_trains(history):
    step = history["first"]
    assert stages_in(step.run, "COMPLETE") == STAGES | {"RetrainDecision"}
    assert (step.run.ended_early, step.run.reason) == (False, "no model is served yet")
    assert len(step.versions) == 1


def test_a_pushed_version_says_what_it_was_trained_on(history):
    version = serving_root() / history["first"].versions[0]
    assert (version / "assets.extra" / "trained_on.npz").stat().st_size > 1000


def test_an_unchanged_catalogue_ends_the_run_before_training(history):
    step = history["unchanged"]
    assert stages_in(step.run, "CACHED") == DATA_STAGES
    # What depends on the day and on what is served is never answered from the cache.
    assert stages_in(step.run, "COMPLETE") == {"RetrainDecision"}
    assert set(step.run.states) == DATA_STAGES | {"RetrainDecision"}
    assert step.run.ended_early
    assert "of 240 artists 0 came and 0 went" in step.run.reason
    assert step.run.metrics() == {} and step.run.pushed is None
    assert step.versions == history["first"].versions


def test_a_person_is_told_why_in_one_sentence(history):
    told = history["unchanged"].told
    assert "[5/9] decision to train" in told
    assert "[6/9]" not in told
    reason = history["unchanged"].run.reason
    assert told.count(reason) == 2, "where it is decided, and where the run ends"
    assert f"\nNOTHING TO DO: {reason}.\n" in told
    assert "next:" not in told

    told = history["first"].told
    assert "  trains: no model is served yet\n" in told
    assert "[6/9] training" in told and "\nBLESSED: " in told


def test_one_artist_of_many_is_not_worth_a_training(history):
    step = history["artist added"]
    assert step.run.ended_early
    assert "of 240 artists 1 came and 0 went" in step.run.reason
    assert stages_in(step.run, "COMPLETE") == DATA_STAGES | {"RetrainDecision"}
    assert step.versions == history["first"].versions


def test_it_is_where_a_person_says_so(history):
    step = history["eager"]
    assert not step.run.ended_early
    assert "of 240 artists 1 came and 0 went (0.4%, `retrain.min_changed_artists` is 0.4%)" in (
        step.run.reason
    )
    assert "Trainer" in stages_in(step.run, "COMPLETE")
    assert "the blessed model's: difference" in step.run.verdict()["reason"]
    assert len(step.versions) == 2


def test_past_runs_show_what_was_decided(history, capsys):
    assert main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    ended = ["nothing to do" in line for line in lines[1:]]
    assert ended == [False, True, True, *[False] * 5]
    assert main(["runs", "2"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"nothing to do: {history['unchanged'].run.reason}" in told
    assert main(["runs", "1"]) == 0
    assert "trained because: no model is served yet" in " ".join(capsys.readouterr().out.split())


def test_weights_are_handed_on_from_the_second_warm_run(history):
    assert history["eager"].run.start is None
    start = history["keeps its weights"].run.start
    before = history["eager"].versions[-1]
    assert start == f"begins anew, not at version {before}: it brings no weights to begin with"
    kept = history["keeps its weights"].versions[-1]
    assert f"  {start}\n" in history["keeps its weights"].told
    step = history["warm"]
    assert step.run.start.startswith(f"begins at version {kept}, 1 training and 0.0 days after")
    assert f"  100% of the weights begin as version {kept} has them\n" in step.told
    assert "  begins at val: connected " in step.told
    assert len(step.versions) == len(history["keeps its weights"].versions) + 1


def test_who_was_learnt_from_is_handed_on(history):
    first, second, third = (
        read_heritage(str(serving_root() / history[name].versions[-1]))
        for name in ("keeps its weights", "warm", "warm again")
    )
    assert (first.trainings, second.trainings, third.trainings) == (1, 2, 3)
    assert second.trained_in_full == third.trained_in_full is not None
    assert len(first.learnt.taught) == len(third.learnt.taught) == 145


def test_a_warm_run_is_never_answered_from_the_cache(history):
    assert "Trainer" in stages_in(history["warm again"].run, "COMPLETE")
    assert stages_in(history["warm again"].run, "CACHED") == DATA_STAGES


def test_weights_that_know_a_judged_artist_are_not_begun_with(history):
    step = history["would leak"]
    before = history["warm again"].versions[-1]
    assert step.run.start == (
        f"begins anew, not at version {before}: its weights know 1 of today's 49 test artists "
        "from trainings before"
    )
    assert "of the weights begin as" not in step.told
    if len(step.versions) > len(history["warm again"].versions):
        assert read_heritage(str(serving_root() / step.versions[-1])).trainings == 1


def test_past_runs_show_where_their_training_began(history, capsys):
    assert main(["runs", "6"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"training: {history['warm'].run.start}" in told
