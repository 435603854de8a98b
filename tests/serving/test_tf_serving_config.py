"""The configuration for a real TF Serving is one that it reads."""

from __future__ import annotations

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from pipeline.home import PIPELINE_NAME
from tests.conftest import REPOSITORY


def test_the_model_is_the_pipeline_s():
    text = (REPOSITORY / "serving" / "tf_serving" / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    [model] = config.model_config_list.config
    assert model.name == PIPELINE_NAME
    assert model.base_path == f"/models/{PIPELINE_NAME}"
    assert model.model_version_policy.latest.num_versions == 1
