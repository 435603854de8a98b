"""The compiled package: Kubeflow Pipelines takes it, and a change of the DAG shows as a diff.

Where the golden file is deleted, its test writes it anew, and fails that once.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kfp
import pytest
import yaml
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils

from catalogues.errors import InputError
from pipeline.command_line import main
from pipeline.config import PipelineConfig, parse_config
from pipeline.kubeflow_entrypoint import localized
from pipeline.kubeflow_resources import ResourcesConfig
from pipeline.kubeflow_runner import compile_package
from tests.pipeline.test_kubeflow_config import SECTION

GOLDEN = Path(__file__).with_name("kubeflow_package.golden.yaml")
GIVEN = {
    "catalogue": {"path": "/mnt/artist-sim/catalogues/{YYYY}-{MM}-{DD}"},
    "kubeflow": SECTION,
}


def config(**changes: Any) -> PipelineConfig:
    return parse_config({**GIVEN, **changes}, "k.yaml")


@pytest.fixture(scope="module")
def package() -> list[dict[str, Any]]:
    return compile_package(config())


def normalised(documents: list[dict[str, Any]]) -> str:
    """The documents as a person reads them: JSON in texts opened, versions and fingerprints out."""
    opened = [_opened(document) for document in documents]
    opened[0]["sdkVersion"] = "(left out)"
    return yaml.safe_dump_all(opened, sort_keys=True, width=100)


def _opened(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _opened(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_opened(item) for item in value]
    if key == "instanceSchema":
        return yaml.safe_load(value)["title"]
    if isinstance(value, str) and re.match(r'\[|\{\s*"', value):
        return _opened(json.loads(value))
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{16}", value):
        return "(left out)"
    return value


def test_the_dag_is_the_one_of_the_golden_file(package):
    found = normalised(package)
    if not GOLDEN.exists():
        GOLDEN.write_text(found)
        pytest.fail(f"{GOLDEN.name} was not there and is written anew; read it, and commit it.")
    lines = [text.splitlines(keepends=True) for text in (GOLDEN.read_text(), found)]
    diff = "".join(difflib.unified_diff(*lines, "golden file", "compiled now"))
    assert not diff, (
        f"The package differs from {GOLDEN.name}:\n{diff}\nIf that is meant, delete that file and "
        "run this test again: it is written anew."
    )


def test_kfp_loads_the_file_that_the_command_writes(tmp_path, capsys):
    given = tmp_path / "k.yaml"
    given.write_text(yaml.safe_dump(GIVEN))
    output = tmp_path / "new folder" / "artist-sim.yaml"
    assert main(["kubeflow", "compile", "--config", str(given), "--output", str(output)]) == 0
    told = capsys.readouterr().out
    assert "artist-sim.yaml: pipeline 'artist-sim', 11 steps" in told
    assert SECTION["serving_root"] in told and "gate_floor, overrides, span" in told
    assert [path.name for path in output.parent.iterdir()] == [output.name]

    component = kfp.components.load_component_from_file(str(output))
    assert component.pipeline_spec.pipeline_info.name == "artist-sim"
    inputs = component.component_spec.inputs
    assert {name: (one.type, one.optional, one.default) for name, one in inputs.items()} == {
        name: ("String", True, "") for name in ("span", "gate_floor", "overrides")
    }
    mounts = component.platform_spec.platforms["kubernetes"].deployment_spec.executors
    assert len(mounts) == 11


def test_it_is_a_valid_spec_that_the_open_source_back_end_takes(package):
    spec = json_format.ParseDict(package[0], pipeline_spec_pb2.PipelineSpec())
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,127}", spec.pipeline_info.name)
    assert spec.schema_version == "2.1.0"
    deployment = json_format.ParseDict(
        package[0]["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig()
    )
    kinds = {one.WhichOneof("spec") for one in deployment.executors.values()}
    assert kinds == {"container"}, "no resolver executor, which the back end refuses"
    for name, task in spec.root.dag.tasks.items():
        component = spec.components[task.component_ref.name]
        container = deployment.executors[component.executor_label].container
        assert list(container.command) == [
            *("python", "-m", "pipeline.kubeflow_entrypoint"),
            *("--serving_root", config().kubeflow.serving_root),
        ]
        assert not container.HasField("lifecycle"), "a hook is a driver, and there are none"
        assert not task.caching_options.enable_cache, "a cached retraining does nothing"
        assert set(task.inputs.parameters) == set(component.input_definitions.parameters)
        assert set(task.inputs.artifacts) == set(component.input_definitions.artifacts)
        for key, one in task.inputs.artifacts.items():
            source = one.task_output_artifact
            made = spec.components[source.producer_task].output_definitions.artifacts
            wanted = component.input_definitions.artifacts[key].artifact_type
            assert made[source.output_artifact_key].artifact_type == wanted, (name, key)
            assert source.producer_task in task.dependent_tasks
        # TFX leaves out what a condition looks at where the step has it by another name as well.
        looked_at = re.findall(r"inputs\.artifacts\['([^']+)'\]", task.trigger_policy.condition)
        assert set(looked_at) <= set(task.inputs.artifacts), name


def test_nothing_of_this_machine_is_compiled_in(package):
    assert str(Path.cwd()) not in json.dumps(package)
    assert str(Path.home()) + "/" not in json.dumps(package)


def test_without_a_volume_there_is_nothing_to_mount():
    section = {
        "image": "artist-sim:1",
        "pipeline_root": "gs://bucket/runs",
        "serving_root": "gs://bucket/serving",
    }
    documents = compile_package(
        config(catalogue={"path": "gs://bucket/catalogue"}, kubeflow=section)
    )
    assert len(documents) == 1


def test_secrets_are_named_and_nothing_else():
    secret = {"variable": "ARTIST_SIM_WEBHOOK_URL", "secret": "artist-sim", "key": "webhook-url"}
    (spec, platform) = compile_package(config(kubeflow={**SECTION, "secrets": [secret]}))
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(executors) == set(spec["deploymentSpec"]["executors"])
    for one in executors.values():
        assert one["secretAsEnv"] == [
            {
                "secretName": "artist-sim",
                "keyToEnv": [{"secretKey": "webhook-url", "envVar": "ARTIST_SIM_WEBHOOK_URL"}],
            }
        ]
        assert one["pvcMount"]
    assert "&id" not in yaml.safe_dump_all([spec, platform])


def test_steps_ask_for_what_is_configured(package):
    """In the fields that the back end reads: cores, and memory in 10**9 bytes."""
    spec = json_format.ParseDict(
        package[0]["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig()
    )
    defaults = ResourcesConfig()
    asked = {name: one.container.resources for name, one in spec.executors.items()}
    for name, kind in (
        ("CatalogueExampleGen", defaults.graph),
        ("StatisticsGen", defaults.statistics),
        ("Trainer", defaults.trainer),
        ("RetrievalEvaluator", defaults.judge),
        ("SchemaGen", defaults.others),
        ("OrderedPusher", defaults.others),
    ):
        found = asked[f"{name}_executor"]
        assert found.cpu_request == kind.cpu
        assert found.memory_limit == found.memory_request == kind.gigabytes
        assert not found.HasField("accelerator")
    changed = compile_package(
        config(kubeflow={**SECTION, "resources": {"others": {"cpu": 3, "memory": "512Mi"}}})
    )
    executors = changed[0]["deploymentSpec"]["executors"]
    # 512 * 2**20 bytes.
    assert executors["SchemaGen_executor"]["container"]["resources"] == {
        "cpuRequest": 3.0,
        "memoryRequest": 0.536870912,
        "memoryLimit": 0.536870912,
    }


def test_the_trainer_alone_has_an_accelerator():
    gpu = {
        "image": "registry.example.com/artist-sim:0.1.0-gpu",
        "count": 2,
        "node_labels": ["pool=gpu", "cloud.google.com/gke-accelerator=nvidia-l4"],
    }
    spec, platform = compile_package(config(kubeflow={**SECTION, "gpu": gpu}))
    deployment = json_format.ParseDict(
        spec["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig()
    )
    placed = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for name, executor in deployment.executors.items():
        container = executor.container
        if name != "Trainer_executor":
            assert container.image == SECTION["image"]
            assert not container.resources.HasField("accelerator")
            assert placed[name].keys() == {"pvcMount"}
    trainer = deployment.executors["Trainer_executor"].container
    assert trainer.image == gpu["image"]
    assert trainer.resources.accelerator.type == "nvidia.com/gpu"
    assert trainer.resources.accelerator.count == 2
    assert placed["Trainer_executor"]["nodeSelector"] == {
        "labels": {"pool": "gpu", "cloud.google.com/gke-accelerator": "nvidia-l4"}
    }
    assert placed["Trainer_executor"]["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists"}
    ]


def test_without_a_volume_the_trainer_alone_is_placed():
    section = {
        "image": "artist-sim:1",
        "pipeline_root": "gs://bucket/runs",
        "serving_root": "gs://bucket/serving",
        "gpu": {"image": "artist-sim:1-gpu"},
    }
    _, platform = compile_package(
        config(catalogue={"path": "gs://bucket/catalogue"}, kubeflow=section)
    )
    placed = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert placed == {
        "Trainer_executor": {"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]}
    }


def test_a_curated_schema_is_read_by_its_place():
    (spec, _) = compile_package(config(schema="/mnt/artist-sim/schema.pbtxt"))
    tasks = spec["root"]["dag"]["tasks"]
    told = tasks["ImportSchemaGen"]["inputs"]["parameters"]["schema_file"]
    assert told == {"runtimeValue": {"constant": "/mnt/artist-sim/schema.pbtxt"}}
    assert "SchemaGen" not in tasks


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"catalogue": {"path": "catalogues/sampler"}}, "`catalogue.path` must be a path below"),
        ({"schema": "schema.pbtxt"}, "`schema` must be a path below '/mnt/artist-sim'"),
        ({"trainer": {"system": "gnm"}}, "gnm"),
        ({"beam": {"runner": "FlnkRunner"}}, "did you mean 'FlinkRunner'?"),
        ({"kubeflow": None}, "has no section `kubeflow`"),
    ],
)
def test_what_cannot_run_there_is_not_compiled(changes, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        compile_package(config(**changes))


def test_mistakes_on_the_command_line(tmp_path, capsys):
    assert main(["kubeflow", "compile", "--output", str(tmp_path / "p.json")]) == 2
    assert "'p.json' does not end in .yaml or .yml" in capsys.readouterr().err
    assert main(["kubeflow", "compile", "--output", str(tmp_path / "p.yaml")]) == 2
    assert "The configuration has no section `kubeflow`" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    with pytest.raises(SystemExit) as ended:
        main(["kubeflow", "compile", "--help"])
    assert ended.value.code == 0
    assert "pipeline_root: minio://" in capsys.readouterr().out


def _executor_input() -> dict[str, Any]:
    """As the open-source back end has it: inputs without a type, outputs with one."""
    model = {"name": "7", "uri": "minio://bucket/run/Trainer/model", "metadata": {"blessed": 1.0}}
    found = {"uri": "s3://bucket/run/LatestServedModel/model", "type": {"schemaTitle": "tfx.Model"}}
    return {
        "inputs": {"artifacts": {"current_model": {"artifacts": [model]}}},
        "outputs": {"artifacts": {"model": {"artifacts": [found]}}, "outputFile": "/tmp/o.json"},
    }


def test_tfx_does_not_read_what_the_back_end_hands_over_and_does_once_adapted(package, monkeypatch):
    monkeypatch.delenv("ARTIFACT_LOCAL_PATH", raising=False)
    given = _executor_input()
    spec = package[0]["components"]["LatestServedModel"]["inputDefinitions"]

    def parsed(message: Mapping[str, Any]):
        read = json_format.ParseDict(message, pipeline_spec_pb2.ExecutorInput())
        return kubeflow_v2_entrypoint_utils.parse_raw_artifact_dict(read.inputs.artifacts)

    # The fault that decision 0012 tells of. Where this no longer fails, TFX was mended.
    with pytest.raises(UnboundLocalError):
        parsed(given)
    adapted = localized(given, spec)
    (model,) = parsed(adapted)["current_model"]
    assert model.type_name == "Model"
    assert model.uri == "/minio/bucket/run/Trainer/model"
    assert model.get_int_custom_property("blessed") == 1
    (found,) = adapted["outputs"]["artifacts"]["model"]["artifacts"]
    assert found["uri"] == "/s3/bucket/run/LatestServedModel/model"
    assert given == _executor_input(), "the message itself stays as it was"


def local_pipeline(folder: Path, **changes: Any):
    from pipeline.dag import create_pipeline

    return create_pipeline(
        dataclasses.replace(config(**changes), kubeflow=None),
        pipeline_root=str(folder),
        serving_root=str(folder / "serving"),
        checkpoints=str(folder / "checkpoints"),
    )


def test_a_local_run_tries_what_a_server_serves(tmp_path):
    local = local_pipeline(tmp_path, smoke_test={"server": "localhost:8500", "seconds": 5})
    (step,) = (node for node in local.components if node.id == "SmokeTest")
    assert step.exec_properties["server"] == "localhost:8500"
    assert step.exec_properties["seconds"] == 5


def test_with_staging_the_graph_builder_alone_runs_elsewhere(tmp_path):
    elsewhere = {"runner": "PortableRunner", "staging": "gs://bucket/staged"}
    local = local_pipeline(tmp_path, beam=elsewhere)
    by_id = {node.id: node for node in local.components}
    assert by_id["CatalogueExampleGen"].exec_properties["staging"] == "gs://bucket/staged"

    def runner(step: str) -> str:
        arguments = by_id[step].executor_spec.beam_pipeline_args
        return PipelineOptions(arguments).view_as(StandardOptions).runner

    assert runner("CatalogueExampleGen") == "PortableRunner"
    assert runner("StatisticsGen") == runner("RetrievalEvaluator") == "DirectRunner"


def test_the_local_run_is_compiled_as_ever(tmp_path):
    local = local_pipeline(tmp_path)
    assert local.pipeline_info.pipeline_name == "artist_sim"
    assert local.enable_cache
    assert {node.id for node in local.components} == {
        "CatalogueExampleGen",
        "StatisticsGen",
        "SchemaGen",
        "StoppingExampleValidator",
        "Trainer",
        "LatestBlessedModel",
        "RetrievalEvaluator",
        "LedgerPusher",
    }
