"""A server in place of a cluster, two configurations for it, and commands typed against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import kubeflow_connection
from pipeline.command_line import main
from pipeline.config import PipelineConfig, parse_config
from pipeline.kubeflow_asking import HOST_VARIABLE
from pipeline.kubeflow_connection import TOKEN_VARIABLE
from pipeline.kubeflow_runner import compile_package, package_text
from tests.pipeline.kubeflow_remote.cluster import OTHER, Typed, description
from tests.pipeline.kubeflow_server import KubeflowServer, serving
from tests.pipeline.test_kubeflow_package import GIVEN


@pytest.fixture
def server(monkeypatch, tmp_path) -> Iterator[KubeflowServer]:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    monkeypatch.setattr(kubeflow_connection, "TOKEN_FILE", str(tmp_path / "none"))
    with serving(KubeflowServer(description())) as state:
        monkeypatch.setenv(HOST_VARIABLE, state.host)
        yield state


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(GIVEN))
    return path


@pytest.fixture
def other(tmp_path) -> Path:
    """Another configuration."""
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump({**GIVEN, **OTHER}))
    return path


@pytest.fixture
def typed(capsys) -> Typed:
    """Types a command of `artist-sim kubeflow`; gives its status and what it printed."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["kubeflow", *map(str, words)])
        printed = capsys.readouterr()
        if printed.err:
            assert printed.err.startswith("artist-sim: ") and printed.err.endswith(".\n")
            assert printed.err.count("\n") == 1 and "Traceback" not in printed.err
        return status, printed.out, printed.err

    return run


@pytest.fixture(scope="session")
def compile_once() -> Callable[[PipelineConfig], list[dict[str, Any]]]:
    """compile_package, which takes seconds, with its answers kept."""
    known: dict[str, list[dict[str, Any]]] = {}

    def compiled(config: PipelineConfig) -> list[dict[str, Any]]:
        if repr(config) not in known:
            known[repr(config)] = compile_package(config)
        return known[repr(config)]

    return compiled


@pytest.fixture(autouse=True)
def _quick(monkeypatch, compile_once) -> None:
    monkeypatch.setattr("pipeline.kubeflow_runner.compile_package", compile_once)


@pytest.fixture(scope="session")
def package(compile_once) -> str:
    return package_text(compile_once(parse_config(GIVEN, "k.yaml")))


@pytest.fixture
def deployed(server, config, typed) -> KubeflowServer:
    assert typed("deploy", "--config", config)[0] == 0
    return server
