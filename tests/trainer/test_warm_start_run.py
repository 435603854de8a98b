"""A training that goes on with an earlier model, as TFX calls it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from catalogues.errors import InputError
from tests.trainer.graphs import HiddenGraph, two_communities
from tests.trainer.small_systems import small_config, small_pretrained_config
from tests.trainer.test_run_fn import run, write_examples
from trainer.config import ExplorerConfig, TrainerConfig
from trainer.starting_point import (
    KEEP_STARTING_POINT,
    START,
    STARTING_POINT_PATH,
    NoStartingPointError,
    read_heritage,
)
from trainer.text_hashes import text_hashes


@pytest.fixture(scope="module")
def history(tmp_path_factory) -> Path:
    """A folder with examples, and the model of a training that keeps its weights."""
    folder = tmp_path_factory.mktemp("warm")
    write_examples(two_communities(), folder / "examples")
    run(folder, plain(2), **{KEEP_STARTING_POINT: True, "graph": GRAPH})
    (folder / "model").rename(folder / "first")
    return folder


GRAPH = {"fractions": [0.8, 0.1, 0.1], "vocabulary_size": 500, "max_tracks": 25}


def plain(epochs: int) -> TrainerConfig:
    return dataclasses.replace(
        small_config(1, epochs=epochs), explorer=ExplorerConfig(export=False), kept_answers=0
    )


def warm(folder: Path, config: TrainerConfig, base: str = "first", **changes) -> None:
    given = {KEEP_STARTING_POINT: True, "graph": GRAPH, **changes}
    given[START] = {"version": 17, "trained_in_full": 1000.0}
    run(folder, config, base_model=str(folder / base), **given)


def test_a_warm_training_says_where_it_begins_and_hands_on_whom_it_knows(history, capsys):
    # A training before the first one learnt from an artist that has gone, and chose by another.
    (history / "before" / "assets.extra").mkdir(parents=True)
    with np.load(history.joinpath("first", *STARTING_POINT_PATH)) as arrays:
        told = dict(arrays)
    gone, chose = text_hashes(["gone"]), text_hashes(["gone too"])
    told["taught"] = np.union1d(told["taught"], gone)
    told["chose"] = np.union1d(told["chose"], chose)
    np.savez(history.joinpath("before", *STARTING_POINT_PATH), **told)
    warm(history, plain(1), "before")
    told = capsys.readouterr().out
    assert "  100% of the weights begin as version 17 has them\n" in told
    assert "  begins at val: connected " in told
    found = read_heritage(str(history / "model"))
    before = read_heritage(str(history / "first"))
    assert (before.trainings, before.trained_in_full) == (1, None)
    assert (found.trainings, found.trained_in_full) == (2, 1000.0)
    assert len(before.learnt.taught) == 12 and len(before.learnt.chose) == 6
    assert set(found.learnt.taught) == {*before.learnt.taught, *gone}
    assert set(found.learnt.chose) == {*before.learnt.chose, *chose}


def test_the_trainer_begins_at_no_weights_that_know_whom_it_judges(history, tmp_path):
    """The step before has looked; who comes here past it is stopped all the same."""
    case = two_communities()
    split = case.graph.split.copy()
    split[0], split[3] = 2, 0
    moved = dataclasses.replace(case.graph, split=split)
    write_examples(HiddenGraph(moved, case.hidden), tmp_path / "examples")
    (tmp_path / "first").symlink_to(history / "first")
    with pytest.raises(
        InputError, match=r"version 17: .* know 1 of today's 6 test artists"
    ) as told:
        warm(tmp_path, plain(1))
    assert "run again with `retrain.start: scratch`" in str(told.value)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("config", "graph", "why"),
    [
        (small_config(2), GRAPH, "`trainer.network.convolutions` of the configuration changed"),
        (plain(1), {**GRAPH, "max_tracks": 3}, "`graph.max_tracks` of the configuration changed"),
        (small_pretrained_config(), GRAPH, "`trainer.pretrained` first trains encoders"),
    ],
)
def test_the_trainer_begins_at_no_weights_that_mean_something_else(history, config, graph, why):
    with pytest.raises(InputError, match=why):
        warm(history, config, graph=graph)


def test_what_changes_no_meaning_may_change(history):
    other = dataclasses.replace(plain(3), kept_answers=5)
    found = read_heritage(str(history / "first"))
    graph = {**GRAPH, "fractions": [0.6, 0.2, 0.2], "vocabulary_size": 7}
    told = {"graph": graph, "trainer": dataclasses.asdict(other)}
    assert found.refusal(told, two_communities().graph) is None


def test_a_model_whose_trainer_keeps_nothing_brings_nothing(history):
    shutil.rmtree(history / "model", ignore_errors=True)
    run(history, plain(1))
    with pytest.raises(NoStartingPointError):
        read_heritage(str(history / "model"))
