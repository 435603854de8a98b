"""The curves are the ones that the training wrote for TensorBoard."""

from __future__ import annotations

import pytest
import tensorflow as tf

from components.retrieval_evaluator.page.training_curves import read_curves


def write(folder, steps):
    with tf.summary.create_file_writer(str(folder)).as_default():
        for step, value in steps:
            tf.summary.scalar("val/connected_ndcg_at_200", value, step=step)


@pytest.mark.parametrize("names", [("1", "2"), ("9", "10")])
def test_every_epoch_is_there_once_and_the_last_writing_counts(tmp_path, names):
    # Killed after epoch 3 was written but not kept; resumed in another file.
    for name, steps in zip(
        names, ([(1, 0.1), (2, 0.2), (3, 0.9)], [(3, 0.3), (4, 0.4)]), strict=True
    ):
        write(tmp_path / "new", steps)
        (file,) = (tmp_path / "new").iterdir()
        file.rename(tmp_path / f"events.out.tfevents.0.{name}.v2")
    (tmp_path / "new").rmdir()
    (curve,) = read_curves(tmp_path)
    assert curve.name == "val/connected_ndcg_at_200"
    assert curve.epoch.tolist() == [1, 2, 3, 4]
    assert [round(value, 6) for value in curve.value] == [0.1, 0.2, 0.3, 0.4]


def test_long_trainings_are_not_thinned_out(tmp_path):
    write(tmp_path, [(step, 0.5) for step in range(1500)])
    (curve,) = read_curves(tmp_path)
    assert len(curve.epoch) == 1500


def test_what_is_no_scalar_is_left_out(tmp_path):
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        tf.summary.text("config", "what: ever", step=0)
        tf.summary.histogram("weights", [1.0, 2.0], step=0)
    assert read_curves(tmp_path) == []


def test_without_a_log_there_is_no_curve(tmp_path):
    assert read_curves(tmp_path / "gone") == []
    assert read_curves(tmp_path) == []
