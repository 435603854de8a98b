"""Training: reproducible, resumable, keeps its best weights, survives poor catalogues."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.graphs import awkward, graph_of, two_communities
from tests.trainer.small_systems import small_config, triplet_task
from trainer import training as training_module
from trainer.ranking.ndcg import query_ndcg
from trainer.tasks import triplet as triplet_module
from trainer.training import Training


def make_training(case=None, convolutions=1, run=None, **options):
    case = case or two_communities()
    config = small_config(convolutions, **{"epochs": 3, **options})
    tf.config.experimental.enable_op_determinism()
    return Training(
        triplet_task(case.graph, config),
        case.graph,
        case.truth("val"),
        config.training,
        **(run or {}),
    )


def weights_of(training):
    return [variable.numpy() for variable in training.network.trainable_variables]


def assert_same(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def unbroken():
    """The reports and weights of a training that nothing interrupts."""
    training = make_training()
    return list(training.run()), weights_of(training)


def test_the_same_seed_gives_the_same_weights_to_the_bit(unbroken):
    again = make_training()
    reports = list(again.run())
    assert reports == unbroken[0]
    assert_same(weights_of(again), unbroken[1])


def test_another_seed_gives_other_weights(unbroken):
    other = make_training(seed=1)
    list(other.run())
    assert all((a != b).any() for a, b in zip(weights_of(other), unbroken[1]) if a.ndim == 2)


@pytest.mark.parametrize("killed_after", [1, 2])
def test_a_killed_and_resumed_training_ends_with_the_same_weights(unbroken, killed_after, tmp_path):
    run = {"checkpoint_dir": str(tmp_path)}
    killed = make_training(run=run)
    reports = list(itertools.islice(killed.run(), killed_after))
    resumed = make_training(run=run)
    reports += list(resumed.run())
    assert [report.epoch for report in reports] == [1, 2, 3]
    assert reports == unbroken[0]
    assert_same(weights_of(resumed), unbroken[1])


def test_resuming_what_is_finished_trains_no_more(unbroken, tmp_path):
    run = {"checkpoint_dir": str(tmp_path)}
    list(make_training(run=run).run())
    again = make_training(run=run)
    assert list(again.run()) == []
    assert_same(weights_of(again), unbroken[1])


def with_scores(monkeypatch, training, scores):
    """Lets the validation scores be these, and returns the weights after each epoch."""
    left, after = iter(scores), []

    def score(self, embedding):
        after.append(weights_of(self))
        return next(left)

    monkeypatch.setattr(Training, "_validation_score", score)
    return list(training.run()), after


def test_early_stopping_keeps_the_best_weights(monkeypatch):
    training = make_training(epochs=9, patience=2)
    reports, after = with_scores(monkeypatch, training, [0.1, 0.5, 0.3, 0.4, 0.9])
    # The third and fourth epoch are no better than the second, so that the fifth never comes.
    assert [report.best for report in reports] == [0.1, 0.5, 0.5, 0.5]
    assert_same(weights_of(training), after[1])
    assert any((a != b).any() for a, b in zip(after[1], after[3], strict=True))


def test_a_score_of_zero_is_better_than_none(monkeypatch):
    training = make_training(epochs=2)
    _, after = with_scores(monkeypatch, training, [0.0, 0.0])
    assert_same(weights_of(training), after[0])


def test_without_a_query_the_last_weights_are_kept(monkeypatch):
    training = make_training(epochs=3, patience=1)
    reports, after = with_scores(monkeypatch, training, [math.nan] * 3)
    assert len(reports) == 3
    assert_same(weights_of(training), after[2])


def test_the_step_is_traced_once(monkeypatch):
    training = make_training(epochs=3)
    list(training.run())
    assert training._step.experimental_get_tracing_count() == 1
    assert training._task._embed.experimental_get_tracing_count() == 1


def test_the_loss_goes_down():
    training = make_training(epochs=12)
    losses = [report.loss for report in training.run()]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_tensorboard_gets_the_scalars_of_each_epoch(tmp_path):
    reports = list(make_training(epochs=2, run={"log_dir": str(tmp_path)}).run())
    found = {}
    for path in tmp_path.glob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                found[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    for report in reports:
        assert found["train/triplet_loss", report.epoch] == pytest.approx(report.loss)
        assert found["val/connected_ndcg_at_200", report.epoch] == pytest.approx(report.score)
        assert ("train/learning_rate", report.epoch) in found
        assert 1 <= found["embedding/rankme", report.epoch] <= 8
        assert found["embedding/norm_spread", report.epoch] < 1e-3
        assert 0 <= found["embedding/hub_share", report.epoch] <= 1


def poor_cases():
    """By name, catalogues that have nothing to learn from."""
    case = two_communities()
    return {
        "awkward": awkward(),
        "no edge at all": graph_of([], [0] * 6 + [1, 1, 2]),
        "no validation artist": graph_of([(0, 1), (1, 2), (3, 4), (5, 0)], [0] * 6 + [2]),
        "one training artist": graph_of([(0, 1), (1, 2)], [0, 1, 1]),
        "all similar to all": graph_of(
            [(u, v) for u in range(6) for v in range(u)], [0] * 4 + [1, 1]
        ),
        "no hidden validation edge": dataclasses.replace(case, hidden=0 * case.hidden),
    }


@pytest.mark.parametrize("name", list(poor_cases()))
def test_a_poor_catalogue_trains_to_finite_weights(name):
    # Small folds: some without a single pair, some of one artist.
    training = make_training(poor_cases()[name], 1, epochs=2, pseudo_eval_fraction=1 / 9)
    reports = list(training.run())
    assert len(reports) == 2
    assert all(np.isfinite(report.loss) for report in reports)
    assert all(np.isfinite(weights).all() for weights in weights_of(training))


def test_an_anchor_without_a_negative_costs_nothing():
    # In a fold where all are similar to all, whatever is drawn is no negative.
    training = make_training(poor_cases()["all similar to all"], epochs=1, pseudo_eval_fraction=0.5)
    before = weights_of(training)
    assert [report.loss for report in training.run()] == [0.0]
    assert_same(weights_of(training), before)


def test_padded_batches_teach_the_same(unbroken, monkeypatch):
    # Without compiling anything: only the batches are padded as for XLA.
    monkeypatch.setattr(tf.config.optimizer, "set_jit", lambda _: None)
    padded = make_training(xla=True)
    reports = list(padded.run())
    assert reports[0].loss == pytest.approx(unbroken[0][0].loss, abs=0.05)
    assert all(np.isfinite(weights).all() for weights in weights_of(padded))


def test_mixed_precision_trains_float32_weights_and_leaves_the_policy_alone():
    training = make_training(convolutions=2, mixed_precision=True)
    assert tf.keras.mixed_precision.global_policy().name == "float32"
    losses = [report.loss for report in training.run()]
    assert np.isfinite(losses).all()
    assert {weights.dtype for weights in weights_of(training)} == {np.dtype(np.float32)}


def test_an_error_while_tracing_a_batch_surfaces(monkeypatch):
    def broken(*args, **kwargs):
        yield from ()
        raise ArithmeticError("in the thread that traces")

    monkeypatch.setattr(triplet_module, "epoch_batches", broken)
    with pytest.raises(ArithmeticError, match="in the thread"):
        list(make_training().run())


def test_a_large_split_is_judged_by_some_of_its_queries_the_same_each_time(monkeypatch):
    case = two_communities()
    training = make_training(case)
    judged = len(case.graph.artists("val"))
    truth = case.truth("val")[case.graph.artists("val")][:, case.graph.artists("val")]
    most = int((np.diff(truth.indptr) > 0).sum()) - 1
    asked = []

    def score(scorer, truth, candidates, queries):
        asked.append((candidates.tolist(), queries.tolist()))
        return query_ndcg(scorer, truth, candidates, queries=queries)

    monkeypatch.setattr(training_module, "query_ndcg", score)
    embedding = np.random.default_rng(0).normal(size=(judged, 4)).astype(np.float32)
    training._validation_score(embedding)
    monkeypatch.setattr(training_module, "_MAX_SCORES", most * judged)
    assert training._validation_score(embedding) == training._validation_score(embedding)
    whole, some, again = asked
    assert whole == (case.graph.artists("val").tolist(),) * 2
    assert some == again and some[0] == whole[0]
    # All of them have something to find; drawn from all artists, some would have nothing.
    assert len(some[1]) == most and set(some[1]) < set(whole[1])
    place = np.searchsorted(case.graph.artists("val"), some[1])
    assert (np.diff(truth.indptr)[place] > 0).all()
