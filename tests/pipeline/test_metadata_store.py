"""Where runs are recorded: the configuration, the memory of the home, and what is told of a server
that is not there. Those that are: test_metadata_servers.py."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest
from google.protobuf import any_pb2
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.proto.orchestration import local_deployment_config_pb2, pipeline_pb2

from catalogues.errors import InputError
from pipeline.command_line import main
from pipeline.config import parse_config
from pipeline.home import metadata_path
from pipeline.metadata_config import (
    PASSWORD_VARIABLE,
    MetadataConfig,
    remember_store,
    remembered_store,
)
from pipeline.metadata_store import connect, connection_config
from pipeline.reporting_runner import ReportingRunner
from pipeline.webhook import without_secrets

SERVER = {"host": "db.example.com", "database": "artist_sim", "user": "artist"}
PASSWORD = "Correct horse's \\battery"


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path))
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)


def parsed(metadata: dict) -> MetadataConfig:
    return parse_config({"catalogue": {"path": "x"}, "metadata": metadata}, "mine.yaml").metadata


def test_a_file_by_default():
    config = parse_config({"catalogue": {"path": "x"}}, "mine.yaml").metadata
    assert connection_config(config).sqlite.filename_uri == str(metadata_path())


@pytest.mark.parametrize(("backend", "port"), [("mysql", 3306), ("postgresql", 5432)])
def test_the_usual_ports(backend, port):
    assert parsed({"backend": backend, **SERVER}).address == ("db.example.com", port)
    assert parsed({"backend": backend, **SERVER, "port": 7}).address == ("db.example.com", 7)


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        (
            {"backend": "mysql", "host": "x", "user": "y"},
            "`metadata.database` is missing; `backend: mysql` needs it",
        ),
        (
            {"host": "x"},
            "`metadata.host` is of a server; set `backend` to mysql or postgresql",
        ),
        (
            {"backend": "postgresql", **SERVER, "port": 70000},
            "`metadata.port` is 70000, but must be from 1 to 65535",
        ),
        ({"backend": "oracle"}, "`metadata.backend` is 'oracle', but must be 'sqlite' or 'mysql'"),
        ({"backend": "mysql", **SERVER, "password": "s3cret"}, "unknown key `metadata.password`"),
    ],
)
def test_what_contradicts_itself_is_refused(metadata, told):
    with pytest.raises(InputError) as raised:
        parsed(metadata)
    assert f"mine.yaml: {told}" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_the_connection_to_mysql():
    server = connection_config(parsed({"backend": "mysql", **SERVER})).mysql
    assert (server.host, server.port, server.password) == ("db.example.com", 3306, PASSWORD)
    # By the name alone, the client would look for a socket's file.
    local = connection_config(parsed({"backend": "mysql", **SERVER, "host": "localhost"}))
    assert local.mysql.host == "127.0.0.1"


def test_the_connection_to_postgresql_is_quoted(monkeypatch):
    config = parsed({"backend": "postgresql", **SERVER})
    server = connection_config(config).postgresql
    assert (server.host, server.port) == ("'db.example.com'", "5432")
    assert (server.dbname, server.user) == ("'artist_sim'", "'artist'")
    assert server.password == r"'Correct horse\'s \\battery'"
    # A file of passwords, or the server's trust, does without.
    monkeypatch.delenv(PASSWORD_VARIABLE)
    assert not connection_config(config).postgresql.password


def test_the_home_remembers_where_its_runs_are():
    assert remembered_store() is None
    config = MetadataConfig("postgresql", "db.example.com", None, "artist_sim", "artist")
    remember_store(config)
    assert remembered_store() == config
    remember_store(MetadataConfig())
    assert remembered_store() is None
    metadata_path().touch()
    assert remembered_store() == MetadataConfig()


@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
def test_a_server_that_is_not_there(backend, capsys):
    with socket.socket() as bound:
        # Bound, and not listening: nobody else can take it.
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        config = MetadataConfig(backend, "127.0.0.1", port, "artist_sim", "artist")
        with pytest.raises(InputError) as raised:
            connect(config)
        name = {"mysql": "MySQL", "postgresql": "PostgreSQL"}[backend]
        assert str(raised.value) == (
            f"The {name} server 127.0.0.1:{port} of the runs' metadata cannot be reached "
            "(Connection refused); start it, or correct `metadata.host` and `metadata.port` in the "
            "configuration."
        )
        remember_store(config)
        assert main(["runs"]) == 2
    assert capsys.readouterr().err == f"artist-sim: {raised.value}\n"


def test_the_runner_does_not_log_the_password(tmp_path, caplog, monkeypatch):
    config = MetadataConfig("postgresql", "127.0.0.1", 1, "artist_sim", "artist")
    deployment = local_deployment_config_pb2.LocalDeploymentConfig()
    deployment.metadata_connection_config.database_connection_config.CopyFrom(
        connection_config(config)
    )
    packed = any_pb2.Any()
    packed.Pack(deployment)
    pipeline = pipeline_pb2.Pipeline()
    pipeline.deployment_config.CopyFrom(packed)
    # Other tests of the same process may have set how much absl, by which TFX logs, lets through.
    monkeypatch.setattr(logging.getLogger("absl"), "propagate", True)
    monkeypatch.setattr(logging.getLogger("absl"), "disabled", False)
    with caplog.at_level(logging.INFO), caplog.at_level(logging.INFO, logger="absl"):
        LocalDagRunner().run_with_ir(pipeline)
    assert "battery" in caplog.text, "TFX does"
    caplog.clear()
    remember_store(config)
    # There is no stage; the end of a run is what asks the server.
    with caplog.at_level(logging.INFO), pytest.raises(InputError, match="cannot be reached"):
        ReportingRunner(tmp_path / "log").run_with_ir(pipeline)
    assert "battery" not in caplog.text


def test_a_summary_has_no_password():
    assert without_secrets({"reason": f"with {PASSWORD}"}) == {"reason": "with …"}
