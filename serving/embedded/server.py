"""The server: both protocols over the newest version in a folder, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

import grpc
import tensorflow as tf
import uvloop
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from tensorflow_serving.apis import prediction_log_pb2

from catalogues.errors import InputError
from serving.embedded.authorisation import Authorisation
from serving.embedded.limits import Limits
from serving.embedded.metrics import Metrics
from serving.embedded.predictor import Predictor
from serving.embedded.rest import RestApi
from serving.embedded.rpc import GrpcApi
from serving.embedded.servable import WARM_UP, Servable
from serving.embedded.versions import Versions

_log = logging.getLogger("artist_sim.serve")
_http_log = logging.getLogger("artist_sim.serve.http")

_LONGEST_LINE: Final = 2**20
"""Bytes of a request's first line: a filter of the explorer may list 200 ids of 200 letters."""
_GRACE: Final = 5.0
"""Seconds that requests have to end when the server stops."""

_IDLE: Final = 75.0
"""Seconds until a connection is closed on which no request has come as a whole, its body excepted.

Longer than the 60 s after which most proxies close theirs, so that none meets a closing one.
"""


@dataclasses.dataclass(frozen=True)
class ServerConfig:
    """How a server is run.

    Attributes:
      root: the folder with one folder a version.
      name: of the model, in requests.
      host: address that is listened on.
      rest_port: of the REST API; 0 for any that is free.
      grpc_port: of the gRPC services; 0 for any that is free.
      token: that requests must bring; None for no token.
      limits: of a request.
      poll: seconds between two looks for a new version.
    """

    root: Path
    name: str = "artist_sim"
    host: str = "127.0.0.1"
    rest_port: int = 8501
    grpc_port: int = 8500
    token: str | None = None
    limits: Limits = Limits()
    poll: float = 1.0


@dataclasses.dataclass(frozen=True)
class Listening:
    """A server that answers.

    Attributes:
      rest_port: it is reached at.
      grpc_port: it is reached at.
      version: that is served.
    """

    rest_port: int
    grpc_port: int
    version: int


def run_server(config: ServerConfig, ready: Callable[[Listening], None]) -> None:
    """Serves until SIGINT or SIGTERM; requests that have begun end.

    Args:
      config: how.
      ready: called once it answers.

    Raises:
      InputError: there is no version that loads, or a port is taken.
    """
    uvloop.run(_serve(config, ready))


async def _serve(config: ServerConfig, ready: Callable[[Listening], None]) -> None:
    metrics = Metrics()
    versions = Versions(config.root, warm_up=warm_up)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, versions.refresh)
    version = versions.current
    if version is None:
        tried = versions.statuses()
        if not tried:
            raise InputError("No model has been pushed yet; start with `make run`.")
        raise InputError(
            f"No pushed version can be loaded ({tried[0].version}: {tried[0].error}); remove its "
            "folder, and run the pipeline again if none is left."
        )
    metrics.version.set(version)
    # TensorFlow computes one request on several cores; more threads than cores wait for these.
    predictor = Predictor(config.name, versions, config.limits, metrics, (os.cpu_count() or 1) + 1)
    authorisation = Authorisation(config.token)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(versions.close)
        stack.callback(predictor.close)
        rest_port = await _listen_rest(stack, config, RestApi(predictor, authorisation))
        grpc_port = await _listen_grpc(stack, config, GrpcApi(predictor, authorisation))
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        ready(Listening(rest_port, grpc_port, version))
        while not stop.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), config.poll)
                break
            try:
                changed = await loop.run_in_executor(None, versions.refresh)
            except Exception:
                # Whatever the folder has come to: those who ask are answered.
                _log.exception("looking for a new version failed")
                continue
            if changed:
                metrics.version.set(versions.current or 0)


def _is_of_the_server(record: logging.LogRecord) -> bool:
    """Whether it is about more than bytes that a client sent and that are no HTTP.

    aiohttp logs each such request with a stack trace, by which anybody could fill the disk.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, (HttpProcessingError, web.RequestPayloadError, ConnectionError))


_http_log.addFilter(_is_of_the_server)


async def _listen_rest(stack: contextlib.AsyncExitStack, config: ServerConfig, api: RestApi) -> int:
    runner = web.AppRunner(
        api.application(),
        access_log=None,
        shutdown_timeout=_GRACE,
        keepalive_timeout=_IDLE,
        logger=_http_log,
        auto_decompress=False,
        max_line_size=_LONGEST_LINE,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, config.host, config.rest_port)
    try:
        await site.start()
    except OSError:
        raise _taken(config.host, config.rest_port, "--rest-port") from None
    return int(runner.addresses[0][1])


async def _listen_grpc(stack: contextlib.AsyncExitStack, config: ServerConfig, api: GrpcApi) -> int:
    options = [
        ("grpc.max_receive_message_length", config.limits.body),
        ("grpc.max_send_message_length", -1),
        # Two servers on one port would answer in turn.
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.aio.server(options=options)
    api.add_to(server)
    host = f"[{config.host}]" if ":" in config.host else config.host
    try:
        port = server.add_insecure_port(f"{host}:{config.grpc_port}")
    except RuntimeError:
        port = 0
    if not port:
        raise _taken(config.host, config.grpc_port, "--grpc-port")
    await server.start()
    stack.push_async_callback(server.stop, _GRACE)
    return port


def _taken(host: str, port: int, option: str) -> InputError:
    return InputError(
        f"{host}:{port} cannot be listened on; name another port with `{option}`, or 0 for any."
    )


def warm_up(servable: Servable) -> None:
    """Asks a version what it brings along to be asked first, so that no client waits for it.

    Raises:
      Exception: a request is broken, or the version cannot answer it.
    """
    path = servable.path / WARM_UP
    if not path.is_file():
        return
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        signature = request.model_spec.signature_name or "serving_default"
        inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        servable.run(signature, inputs, servable.signatures[signature].outputs)
