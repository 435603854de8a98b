"""The training's curves, from the log that it writes for TensorBoard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator

from components.retrieval_evaluator.page.contents import Curve


def read_curves(folder: Path) -> Sequence[Curve]:
    """Every scalar of a training run, by name.

    A training that was killed and resumed has written some epochs twice: the last writing counts.

    Args:
      folder: with TensorBoard's event files; need not exist.
    """
    if not folder.is_dir():
        return []
    # 0: all of each, which the accumulator would sample otherwise.
    events = EventAccumulator(str(folder), size_guidance={TENSORS: 0}).Reload()
    curves = []
    for name in sorted(events.Tags()["tensors"]):
        # Files of the same second come in the order of their names, which is not that of writing.
        written = sorted(events.Tensors(name), key=lambda event: event.wall_time)
        points = {
            event.step: float(tf.make_ndarray(event.tensor_proto))
            for event in written
            if not event.tensor_proto.tensor_shape.dim and event.tensor_proto.dtype == tf.float32
        }
        if points:
            steps = sorted(points)
            curves.append(Curve(name, np.array(steps), np.array([points[step] for step in steps])))
    return curves
