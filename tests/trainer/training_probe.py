"""Trains in a process of its own, whose devices and flags are set before TensorFlow starts.

Called as `python -m tests.trainer.training_probe xla|mirrored`, prints one JSON object.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import tensorflow as tf

from tests.trainer.graphs import two_communities
from tests.trainer.small_systems import small_config, triplet_task
from trainer.training import Training


def trained(strategy: tf.distribute.Strategy | None, **options) -> dict:
    case = two_communities()
    config = small_config(1, epochs=10, pseudo_eval_fraction=0.34, **options)
    training = Training(
        triplet_task(case.graph, config),
        case.graph,
        case.truth("val"),
        config.training,
        strategy=strategy,
    )
    losses = [report.loss for report in training.run()]
    weights = [variable.numpy() for variable in training.network.trainable_variables]
    step = training._step
    return {
        "losses": losses,
        "finite": all(bool(np.isfinite(w).all()) for w in weights),
        "traces": step.experimental_get_tracing_count(),
        "replicas": training._strategy.num_replicas_in_sync,
    }


if __name__ == "__main__":
    if sys.argv[1] == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        names = [device.name for device in tf.config.list_logical_devices("CPU")]
        print(json.dumps(trained(tf.distribute.MirroredStrategy(names))))
    else:
        print(json.dumps(trained(None, xla=True, mixed_precision=True)))
