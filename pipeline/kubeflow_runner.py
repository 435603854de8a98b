"""Compiles the DAG to a package of Kubeflow Pipelines: one YAML file, made without a cluster."""

from __future__ import annotations

import hashlib
import json
import os
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import yaml
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
)

from catalogues.errors import InputError
from pipeline.config import PipelineConfig
from pipeline.dag import create_pipeline
from pipeline.home import DEPLOYED_NAME
from pipeline.kubeflow_config import KubeflowConfig
from pipeline.kubeflow_entrypoint import SERVING_ROOT_FLAG
from pipeline.kubeflow_resources import with_resources
from pipeline.preflight import check_kubeflow

_DIGEST_LENGTH: Final = 12
COMMAND: Final = ("python", "-m", "pipeline.kubeflow_entrypoint")


def compile_package(config: PipelineConfig) -> list[dict[str, Any]]:
    """The documents of the package.

    Args:
      config: with a section `kubeflow`.

    Returns:
      A PipelineSpec as JSON, and, where there is a volume or a secret, the PlatformSpec that gives
      it to all steps; it also says where the trainer runs.

    Raises:
      InputError: as `check_kubeflow` does.
    """
    kubeflow = check_kubeflow(config)
    pipeline = create_pipeline(
        config,
        pipeline_root=kubeflow.pipeline_root,
        serving_root=kubeflow.serving_root,
        checkpoints=kubeflow.checkpoints,
        on_kubeflow=True,
    )
    runner = KubeflowV2DagRunner(
        KubeflowV2DagRunnerConfig(
            display_name=DEPLOYED_NAME,
            default_image=kubeflow.image,
            default_commands=[*COMMAND, SERVING_ROOT_FLAG, kubeflow.serving_root],
            use_pipeline_spec_2_1=True,
        )
    )
    spec = runner.run(pipeline, write_out=False)["pipelineSpec"]
    # TFX leaves it to the job, which a YAML package has not.
    spec["defaultPipelineRoot"] = kubeflow.pipeline_root
    for parameter in spec["root"]["inputDefinitions"]["parameters"].values():
        # TFX leaves out the defaults of runtime parameters; all of ours are empty.
        parameter |= {"defaultValue": "", "isOptional": True}
    on_kubernetes = _on_kubernetes(kubeflow)
    documents = [spec, _platform(spec, on_kubernetes)] if on_kubernetes else [spec]
    return with_resources(documents, kubeflow.resources, kubeflow.gpu)


def package_text(documents: list[dict[str, Any]]) -> str:
    """The documents as YAML: the same text for the same documents."""
    text: str = yaml.safe_dump_all(documents, sort_keys=True, width=100)
    return text


def version_name(package: str) -> str:
    """What a package is called as a version of the pipeline: artist_sim's own and its digest.

    Args:
      package: the YAML.
    """
    digest = hashlib.sha256(package.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{metadata.version(DEPLOYED_NAME)}-{digest}"


def write_package(documents: list[dict[str, Any]], path: Path) -> None:
    """Writes the documents as YAML, all or nothing."""
    beside = path.with_name(f"{path.name}.writing")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(package_text(documents), encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise InputError(
            f"The package cannot be written to '{path.name}' ({error.strerror}); name another "
            "file with --output."
        ) from None


def _on_kubernetes(kubeflow: KubeflowConfig) -> dict[str, Any]:
    """What every step has of Kubernetes: the volume, and secrets as environment variables."""
    given: dict[str, Any] = {}
    if kubeflow.volume:
        mount = {"constant": kubeflow.volume.claim, "mountPath": kubeflow.volume.path}
        given["pvcMount"] = [mount]
    if kubeflow.secrets:
        given["secretAsEnv"] = [
            {
                "secretName": one.secret,
                "keyToEnv": [{"secretKey": one.key, "envVar": one.variable}],
            }
            for one in kubeflow.secrets
        ]
    return given


def _platform(spec: dict[str, Any], on_kubernetes: dict[str, Any]) -> dict[str, Any]:
    executors = {name: on_kubernetes for name in spec["deploymentSpec"]["executors"]}
    # A copy for each: YAML would write the second as a reference to the first.
    deployment = json.loads(json.dumps({"executors": executors}))
    return {"platforms": {"kubernetes": {"deploymentSpec": deployment}}}
