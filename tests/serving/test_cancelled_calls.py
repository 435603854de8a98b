"""Calls by gRPC that nobody waits for any more are counted, as lost connections by REST are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import predict_pb2

from serving.embedded.authorisation import Authorisation
from serving.embedded.limits import Limits
from serving.embedded.metrics import Metrics
from serving.embedded.predictor import Predictor
from serving.embedded.rpc import GrpcApi
from serving.embedded.versions import Versions
from tests.serving.conformance.protocol_requests import requested
from tests.serving.test_predictor import Slow

QUESTION = requested(x=np.int32(1)).SerializeToString()


@pytest.fixture
def predictor(tmp_path: Path) -> Iterator[Predictor]:
    """Of a model that does not answer before the test is over."""
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").touch()
    versions = Versions(tmp_path, load=Slow)
    versions.refresh()
    predictor = Predictor("artist_sim", versions, Limits(seconds=60), Metrics(), 1)
    yield predictor
    with versions.use() as servable:
        servable.go.set()
    predictor.close()


def counted(predictor: Predictor) -> list[str]:
    """What the metrics say of requests and of how many are in flight."""
    lines = predictor.metrics.page().decode().splitlines()
    names = ("artist_sim_requests_total{", "artist_sim_requests_in_flight ")
    return [line for line in lines if line.startswith(names)]


def ended(code: str) -> list[str]:
    asked = f'asked="predict",code="{code}",protocol="grpc"'
    return [f"artist_sim_requests_total{{{asked}}} 1.0", "artist_sim_requests_in_flight 0.0"]


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("It did not come to pass within a minute.")


def test_a_call_whose_client_has_gone(predictor):
    async def check() -> None:
        server = grpc.aio.server()
        GrpcApi(predictor, Authorisation()).add_to(server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")(QUESTION)
            await until(lambda: counted(predictor) == ["artist_sim_requests_in_flight 1.0"])
            call.cancel()
            await until(lambda: counted(predictor) == ended("CANCELLED"))
        await server.stop(None)

    asyncio.run(check())


class Context:
    """Of a call that comes with a deadline."""

    remaining = 50.0

    def invocation_metadata(self) -> tuple[()]:
        return ()

    def time_remaining(self) -> float:
        return self.remaining


def test_a_call_whose_deadline_is_over(predictor):
    """gRPC ends it as one whose client has gone: the time that is left tells them apart."""

    async def check() -> None:
        api, context = GrpcApi(predictor, Authorisation()), Context()
        method = api._method("predict", predict_pb2.PredictRequest, api._predict)
        call = asyncio.create_task(method.unary_unary(QUESTION, context))
        await until(lambda: counted(predictor) == ["artist_sim_requests_in_flight 1.0"])
        context.remaining = 0.0
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert counted(predictor) == ended("DEADLINE_EXCEEDED")

    asyncio.run(check())
