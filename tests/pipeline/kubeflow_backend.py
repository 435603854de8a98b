"""Runs a compiled package as the open-source back end of Kubeflow Pipelines does, step by step.

A test driver, no orchestrator: steps in topological order, each as a process of its own. Like the
driver and the launcher of Kubeflow Pipelines 2 (backend/src/v2 of kubeflow/pipelines), it hands
each the ExecutorInput as JSON in place of `{{$}}`; input artifacts with name, URI and metadata,
but without their type; output artifacts with their type, whose folders it does not make. Before a
step it copies inputs from the object store (here a folder) to `/minio/…`, after it outputs back,
and it keeps of an artifact only what the step's output file says. What a step writes anywhere else
is gone when the next one runs.
"""

from __future__ import annotations

import dataclasses
import graphlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY
from tests.deploy.image import environment

_SCHEME = "minio://"
# The one form of a CEL expression that TFX makes of the pipeline's predicates.
_CONDITION = re.compile(
    r"\(inputs\.artifacts\['([^']+)'\]\.artifacts\[0\]\.metadata\['([^']+)'\] == '([^']*)'\)"
)


@dataclasses.dataclass(frozen=True)
class StepResult:
    """What came of a step: 0 or another status, what it printed, its output artifacts.

    `seconds` is its time, `cpu_seconds` that of all its threads, `memory` the most bytes that its
    process held.
    """

    status: int
    log: str
    artifacts: Mapping[str, Mapping[str, Any]]
    seconds: float
    cpu_seconds: float
    memory: int


