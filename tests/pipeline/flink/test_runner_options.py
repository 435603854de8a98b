"""configs/flink.yaml as Beam reads it, and what is told where no job server listens."""

import json
import os
import socket
import subprocess
import sys

import pytest
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions, SetupOptions

from catalogues.errors import InputError
from pipeline import run
from pipeline.config import BeamConfig, load_config
from pipeline.flink.cluster import BOOT_FILE, _free_ports, cluster_folder
from pipeline.flink.settings import JOB_PORT
from pipeline.preflight import check_runner
from tests.conftest import REPOSITORY

CONFIG = REPOSITORY / "configs" / "flink.yaml"


def test_the_configuration_names_the_cluster_that_flink_up_brings_up(tmp_path, monkeypatch):
    monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path / "a home"))
    beam = load_config(CONFIG).beam
    options = PipelineOptions([f"--runner={beam.runner}", *beam.options])
    unknown = set(options.get_all_options(retain_unknown_options=True)) - set(
        options.get_all_options()
    )
    assert unknown <= {"parallelism"}
    portable = options.view_as(PortableOptions)
    assert portable.job_endpoint == f"localhost:{JOB_PORT}"
    assert portable.environment_type == "PROCESS"
    boot = json.loads(portable.environment_config)
    assert boot == {"command": str(cluster_folder() / BOOT_FILE)}
    assert options.view_as(SetupOptions).setup_file == "./setup.py"


def test_packing_the_code_says_nothing(tmp_path):
    """Beam missed the module `build`, and said so with the path of Python."""
    body = (
        "import sys; from apache_beam.runners.portability.stager import Stager; "
        "Stager._build_setup_package(*sys.argv[1:])"
    )
    command = [sys.executable, "-W", "ignore", "-c", body]
    found = subprocess.run(
        [*command, str(REPOSITORY / "setup.py"), str(tmp_path)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    assert len(list(tmp_path.glob("artist_sim-*.tar.gz"))) == 1


def endpoint(where):
    return BeamConfig("PortableRunner", (f"--job_endpoint={where}",))


def test_a_job_server_that_listens_is_found():
    with socket.create_server(("localhost", 0)) as server:
        check_runner(endpoint(f"localhost:{server.getsockname()[1]}"))
    check_runner(BeamConfig())


def test_a_job_server_that_does_not_is_told_before_anything_is_compiled(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path))
    monkeypatch.chdir(REPOSITORY)
    (port,) = _free_ports(1)
    config = tmp_path / "flink.yaml"
    config.write_text(CONFIG.read_text().replace(f":{JOB_PORT}", f":{port}"))
    monkeypatch.setattr("sys.argv", ["run", "--config", str(config)])
    assert run.main() == 2
    said = capsys.readouterr().err
    assert f"No Beam job server answers at localhost:{port}" in said
    assert "make flink-up" in said
    assert not (tmp_path / "tfx").exists()


def test_the_last_endpoint_counts_in_either_form():
    (port,) = _free_ports(1)
    with socket.create_server(("localhost", 0)) as server:
        there, gone = f"localhost:{server.getsockname()[1]}", f"localhost:{port}"
        check_runner(
            BeamConfig("PortableRunner", ("--job_endpoint", gone, f"--job_endpoint={there}"))
        )
        for options in (
            ("--job_endpoint", gone),
            (f"--job_endpoint={there}", "--job_endpoint", gone),
        ):
            with pytest.raises(InputError, match=f"answers at {gone}, which `beam.options` name;"):
                check_runner(BeamConfig("PortableRunner", options))


@pytest.mark.parametrize("where", ["localhost", "localhost:", ":8099", "localhost:70000", "a:b"])
def test_what_is_no_endpoint_is_refused(where):
    with pytest.raises(InputError, match="names no job server; give it a host and a port"):
        check_runner(endpoint(where))
