"""Trainings side by side: what the other is given, how both are scored, and what the page says."""

from __future__ import annotations

import json
import os
import subprocess
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp

from benchmarks import environments
from benchmarks.cost import trainings
from benchmarks.cost.records import Records
from benchmarks.cost.tasks import TRAINED, plan_of
from benchmarks.cost.training import (
    FIGURES,
    job_of,
    load_training,
    main,
    train_traced,
    val_scores,
    write_arrays,
)
from benchmarks.cost.training_page import score_plot, training_section
from benchmarks.cost.trainings import (
    Trained,
    measure_scores,
    measure_trainings,
    time_to_score,
    training_results,
)
from benchmarks.environments import own_environment
from catalogues.errors import InputError
from tests.conftest import NO_PYTORCH, PYTORCH_VARIABLE
from tests.trainer.graphs import two_communities
from tests.trainer.test_run_fn import write_examples

CHECKS = Path(__file__).parent / "sage_checks.py"


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cost") / "examples"
    write_examples(two_communities(), folder)
    return folder


@pytest.fixture(scope="module")
def arrays(examples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("arrays") / "of"
    write_arrays(examples, folder)
    return folder


def edges_of(arrays, name):
    columns, rows = np.load(arrays / f"{name}indices.npy"), np.load(arrays / f"{name}indptr.npy")
    num = len(np.load(arrays / "features.npy"))
    return sp.csr_matrix((np.ones(len(columns)), columns, rows), shape=(num, num))


def test_the_other_is_given_no_hidden_edge(arrays):
    """It learns of training artists alone, and val's edges among themselves are never seen."""
    case = two_communities()
    training, seen = edges_of(arrays, ""), edges_of(arrays, "val_")
    is_training = case.graph.split == 0
    rows, columns = training.nonzero()
    assert len(rows) and is_training[rows].all() and is_training[columns].all()
    assert case.truth("val").nnz and seen.multiply(case.truth("val")).nnz == 0
    assert seen.multiply(case.hidden).nnz == 0
    np.testing.assert_array_equal(np.load(arrays / "val.npy"), case.graph.artists("val"))
    np.testing.assert_array_equal(np.load(arrays / "artists.npy"), case.graph.artists("train"))


def test_both_are_trained_without_weights(examples):
    _, graph, _ = load_training(examples)
    assert not graph.weighted and set(graph.neighbors.data) == {1.0}


def test_an_epoch_of_ours_has_its_figures_and_a_score(examples, monkeypatch):
    from trainer.training import Training

    judged, judge = [], Training._judged
    monkeypatch.setattr(
        Training, "_judged", lambda self, *given: judged.append(given[0]) or judge(self, *given)
    )
    found = train_traced(examples, 2)
    # Not one epoch more, which nobody would count but whoever waits for the process.
    assert len(judged) == 2
    assert all(len(found[name]) == 2 for name in (*FIGURES, "scores"))
    spent = zip(found["seconds"], found["waited"], strict=True)
    assert all(0 <= waited <= seconds for seconds, waited in spent)
    assert found["peak_mib"] > 0 and all(0 <= score <= 1 for score in found["scores"])


def test_both_are_scored_alike(examples, tmp_path):
    """Ours by the training, the other's embedding from its file: of the same one, the same."""
    from trainer.tasks.base import CONNECTED
    from trainer.training import Training

    system, graph, validation = load_training(examples)
    training = Training(system.task(graph, validation), graph, validation, system.training_config)
    report = next(training.run())
    np.save(tmp_path / "0.npy", training._task.embed_validation()[CONNECTED])
    expected = pytest.approx(report.scores[CONNECTED], abs=1e-4)
    assert val_scores(examples, tmp_path, 1) == [expected]


def test_the_job_is_the_trainers_own_configuration(arrays, examples):
    job = job_of(arrays, "full_csr", 3)
    assert (job["convolutions"], job["units"], job["fan_out"], job["negatives"]) == (3, 256, 25, 10)
    assert job["batches"] == min(9, len(np.load(arrays / "artists.npy")))
    given = {"task": "job", "examples": str(examples), "arrays": str(arrays)}
    assert main({**given, "form": "full_csr", "epochs": 3}) == json.loads(json.dumps(job))


def test_the_seconds_to_a_score_are_those_of_its_epochs_too():
    training = {"seconds": [2.0, 1.0, 4.0], "scores": [0.1, 0.4, 0.3]}
    assert time_to_score(training, 0.4) == 3.0
    assert time_to_score(training, 0.05) == 2.0
    assert time_to_score(training, 0.5) is None


@pytest.fixture
def trained(monkeypatch):
    """What was trained, by no process: three epochs, the first of them slow."""
    done = []

    def train(form, examples, epochs, folder, tell, scored=False):
        done.append((form, epochs))
        seconds = 2.0 * len(done)
        found = {name: [100.0, seconds, seconds + 2] for name in FIGURES}
        scored = {"scores": [0.1, 0.2, 0.3]} if scored else {}
        figures = {"parameters": 7, "peak_mib": 50.0, "load": 0.5, "process_seconds": 9.0}
        return {**found, **scored, **figures, "versions": {"torch": "1"}}

    monkeypatch.setattr(trainings, "_trained", train)
    return done


def test_what_is_trained_is_not_trained_again(trained, tmp_path):
    catalogues = [(Trained("60", 3, 4), lambda: tmp_path)]
    for rounds in (2, 2, 3):
        measure_trainings(
            catalogues,
            ("traced", "full_csr"),
            rounds,
            Records(tmp_path),
            tmp_path,
            lambda text: None,
        )
    # In turns, so that a busy hour is nobody's own.
    assert trained == [("traced", 3), ("full_csr", 3)] * 3
    measure_scores(catalogues, ("traced",), Records(tmp_path), tmp_path, lambda text: None)
    measure_scores(catalogues, ("traced",), Records(tmp_path), tmp_path, lambda text: None)
    assert trained[6:] == [("traced", 4)]


def test_the_first_epoch_does_not_count(trained, tmp_path):
    catalogues = [(Trained("60", 3, 4), lambda: tmp_path)]
    measure_trainings(
        catalogues, ("traced", "full_csr"), 2, Records(tmp_path), tmp_path, lambda text: None
    )
    found = training_results(Records(tmp_path), [Trained("60", 3, 4)])["epochs"]
    # The traced rounds have medians 3 and 7, the others 5 and 9.
    assert [(one["form"], one["seconds"]) for one in found] == [("traced", 5), ("full_csr", 7)]
    assert (found[0]["first"], found[0]["fastest"], found[0]["slowest"]) == (100, 3, 7)


def test_the_page_compares_with_the_traced_form(trained, tmp_path):
    catalogues = [(Trained("60000", 3, 4), lambda: tmp_path)]
    measure_trainings(
        catalogues, ("traced", "full_csr"), 2, Records(tmp_path), tmp_path, lambda text: None
    )
    result = {"training": training_results(Records(tmp_path), [Trained("60000", 3, 4)])}
    text = training_section(result, "scores.png")
    assert "| 60,000 artists | whole graph for each batch, CSR | 7 | 5 – 9 | 1.40 × |" in text
    assert "torch 1" in text
    assert "The way to a score is not run." in text and score_plot(result) is None
    measure_scores(catalogues, ("traced",), Records(tmp_path), tmp_path, lambda text: None)
    result = {"training": training_results(Records(tmp_path), [Trained("60000", 3, 4)])}
    # 98% of 0.3 is reached in the third epoch.
    text = training_section(result, "scores.png")
    cells = "3 of 50 | 0.300 | 0.294 | 122 s | 122 s | – |"
    assert f"| 60,000 artists | traced mini-batches (`gnn`) | {cells}" in text
    assert score_plot(result).startswith(b"\x89PNG")


def test_each_catalogue_has_a_score_of_its_own_to_be_reached():
    def scored(catalogue, form, *scores):
        seconds = [1.0] * len(scores)
        return {
            "catalogue": catalogue,
            "form": form,
            "seconds": seconds,
            "scores": scores,
            "process_seconds": 77.0,
        }

    full = [0.4] * 49 + [0.5]
    scores = [scored("OLGA", "traced", *full), scored("OLGA", "trimmed_csr", *full[:9])]
    scores += [scored("900", "traced", 0.1), scored("900", "trimmed_csr", 0.05, 0.2)]
    result = {"training": {"epochs": [], "scores": scores, "versions": {}}}
    text = training_section(result, "scores.png")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line[:2] == "| "]
    assert [[row[0], *row[2:]] for row in rows[-4:]] == [
        ["OLGA", "50", "0.500", "0.490", "50 s", "50 s", "77 s"],
        ["OLGA", "9 of 50", "0.400", "0.490", "never", "9 s", "–"],
        ["900 artists", "1 of 50", "0.100", "0.098", "1 s", "1 s", "–"],
        ["900 artists", "2 of 50", "0.200", "0.098", "2 s", "2 s", "–"],
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert score_plot(result).startswith(b"\x89PNG")


def test_nothing_is_said_of_trainings_that_are_not_there(tmp_path):
    result = {"training": training_results(Records(tmp_path), TRAINED)}
    assert training_section(result, "scores.png") == "Not run."


def test_a_quick_run_installs_nothing_unless_it_is_named():
    assert plan_of(True, None, None, 1).forms == ("traced",)
    assert plan_of(True, None, None, 1).scored == ()
    assert plan_of(True, ["training"], None, 1, ["whole_csr", "traced"]).forms == (
        "traced",
        "whole_csr",
    )
    assert plan_of(False, ["graph"], None, 1).forms == ()
    assert len(plan_of(False, None, None, 1).forms) == 9
    assert plan_of(False, ["score"], None, 1, ["loader_edges", "traced"]).scored == ("traced",)


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """The commands of an installation, none of which is run; the last one's exit status is 0."""
    commands = []

    def run(command, **given):
        commands.append((command, given["env"].get("WITHOUT")))
        if "venv" in command:
            Path(command[-1]).mkdir()
        status = int(run.fails and "two" in command[-1])
        return SimpleNamespace(returncode=status, stderr="\nno such thing\n")

    run.fails = False
    monkeypatch.setattr(environments.subprocess, "run", run)
    return SimpleNamespace(commands=commands, run=run)


def test_an_environment_is_made_once_for_its_pins(installed, tmp_path):
    pins = [tmp_path / "one.txt", tmp_path / "two.txt"]
    for path in pins:
        path.write_text("a==1\n")

    def make():
        return own_environment(
            tmp_path, "A B", pins, "leave it", lambda text: None, {"WITHOUT": "1"}
        )

    path = make()
    assert path.name.startswith("a-b-") and make() == path and len(installed.commands) == 3
    # What is compiled sees what the file before it brought.
    built = ["--no-build-isolation" in command for command, _ in installed.commands]
    assert built == [False, False, True]
    assert {setting for _, setting in installed.commands} == {"1"}
    pins[1].write_text("a==2\n")
    assert make() != path


def test_an_environment_that_cannot_be_made_is_not_there(installed, tmp_path):
    pins = [tmp_path / "one.txt", tmp_path / "two.txt"]
    for path in pins:
        path.write_text("a==1\n")
    installed.run.fails = True
    with pytest.raises(InputError, match="A could not be installed \\(no such thing\\); .* leave"):
        own_environment(tmp_path, "A", pins, "leave it", lambda text: None)
    assert not list(tmp_path.glob("*/.installed"))


@pytest.mark.skipif(not os.environ.get(PYTORCH_VARIABLE), reason=NO_PYTORCH)
def test_the_network_in_pytorch_is_the_same(arrays, examples, tmp_path):
    """With our weights it embeds as ours does; what it checks itself is in sage_checks.py."""
    import tensorflow as tf

    from trainer.content import raw_content
    from trainer.network_graphs import bipartite
    from trainer.tasks.triplet import block_arrays
    from trainer.tracing import trace

    system, graph, validation = load_training(examples)
    network = system.task(graph, validation).build()
    rows = graph.artists("val")
    traced = trace(graph.visible_edges("val"), rows, 3)
    features = tf.gather(system.encoder(raw_content(graph)), traced.artists)
    expected = network.embed(features, [bipartite(*block_arrays(one)) for one in traced.blocks])
    weights = {one.name: one.variable.numpy() for one in network.named_weights(["x"] * 99)}
    np.savez(tmp_path / "weights.npz", **weights)
    np.save(tmp_path / "expected.npy", expected.numpy())
    python = Path(os.environ[PYTORCH_VARIABLE]) / "bin" / "python"
    job = job_of(arrays, "full_csr", 1)
    command = [str(python), str(CHECKS), json.dumps(job), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
