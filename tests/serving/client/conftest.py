"""Servers of small models, and clients of them over one interface alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.client import Client
from tests.serving.client.small_catalogue import SOON, Catalogue
from tests.serving.model_server import ModelServer


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    root = tmp_path_factory.mktemp("artist_sim")
    return {
        1: Catalogue(1.0).save(root / "1"),
        2: Catalogue(2.0).save(root / "2"),
        3: Catalogue(3.0, audio_dim=1).save(root / "3"),
    }


@pytest.fixture
def server(versions) -> Iterator[ModelServer]:
    server = ModelServer({1: versions[1]})
    yield server
    server.close()


@pytest.fixture(scope="session")
def steady(versions) -> Iterator[ModelServer]:
    """A server that no test changes."""
    server = ModelServer({1: versions[1]})
    yield server
    server.close()


@pytest.fixture(scope="module")
def closed() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def over(closed):
    """A client of one of the interfaces alone."""
    clients = []

    def make(server: ModelServer, interface: str, **arguments) -> Client:
        address = {
            "grpc": {"address": server.address},
            "rest": {"address": closed, "rest_address": server.rest_address},
        }[interface]
        clients.append(Client(**{"retry": SOON, **address, **arguments}))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
