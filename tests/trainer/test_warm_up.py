"""A saved model brings the requests that it is warmed up with."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.trainer.saved_models import save, weighted_case
from tests.trainer.small_systems import small_config, small_diffusion_config


@pytest.mark.parametrize("make_config", [small_config, small_diffusion_config])
def test_each_request_is_one_that_the_model_answers(make_config, tmp_path: Path):
    save(weighted_case(), tmp_path / "model", make_config)
    model = tf.saved_model.load(str(tmp_path / "model"))
    file = tmp_path / "model" / "assets.extra" / "tf_serving_warmup_requests"
    records = list(tf.data.TFRecordDataset(str(file)).as_numpy_iterator())
    answers = {}
    for record in records:
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        name = request.model_spec.signature_name
        given = {key: tf.constant(value) for key, value in inputs.items()}
        answers[name] = model.signatures[name](**given)
    assert list(answers) == [
        "serving_default",
        "similar",
        "similar_filtered",
        "nearest",
        "embed_new",
    ]
    # They do the work of a request, and not what an unknown artist is answered with.
    assert answers["serving_default"]["known"].numpy().all()
    for name in ("similar", "similar_filtered"):
        assert answers[name]["known"].numpy().all()
    for name in ("similar", "similar_filtered", "nearest"):
        assert answers[name]["similar_id"].shape == (1, 10)
        assert b"" not in answers[name]["similar_id"].numpy()
    assert answers["embed_new"]["known_neighbors"].numpy().tolist() == [1]
