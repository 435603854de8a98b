"""A pushed model, and servers of it that the tests start or are given."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.modality_models import MAKERS, Asked, serving
from tests.serving.running_server import Address, RunningServer
from tests.trainer.saved_models import save, weighted_case
from tests.trainer.small_systems import small_diffusion_config


@pytest.fixture(scope="session")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one version: a small trained model that scores pairs, as it is pushed."""
    given = os.environ.get("TF_SERVING_MODEL")
    if given:
        return Path(given)
    path = tmp_path_factory.mktemp("pushed") / "artist_sim" / "7"
    save(weighted_case(), path, small_diffusion_config, pairwise=(0.5, 0.25, 0.1), num_kept=3)
    return path


@pytest.fixture(scope="session")
def embedded(pushed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The embedded server on the pushed model, with small limits."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    options = ("--max-k", "5", "--max-batch", "64", "--max-body", "1")
    with RunningServer(pushed.parent, log, options) as server:
        yield server


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Address:
    """The server that the conformance suite asks: TF_SERVING_ADDRESS, or the embedded one.

    TF_SERVING_ADDRESS is `host:rest_port:grpc_port` of a server that serves the version in the
    folder that TF_SERVING_MODEL names, as `artist_sim`.
    """
    given = os.environ.get("TF_SERVING_ADDRESS")
    if not given:
        return request.getfixturevalue("embedded").address
    if not os.environ.get("TF_SERVING_MODEL"):
        pytest.fail("TF_SERVING_ADDRESS needs TF_SERVING_MODEL, the folder of the served version.")
    host, rest, grpc_port = given.rsplit(":", 2)
    return Address(host, int(rest), int(grpc_port))


@pytest.fixture(scope="session", params=MAKERS)
def asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asked]:
    """Each of the models of a catalogue with three modalities, at a server of its own."""
    yield from serving(request.param, tmp_path_factory.mktemp(request.param))
