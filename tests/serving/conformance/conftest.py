"""The SavedModel in this process, and gRPC's stubs of the server."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from tests.serving.running_server import Address


@pytest.fixture(scope="session")
def model(pushed: Path):
    return tf.saved_model.load(str(pushed))


@pytest.fixture(scope="session")
def ids(model) -> list[str]:
    return [one.decode() for one in model.artist_id.numpy()[:5]]


@pytest.fixture(scope="module")
def channel(server: Address):
    with grpc.insecure_channel(server.grpc) as channel:
        yield channel


@pytest.fixture(scope="module")
def prediction(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def service(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)
