"""What a worker does before it is Beam's: it gets the code that was sent, and limits itself."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from concurrent import futures

import grpc
import pytest
from apache_beam.portability.api import beam_artifact_api_pb2 as artifact_api
from apache_beam.portability.api import beam_artifact_api_pb2_grpc as artifact_api_grpc
from apache_beam.portability.api import beam_provision_api_pb2 as provision_api
from apache_beam.portability.api import beam_provision_api_pb2_grpc as provision_api_grpc
from apache_beam.portability.api import beam_runner_api_pb2, endpoints_pb2

from pipeline.flink import worker_boot
from tests.pipeline.flink.programs import is_alive


class Runner(
    artifact_api_grpc.ArtifactRetrievalServiceServicer,
    provision_api_grpc.ProvisionServiceServicer,
):
    """Provides what a task manager does."""

    def __init__(self, sent: dict[str, bytes]):
        self.sent, self.asked_by = sent, set()
        self.info = provision_api.ProvisionInfo(
            dependencies=[_artifact(name) for name in sent],
            control_endpoint=endpoints_pb2.ApiServiceDescriptor(url="localhost:1"),
            runner_capabilities=["one", "two"],
        )
        self.info.pipeline_options["beam:option:job_name:v1"] = "a job"

    def GetProvisionInfo(self, request, context):  # noqa: N802
        self.asked_by.add(dict(context.invocation_metadata())["worker_id"])
        return provision_api.GetProvisionInfoResponse(info=self.info)

    def ResolveArtifacts(self, request, context):  # noqa: N802
        return artifact_api.ResolveArtifactsResponse(replacements=request.artifacts)

    def GetArtifact(self, request, context):  # noqa: N802
        content = self.sent[_name(request.artifact)]
        for start in range(0, len(content), 100):
            yield artifact_api.GetArtifactResponse(data=content[start : start + 100])


def _artifact(name):
    role = beam_runner_api_pb2.ArtifactStagingToRolePayload(staged_name=name)
    return beam_runner_api_pb2.ArtifactInformation(role_payload=role.SerializeToString())


def _name(artifact):
    role = beam_runner_api_pb2.ArtifactStagingToRolePayload.FromString(artifact.role_payload)
    return role.staged_name


@contextlib.contextmanager
def provided(sent):
    """(a Runner that serves, what it says to worker '7')."""
    runner = Runner(sent)
    server = grpc.server(futures.ThreadPoolExecutor())
    port = server.add_insecure_port("localhost:0")
    runner.info.artifact_endpoint.url = f"localhost:{port}"
    artifact_api_grpc.add_ArtifactRetrievalServiceServicer_to_server(runner, server)
    provision_api_grpc.add_ProvisionServiceServicer_to_server(runner, server)
    server.start()
    try:
        yield runner, worker_boot._provision(f"localhost:{port}", "7")
    finally:
        server.stop(None)


def packed(files):
    """A source distribution, in its one folder these files."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"artist_sim-1/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return content.getvalue()


def test_a_worker_gets_the_code_that_was_sent(tmp_path):
    text = os.urandom(1000)
    sent = {
        "submission_environment_dependencies.txt": b"numpy==1",
        "workflow.tar.gz": packed({"graph_schema.pbtxt": text, "trainer/x.py": b"1"}),
    }
    with provided(sent) as (runner, info):
        code = worker_boot._fetch_code(info, "7", tmp_path)
    assert runner.asked_by == {"7"}
    assert code == tmp_path / "code" / "artist_sim-1"
    assert (code / "graph_schema.pbtxt").read_bytes() == text
    assert (code / "trainer" / "x.py").read_bytes() == b"1"


def test_without_code_a_worker_runs_what_is_installed(tmp_path):
    with provided({}) as (_, info):
        assert worker_boot._fetch_code(info, "7", tmp_path) is None


def test_what_cannot_be_installed_is_refused(tmp_path):
    with (
        provided({"requirements.txt": b"numpy"}) as (_, info),
        pytest.raises(RuntimeError, match=r"'requirements.txt' was sent to a worker.*leave"),
    ):
        worker_boot._fetch_code(info, "7", tmp_path)


def test_code_stays_in_its_folder(tmp_path):
    sent = {"workflow.tar.gz": packed({"../../../outside.py": b"1"})}
    (tmp_path / "worker").mkdir()
    with provided(sent) as (_, info), pytest.raises(tarfile.FilterError):
        worker_boot._fetch_code(info, "7", tmp_path / "worker")
    assert not list(tmp_path.rglob("outside.py"))


def test_the_worker_is_told_what_the_runner_said(tmp_path):
    from apache_beam.runners.worker.sdk_worker_main import _load_pipeline_options
    from google.protobuf import text_format

    with provided({}) as (_, info):
        told = worker_boot._environment(info, "7", tmp_path)
    assert told["WORKER_ID"] == "7"
    assert told["RUNNER_CAPABILITIES"] == "one two"
    assert _load_pipeline_options(told["PIPELINE_OPTIONS"]) == {"job_name": "a job"}
    control = endpoints_pb2.ApiServiceDescriptor()
    text_format.Merge(told["CONTROL_API_SERVICE_DESCRIPTOR"], control)
    assert control.url == "localhost:1"


def in_python(body):
    return [sys.executable, "-c", f"from pipeline.flink import worker_boot as boot\n{body}"]


@pytest.mark.parametrize("megabytes", [64, 400])
def test_a_worker_may_have_no_more_memory_than_it_is_given(megabytes):
    body = "boot._limit_memory('300'); import sys; len(bytearray(int(sys.argv[1]) << 20))"
    command = [*in_python(body), str(megabytes)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert (found.returncode == 0) == (megabytes == 64)
    assert ("MemoryError" in found.stderr) == (megabytes == 400)


def test_a_worker_sends_in_small_pieces():
    body = """
from apache_beam.runners.worker import data_plane
boot._send_small_pieces()
sent = []
stream = data_plane.ClosableOutputStream.create(None, sent.append, 0)
for _ in range(100):
    stream.write(bytes(boot._PIECE // 8))
    stream.maybe_flush()
print(len(sent), max(map(len, sent)) <= 2 * boot._PIECE, data_plane._DEFAULT_SIZE_FLUSH_THRESHOLD)
"""
    found = subprocess.run(in_python(body), capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["11", "True", str(worker_boot._PIECE)]


def test_a_worker_ends_with_its_task_manager():
    # Asked for its parent before it tells that it may be killed.
    worker = "import os; of = os.getppid(); print(os.getpid(), flush=True); boot._end_with(of)"
    task_manager = f"import subprocess; subprocess.run({in_python(worker)!r})"
    command = [sys.executable, "-c", task_manager]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        pid = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    # Ends when the worker has, or never.
    while is_alive(pid):
        time.sleep(0.05)
