"""What the container of a step on Kubeflow Pipelines runs: TFX's entry point, made to work there.

`python -m pipeline.kubeflow_entrypoint --serving_root ROOT` takes the arguments of
`tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor` and calls it in this process.
That one was written for a managed back end; of the open-source one it does not know that inputs
come without their type, that artifacts are to be read and written in local folders, which the
launcher copies from and to the store, and that nobody has made the folders of outputs (decision
0012). And it holds the lease that lets one run at a time at the push destination.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from catalogues.errors import InputError
from components.artifact_uris import artifact_uri, local_path
from components.served_versions import ServedVersions
from pipeline.kubeflow_summary import is_last_step, nothing_to_do, run_and_step, summary_of
from pipeline.webhook import post_summary

TFX_ENTRY_POINT: Final = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
SERVING_ROOT_FLAG: Final = "--serving_root"
_INPUT: Final = "--json_serialized_invocation_args"
_INPUTS_SPEC: Final = "--json_serialized_inputs_spec_args"


def main(arguments: Sequence[str]) -> int:
    """Runs one executor; returns 0, or 2 for a person's mistake. Any other error is raised.

    A step that ends the run posts the run's summary, if there is a webhook.
    """
    given = list(arguments)
    root_place = given.index(SERVING_ROOT_FLAG)
    _, serving_root = given[root_place : root_place + 2]
    del given[root_place : root_place + 2]
    place, spec_place = given.index(_INPUT) + 1, given.index(_INPUTS_SPEC) + 1
    executor_input = localized(json.loads(given[place]), json.loads(given[spec_place]))
    given[place] = json.dumps(executor_input)
    for artifact in _artifacts(executor_input, "outputs"):
        Path(artifact["uri"]).mkdir(parents=True, exist_ok=True)
    sys.argv = [TFX_ENTRY_POINT, *given]
    run, _ = run_and_step(executor_input)
    lease = ServedVersions(serving_root).lease(run)
    try:
        with lease.step():
            _execute()
    except InputError as error:
        _post(executor_input, error)
        lease.end()
        # Last, where a person looks for it.
        print(f"artist_sim: {error}", file=sys.stderr, flush=True)
        return 2
    except BaseException as error:
        _post(executor_input, error)
        lease.end()
        raise
    output = _restore_uris(Path(executor_input["outputs"]["outputFile"]))
    if is_last_step(executor_input) or nothing_to_do(output):
        _post(executor_input, None, output)
        lease.end()
    return 0


def _execute() -> None:
    # Here, as it loads Beam. A step may have worker processes (`beam.options`), and a cluster many
    # who reach its pod.
    from components.direct_runner import mend_direct_runner

    mend_direct_runner()
    try:
        runpy.run_module(TFX_ENTRY_POINT, run_name="__main__")
    except SystemExit as end:
        # How an absl program ends.
        if end.code:
            raise


def _post(
    executor_input: Mapping[str, Any],
    error: BaseException | None,
    output: Mapping[str, Any] | None = None,
) -> None:
    post_summary(lambda: summary_of(executor_input, error, output).as_json())


def localized(executor_input: Mapping[str, Any], inputs_spec: Mapping[str, Any]) -> dict[str, Any]:
    """An ExecutorInput of the open-source back end as TFX reads it.

    Args:
      executor_input: the message as JSON.
      inputs_spec: the step's ComponentInputsSpec as JSON, which has the types of its artifacts.

    Returns:
      The same with a type for each input artifact, and local paths in place of URIs.
    """
    adapted: dict[str, Any] = json.loads(json.dumps(executor_input))
    types = inputs_spec.get("artifacts", {})
    for name, listed in adapted.get("inputs", {}).get("artifacts", {}).items():
        for artifact in listed.get("artifacts", []):
            if not artifact.get("type"):
                artifact["type"] = types[name]["artifactType"]
    for direction in ("inputs", "outputs"):
        for artifact in _artifacts(adapted, direction):
            artifact["uri"] = local_path(artifact["uri"])
    return adapted


def _artifacts(message: Mapping[str, Any], direction: str) -> list[dict[str, Any]]:
    by_name = message.get(direction, {}).get("artifacts", {})
    return [artifact for listed in by_name.values() for artifact in listed.get("artifacts", [])]


def _restore_uris(output_file: Path) -> dict[str, Any]:
    """The launcher uploads what the outputs' URIs name, and records those; returns all outputs."""
    written: dict[str, Any] = json.loads(output_file.read_text(encoding="utf-8"))
    for artifact in _artifacts({"outputs": written}, "outputs"):
        artifact["uri"] = artifact_uri(artifact["uri"])
    beside = f"{output_file}.writing"
    Path(beside).write_text(json.dumps(written), encoding="utf-8")
    os.replace(beside, output_file)
    return written


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
