"""Runs whose metadata lies on a real PostgreSQL and on a real MariaDB."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import text_format

from catalogues.errors import InputError
from pipeline.command_line import main
from pipeline.home import home, metadata_path
from pipeline.metadata_config import PASSWORD_VARIABLE, MetadataConfig
from pipeline.metadata_store import connect, connection_config
from pipeline.runs import Run, list_runs, open_store
from tests.pipeline.communities import write_communities
from tests.pipeline.database_servers import PASSWORD, mariadb_server, postgresql_server
from tests.pipeline.running import STAGES, home_in, run_pipeline, small_config, stages_in, versions

SERVERS = {"mysql": mariadb_server, "postgresql": postgresql_server}


@pytest.fixture(scope="module", params=list(SERVERS))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MetadataConfig]:
    """A server that runs, and a home whose runs are to be recorded there."""
    with (
        SERVERS[request.param]() as config,
        home_in(tmp_path_factory.mktemp(request.param)),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv(PASSWORD_VARIABLE, PASSWORD)
        yield config


@pytest.fixture(scope="module")
def runs(server: MetadataConfig, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """The same, run twice, with all that is logged in a file of the home."""
    catalogue = write_communities(tmp_path_factory.mktemp("catalogue") / "communities")
    config = small_config(catalogue, training={"epochs": 1}, explorer={"map": "pca"})
    gate = dataclasses.replace(config.judge.gate, floor=0.0)
    judge = dataclasses.replace(config.judge, gate=gate)
    config = dataclasses.replace(config, judge=judge, metadata=server)
    (home() / "logs").mkdir(parents=True)
    log = logging.FileHandler(home() / "logs" / "run.log")
    logging.getLogger().addHandler(log)
    try:
        return [run_pipeline(config), run_pipeline(config)]
    finally:
        logging.getLogger().removeHandler(log)
        log.close()


def test_the_first_run_executes_all_and_pushes_a_version(runs):
    assert stages_in(runs[0], "COMPLETE") == STAGES
    assert runs[0].pushed is not None and versions() == [runs[0].pushed.name]
    assert runs[0].verdict()["blessed"]


def test_the_second_run_is_answered_from_the_cache(runs):
    assert stages_in(runs[1], "CACHED") == STAGES - {"Resolver"}
    assert runs[1].metrics() == runs[0].metrics()


def test_they_are_listed_from_the_server(runs, capsys):
    assert not metadata_path().exists()
    assert [run.number for run in list_runs(open_store())] == [1, 2]
    assert main(["runs"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 2
    assert main(["runs", "2"]) == 0
    assert f"version {versions()[0]}" in capsys.readouterr().out
    assert main(["report", "1", "--path"]) == 0
    assert capsys.readouterr().out.endswith("report.html\n")
    assert main(["versions"]) == 0
    row = capsys.readouterr().out.splitlines()[1].split()
    # Version, day, time, run.
    assert (row[0], row[3]) == (versions()[0], "1")


def test_the_password_is_in_no_file(runs, server):
    connection = connection_config(server)
    secrets = {PASSWORD, connection.mysql.password or connection.postgresql.password}
    for as_utf8 in (False, True):
        printed = text_format.MessageToString(connection, as_utf8=as_utf8)
        (password,) = re.findall(r'password: "(.*)"', printed)
        secrets.add(password)
    assert len(secrets) >= 3
    files = [path for path in home().rglob("*") if path.is_file()]
    assert home() / "logs" / "run.log" in files and home() / "metadata" / "server.json" in files
    assert "Component Trainer is running." in (home() / "logs" / "run.log").read_text()
    for path in files:
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in secrets), path


@pytest.mark.parametrize(
    ("changes", "password"),
    [({}, "no 'such"), ({"database": "elsewhere"}, PASSWORD), ({"user": "nobody"}, PASSWORD)],
)
def test_what_the_server_refuses_is_one_sentence(server, changes, password, monkeypatch, capfd):
    monkeypatch.setenv(PASSWORD_VARIABLE, password)
    refused = dataclasses.replace(server, **changes)
    with pytest.raises(InputError) as raised:
        connect(refused)
    told = str(raised.value)
    assert f"does not let the user '{refused.user}' make tables" in told
    assert f"'{refused.database}'; check" in told and f"{PASSWORD_VARIABLE}." in told
    assert password not in told + "".join(capfd.readouterr())


def test_a_password_that_is_not_set_is_said(server, monkeypatch):
    monkeypatch.delenv(PASSWORD_VARIABLE)
    with pytest.raises(InputError, match=f"{PASSWORD_VARIABLE}, which is not set"):
        connect(server)


def test_past_runs_of_a_server_that_is_gone(runs, server, monkeypatch: pytest.MonkeyPatch, capsys):
    path: Path = home() / "metadata" / "server.json"
    kept = path.read_text()
    # Nobody listens there.
    path.write_text(kept.replace(str(server.port), "1"))
    assert main(["runs"]) == 2
    assert "127.0.0.1:1 of the runs' metadata cannot be reached" in capsys.readouterr().err
    # What is served does not hang on it.
    assert main(["versions"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[1].startswith(versions()[0])
    assert "cannot be reached" in told.err
    path.write_text(kept)