class Backend:
    """An object store below a folder, and runs whose artifacts lie there.

    Args:
      folder: of the store and of what a container writes.
      secrets: what the steps' containers have in their environment.
      sources: the folder in which steps begin, which has the packages.
    """

    def __init__(self, folder: Path, secrets: Mapping[str, str] = {}, sources: Path = REPOSITORY):
        self._secrets = dict(secrets)
        self._sources = sources
        self._store = folder / "store"
        self._local = folder / "container"
        self._num_artifacts = 0

    def path(self, uri: str) -> Path:
        """Where the store keeps what a URI names."""
        assert uri.startswith(_SCHEME), f"the launcher refuses {uri}"
        return self._store / uri.removeprefix(_SCHEME)

    def run(
        self,
        spec: Mapping[str, Any],
        run: str,
        done: Mapping[str, StepResult] | None = None,
        **parameters: str,
    ) -> dict[str, StepResult]:
        """Runs all steps that are triggered, or those up to the first that fails.

        Args:
          spec: the PipelineSpec.
          run: the id of the run.
          done: results of steps of an earlier run that are taken over.
          parameters: of the run.

        Returns:
          The results by step; those that are left out have none.
        """
        tasks = spec["root"]["dag"]["tasks"]
        declared = spec["root"]["inputDefinitions"]["parameters"]
        assert set(parameters) <= set(declared), "the back end refuses what is not declared"
        given = {name: one["defaultValue"] for name, one in declared.items()} | parameters
        order = graphlib.TopologicalSorter(
            {name: task.get("dependentTasks", []) for name, task in sorted(tasks.items())}
        )
        results = dict(done or {})
        for name in order.static_order():
            if name in results:
                continue
            # The compiler of the back end makes `X.Succeeded` of a dependency on X, so that what
            # needs a step that was left out is left out too.
            if not all(before in results for before in tasks[name].get("dependentTasks", [])):
                continue
            if not _is_triggered(tasks[name], results):
                continue
            results[name] = self._step(spec, name, run, given, results)
            if results[name].status:
                break
        return results

    def _step(
        self,
        spec: Mapping[str, Any],
        name: str,
        run: str,
        given: Mapping[str, Any],
        results: Mapping[str, StepResult],
    ) -> StepResult:
        task = spec["root"]["dag"]["tasks"][name]
        component = spec["components"][task["componentRef"]["name"]]
        container = spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
        shutil.rmtree(self._local, ignore_errors=True)
        output_file = self._local / "tmp" / "kfp_outputs" / "output_metadata.json"
        root = f"{spec['defaultPipelineRoot']}/{spec['pipelineInfo']['name']}/{run}/{name}"
        executor_input = {
            "inputs": {
                "parameterValues": {
                    key: _parameter(one, given, run)
                    for key, one in task["inputs"].get("parameters", {}).items()
                },
                "artifacts": {
                    key: {"artifacts": [_input(one["taskOutputArtifact"], results)]}
                    for key, one in task["inputs"].get("artifacts", {}).items()
                },
            },
            "outputs": {
                "artifacts": {
                    key: {"artifacts": [{"uri": f"{root}/{key}", "type": one["artifactType"]}]}
                    for key, one in component["outputDefinitions"]["artifacts"].items()
                },
                "outputFile": str(output_file),
            },
        }
        for listed in executor_input["inputs"]["artifacts"].values():
            self._download(listed["artifacts"][0]["uri"])
        for listed in executor_input["outputs"]["artifacts"].values():
            self._local_path(listed["artifacts"][0]["uri"]).parent.mkdir(
                parents=True, exist_ok=True
            )
        placed = {"{{$}}": json.dumps(executor_input)}
        command = [
            placed.get(word, word) for word in (*container["command"], *container.get("args", []))
        ]
        # The image's `python` is on its PATH.
        assert command[0] == "python"
        (self._local / "tmp").mkdir(parents=True, exist_ok=True)
        log = self._local / "log.txt"
        started = time.monotonic()
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=self._sources,
                env=self._environment(),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
            # In place of `wait`, which does not say what the process needed.
            _, ended, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(ended)
        came = StepResult(
            status=process.returncode,
            log=log.read_text(),
            artifacts={},
            seconds=time.monotonic() - started,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            # Linux counts in KiB.
            memory=usage.ru_maxrss * 1024,
        )
        if came.status:
            return came
        written = json.loads(output_file.read_text())["artifacts"]
        artifacts = {}
        for key, listed in executor_input["outputs"]["artifacts"].items():
            artifact = dict(listed["artifacts"][0])
            (told,) = written[key]["artifacts"]
            artifact |= {"uri": told["uri"], "metadata": told.get("metadata", {})}
            assert artifact["uri"].startswith(root), "the launcher refuses another run's folder"
            self._upload(artifact["uri"])
            self._num_artifacts += 1
            artifact["name"] = str(self._num_artifacts)
            artifacts[key] = artifact
        return dataclasses.replace(came, artifacts=artifacts)

    def _environment(self) -> dict[str, str]:
        """What the image sets, and nothing of the test's own environment."""
        of_image = {
            # `/tmp` is the container's own.
            name: value.replace("/tmp", f"{self._local}/tmp")
            for name, value in environment().items()
        }
        return of_image | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin",
            # The launcher's own: where it would be `/minio`, which a test has no right to write.
            "ARTIFACT_LOCAL_PATH": str(self._local),
            **self._secrets,
        }

    def _local_path(self, uri: str) -> Path:
        return self._local / "minio" / uri.removeprefix(_SCHEME)

    def _download(self, uri: str) -> None:
        # A store has no empty folders, and nothing to copy is no error.
        for source in self._files(self.path(uri)):
            target = self._local_path(uri) / source.relative_to(self.path(uri))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def _upload(self, uri: str) -> None:
        for source in self._files(self._local_path(uri)):
            target = self.path(uri) / source.relative_to(self._local_path(uri))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def _files(self, folder: Path) -> list[Path]:
        return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _is_triggered(task: Mapping[str, Any], results: Mapping[str, StepResult]) -> bool:
    """As the driver evaluates the condition, on the inputs, before the container is started."""
    condition = task.get("triggerPolicy", {}).get("condition")
    if condition is None:
        return True
    found = _CONDITION.fullmatch(condition)
    assert found, condition
    artifact = _input(task["inputs"]["artifacts"][found[1]]["taskOutputArtifact"], results)
    return artifact["metadata"][found[2]] == found[3]


def _parameter(wanted: Mapping[str, Any], given: Mapping[str, Any], run: str) -> Any:
    if "componentInputParameter" in wanted:
        return given[wanted["componentInputParameter"]]
    constant = wanted["runtimeValue"]["constant"]
    return run if constant == "{{$.pipeline_job_uuid}}" else constant


def _input(wanted: Mapping[str, Any], results: Mapping[str, StepResult]) -> dict[str, Any]:
    artifact = results[wanted["producerTask"]].artifacts[wanted["outputArtifactKey"]]
    return {key: artifact[key] for key in ("name", "uri", "metadata")}
