"""The section `kubeflow`: what steps could not reach is refused before anything is compiled."""

from __future__ import annotations

from typing import Any

import pytest

from catalogues.errors import InputError
from pipeline.config import parse_config

SECTION: dict[str, Any] = {
    "image": "registry.example.com/artist-sim:0.1.0",
    "pipeline_root": "minio://mlpipeline/artist-sim",
    "serving_root": "/mnt/artist-sim/serving/artist_sim",
    "checkpoints": "/mnt/artist-sim/checkpoints",
    "volume": {"claim": "artist-sim", "path": "/mnt/artist-sim"},
}


def parsed(**changes: Any):
    section = {key: value for key, value in {**SECTION, **changes}.items() if value is not None}
    given = {"catalogue": {"path": "/mnt/artist-sim/catalogue"}, "kubeflow": section}
    return parse_config(given, "k.yaml").kubeflow


def test_an_object_store_and_a_volume():
    kubeflow = parsed()
    assert kubeflow.volume.claim == "artist-sim"
    for root in ("gs://bucket/runs", "s3://bucket/runs", "minio://bucket"):
        assert parsed(pipeline_root=root).pipeline_root == root


def test_without_a_volume_only_gs_is_read_by_steps():
    kubeflow = parsed(serving_root="gs://bucket/serving", volume=None, checkpoints=None)
    assert kubeflow.checkpoints.startswith("/tmp/")
    assert kubeflow.place_fault("gs://bucket/catalogue") is None
    fault = kubeflow.place_fault("/mnt/artist-sim/catalogue")
    assert fault == (
        "must be a path below that of a `kubeflow.volume` or begin with 'gs://', not "
        "'/mnt/artist-sim/catalogue'"
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"secrets": [{"variable": "http://hook/x", "secret": "s", "key": "k"}]},
            "`kubeflow.secrets[0].variable` must be the name of an environment variable",
        ),
        (
            {"secrets": [{"variable": "A", "secret": "http://hook/x", "key": "k"}]},
            "`kubeflow.secrets[0].secret` must be the name of a Secret",
        ),
        (
            {"secrets": [{"variable": "A", "secret": "s", "key": "http://hook/x"}]},
            "`kubeflow.secrets[0].key` must be one of the Secret's keys",
        ),
        ({"image": ""}, "`kubeflow.image` must name a container image"),
        ({"pipeline_root": "/mnt/artist-sim/runs"}, "`kubeflow.pipeline_root` must be a folder of"),
        ({"pipeline_root": "file:///runs"}, "`kubeflow.pipeline_root` must be a folder of an obj"),
        ({"pipeline_root": "minio://"}, "`kubeflow.pipeline_root` must be a folder of an object"),
        ({"serving_root": "serving"}, "`kubeflow.serving_root` must be a path below '/mnt/artist"),
        ({"serving_root": "/srv/artist_sim"}, "`kubeflow.serving_root` must be a path below"),
        ({"serving_root": "/mnt/artist-sim"}, "`kubeflow.serving_root` must be a path below"),
        ({"serving_root": "/mnt/artist-sim/../srv"}, "`kubeflow.serving_root` must be a path"),
        # No file system of TensorFlow 2.16.
        ({"serving_root": "s3://bucket/serving"}, "`kubeflow.serving_root` must be a path below"),
        ({"serving_root": "minio://bucket/x"}, "or begin with 'gs://', not 'minio://bucket/x'."),
        ({"checkpoints": "checkpoints"}, "`kubeflow.checkpoints` must be an absolute path"),
        ({"checkpoints": "gs://bucket/c"}, "`kubeflow.checkpoints` must be an absolute path"),
        ({"volume": {"claim": "Artist_Sim", "path": "/mnt"}}, "`kubeflow.volume.claim` must be"),
        ({"volume": {"claim": "a", "path": "mnt"}}, "`kubeflow.volume.path` must be an absolute"),
        ({"volume": {"claim": "a", "path": "/"}}, "`kubeflow.volume.path` must be an absolute"),
        ({"volume": {"claim": "a"}}, "`kubeflow.volume.path` is missing"),
        (
            {"resources": {"judge": {"cpu": 0, "memory": "1Gi"}}},
            "`kubeflow.resources.judge.cpu` must be above 0",
        ),
        (
            {"resources": {"judge": {"cpu": 1, "memory": "1GB"}}},
            "`kubeflow.resources.judge.memory` must be such as '4Gi' or '500M', not '1GB'",
        ),
        ({"resources": {"judge": {"cpu": 1, "memory": "0Gi"}}}, "must be such as '4Gi'"),
        ({"resources": {"judge": {"cpu": 1}}}, "`kubeflow.resources.judge.memory` is missing"),
        ({"resources": {"jduge": {}}}, "unknown key `kubeflow.resources.jduge`"),
        ({"gpu": {"count": 1}}, "`kubeflow.gpu.image` is missing"),
        ({"gpu": {"image": "a b"}}, "`kubeflow.gpu.image` must name a container image"),
        ({"gpu": {"image": "a", "count": 0}}, "`kubeflow.gpu.count` must be 1 or more"),
        ({"gpu": {"image": "a", "resource": "gpu"}}, "`kubeflow.gpu.resource` must be such as"),
        (
            {"gpu": {"image": "a", "node_labels": ["l4"]}},
            "`kubeflow.gpu.node_labels` must be of the form 'label=value', not 'l4'",
        ),
        (
            {"gpu": {"image": "a", "tolerated_taints": ["x y"]}},
            "`kubeflow.gpu.tolerated_taints` must be keys of taints",
        ),
        ({"namespace": "x"}, "unknown key `kubeflow.namespace`"),
    ],
)
def test_what_a_run_would_not_reach_is_told_in_one_sentence(change, sentence):
    with pytest.raises(InputError) as raised:
        parsed(**change)
    assert str(raised.value).startswith("k.yaml: ")
    assert sentence in str(raised.value)
    assert str(raised.value).endswith(".") and "\n" not in str(raised.value)
