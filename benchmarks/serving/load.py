"""The load, in a process of its own: clients that each wait for an answer before they ask again.

It reads runs from standard input and writes what came of each to standard output, pickled. Bodies
come encoded and answers are kept as bytes, so that next to nothing is computed beside the servers.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import pickle
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

REST: Final = "rest"
GRPC: Final = "grpc"
_METHOD: Final = "/tensorflow.serving.PredictionService/Predict"

Ask = Callable[[bytes], Awaitable[bytes]]


@dataclasses.dataclass(frozen=True)
class Run:
    """Some seconds of load.

    Attributes:
      protocol: REST or GRPC.
      host: of the server.
      port: of the server.
      path: that REST posts to.
      bodies: asked in turn.
      clients: at once, each on a connection of its own.
      warm_up: seconds that do not count.
      seconds: that do.
    """

    protocol: str
    host: str
    port: int
    path: str
    bodies: Sequence[bytes]
    clients: int
    warm_up: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class Load:
    """What came of a run.

    Attributes:
      latencies: in seconds, of the requests that began in the time that counts; those that end
        after it are waited for, or the slowest would be left out.
      answered: how many answers came in that time.
      answers: by place among the bodies, the last answer to each that was asked.
      busy: share of one core that the load itself took.
    """

    latencies: Sequence[float]
    answered: int
    answers: dict[int, bytes]
    busy: float


class LoadFailed(RuntimeError):
    """A server did not answer."""


class LoadProcess:
    """Makes loads, one after the other; a context manager."""

    def __enter__(self) -> LoadProcess:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.serving.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        return self

    def __exit__(self, *args: object) -> None:
        self._process.kill()
        self._process.communicate()

    def make(self, run: Run) -> Load:
        """Blocks for the time of the run.

        Raises:
          LoadFailed: a request got no answer, or an error.
        """
        assert self._process.stdin and self._process.stdout
        pickle.dump(run, self._process.stdin)
        self._process.stdin.flush()
        found = pickle.load(self._process.stdout)
        if isinstance(found, str):
            raise LoadFailed(found)
        assert isinstance(found, Load)
        return found


async def load(run: Run) -> Load:
    """Makes one."""
    latencies: list[float] = []
    ends: list[float] = []
    answers: dict[int, bytes] = {}
    turn = itertools.count()
    begun = time.perf_counter() + run.warm_up
    end = begun + run.seconds

    async def ask_on(ask: Ask) -> None:
        while (sent := time.perf_counter()) < end:
            place = next(turn) % len(run.bodies)
            answers[place] = await ask(run.bodies[place])
            ends.append(time.perf_counter())
            if sent >= begun:
                latencies.append(ends[-1] - sent)

    connect = _rest if run.protocol == REST else _grpc
    started, worked = time.perf_counter(), time.process_time()
    await asyncio.gather(*(connect(run, ask_on) for _ in range(run.clients)))
    busy = (time.process_time() - worked) / (time.perf_counter() - started)
    answered = sum(begun <= at <= end for at in ends)
    return Load(latencies, answered, answers, busy)


async def _rest(run: Run, ask_on: Callable[[Ask], Awaitable[None]]) -> None:
    reader, writer = await asyncio.open_connection(run.host, run.port, limit=2**24)
    head = (
        f"POST {run.path} HTTP/1.1\r\nHost: {run.host}:{run.port}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()

    async def ask(body: bytes) -> bytes:
        writer.write(head + b"%d\r\n\r\n" % len(body) + body)
        found = (await reader.readuntil(b"\r\n\r\n")).lower()
        _, _, length = found.partition(b"content-length:")
        answer = await reader.readexactly(int(length.split(b"\r\n", 1)[0]))
        if not found.startswith(b"http/1.1 200"):
            status = found.partition(b"\r\n")[0].decode()
            raise LoadFailed(f"{status}: {answer[:200].decode(errors='replace')}")
        return answer

    try:
        await ask_on(ask)
    finally:
        writer.close()


async def _grpc(run: Run, ask_on: Callable[[Ask], Awaitable[None]]) -> None:
    import grpc

    # Channels with equal options share a connection otherwise.
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(f"{run.host}:{run.port}", options) as channel:
        # Bytes come in and go out as they are.
        ask = channel.unary_unary(_METHOD)

        async def asked(body: bytes) -> bytes:
            try:
                answer: bytes = await ask(body)
            except grpc.aio.AioRpcError as error:
                raise LoadFailed(f"{error.code().name}: {error.details()}") from None
            return answer

        await ask_on(asked)


def main() -> None:
    """Makes loads until its input ends."""
    out = sys.stdout.buffer
    while True:
        try:
            run = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        found: Load | str
        try:
            found = asyncio.run(load(run))
        except (LoadFailed, OSError, ValueError, asyncio.IncompleteReadError) as error:
            found = f"{type(error).__name__}: {error}"
        pickle.dump(found, out)
        out.flush()


if __name__ == "__main__":
    # Pickled by the name that others import them by.
    from benchmarks.serving.load import main as imported

    imported()
