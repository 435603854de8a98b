"""What a task manager starts: an SDK worker of Beam as a process, with the code of the pipeline.

Beam's own boot program is a binary of its container image. This one does the same for a worker on
the machine of its task manager: it asks for the pipeline's options and files, unpacks the code that
`--setup_file` packed up, and becomes the worker. It is run by its path and without the project on
Python's path, so that the code that runs is the code that was sent.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

MEMORY_VARIABLE: Final = "ARTIST_SIM_WORKER_MEMORY"
"""Names the megabytes that a worker may have for its data; no limit if it is not set."""
_PIECE: Final = 256 << 10
"""Bytes that a worker gathers before it sends them. A task manager lets up to a hundred messages of
two such pieces wait for each bundle: 50 MB, where Beam's 10 MB a piece would fill its heap."""
_CODE: Final = "workflow.tar.gz"
_LIST_OF_PACKAGES: Final = "submission_environment_dependencies.txt"
_CHECKS: Final = 1.0
"""Seconds between two looks at whether the task manager is still there."""


def main() -> None:
    """Fetches what the runner provides and runs the worker until the runner lets it go."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--id", required=True)
    parser.add_argument("--provision_endpoint", required=True)
    # Task managers of some versions name more places, all of which the first one knows.
    args, _ = parser.parse_known_args()
    _limit_memory(os.environ.get(MEMORY_VARIABLE))
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    folder = Path(tempfile.mkdtemp(prefix=f"worker-{args.id}-"))
    os.chdir(folder)
    info = _provision(args.provision_endpoint, args.id)
    code = _fetch_code(info, args.id, folder)
    if code:
        # In place of this file's own folder.
        sys.path[0] = str(code)
    os.environ.update(_environment(info, args.id, folder))
    _send_small_pieces()

    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main([])


def _limit_memory(megabytes: str | None) -> None:
    if megabytes:
        limit = int(megabytes) << 20
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _send_small_pieces() -> None:
    """Beam has no option for it: the size is a constant, and a default of the streams' argument."""
    from apache_beam.runners.worker import data_plane

    init = data_plane.SizeBasedBufferingClosableOutputStream.__init__
    given = data_plane._DEFAULT_SIZE_FLUSH_THRESHOLD
    init.__defaults__ = tuple(_PIECE if size == given else size for size in init.__defaults__)
    data_plane._DEFAULT_SIZE_FLUSH_THRESHOLD = _PIECE


def _end_with(parent: int) -> None:
    """Ends this process soon after its task manager, which may be killed without a word."""
    while os.getppid() == parent:
        time.sleep(_CHECKS)
    os._exit(1)


def _provision(endpoint: str, worker: str) -> Any:
    from apache_beam.portability.api import beam_provision_api_pb2 as api
    from apache_beam.portability.api import beam_provision_api_pb2_grpc as api_grpc

    with _channel(endpoint, worker) as channel:
        request = api.GetProvisionInfoRequest()
        return api_grpc.ProvisionServiceStub(channel).GetProvisionInfo(request).info


def _fetch_code(info: Any, worker: str, folder: Path) -> Path | None:
    """The folder of the code that was sent, None if none was.

    Raises:
      RuntimeError: something was sent that this boot program cannot install.
    """
    from apache_beam.portability.api import beam_artifact_api_pb2 as api
    from apache_beam.portability.api import beam_artifact_api_pb2_grpc as api_grpc
    from apache_beam.portability.api import beam_runner_api_pb2

    code = None
    with _channel(info.artifact_endpoint.url, worker) as channel:
        service = api_grpc.ArtifactRetrievalServiceStub(channel)
        request = api.ResolveArtifactsRequest(artifacts=info.dependencies)
        for artifact in service.ResolveArtifacts(request).replacements:
            role = beam_runner_api_pb2.ArtifactStagingToRolePayload.FromString(
                artifact.role_payload
            )
            if role.staged_name == _LIST_OF_PACKAGES:
                continue
            if role.staged_name != _CODE:
                raise RuntimeError(
                    f"'{role.staged_name}' was sent to a worker, which can install nothing but the "
                    "project's code (`--setup_file`); leave the Beam option that sends it out, and "
                    "install it where the task managers run."
                )
            packed = folder / _CODE
            with packed.open("wb") as file:
                for block in service.GetArtifact(api.GetArtifactRequest(artifact=artifact)):
                    file.write(block.data)
            code = _unpacked(packed, folder / "code")
    return code


def _unpacked(packed: Path, folder: Path) -> Path:
    """Unpacks a source distribution; returns the one folder in it, where the packages lie."""
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


def _environment(info: Any, worker: str, folder: Path) -> dict[str, str]:
    """What sdk_worker_main reads."""
    from google.protobuf import json_format, text_format

    return {
        "WORKER_ID": worker,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "SEMI_PERSISTENT_DIRECTORY": str(folder),
        "LOGGING_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.logging_endpoint),
        "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.control_endpoint),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }


def _channel(endpoint: str, worker: str) -> Any:
    import grpc
    from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor

    # A task manager's address is never behind a proxy.
    channel = grpc.insecure_channel(
        endpoint,
        options=[
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.enable_http_proxy", 0),
        ],
    )
    return grpc.intercept_channel(channel, WorkerIdInterceptor(worker))


if __name__ == "__main__":
    main()
