"""Asks the embedded server very many things, some of them wrong, while its model is changed.

`python -m benchmarks.serving.soak` compares every answer with that of the version that gave it, and
ends with 1 if one is wrong, a good request is refused, the server fails or its memory grows.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing as mp
import os
import queue
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.serving.soak_client import Counts, Plan, Shared, run_client
from benchmarks.serving.soak_page import write_page
from benchmarks.serving.soak_requests import write_questions
from benchmarks.serving.soak_server import Server, push
from benchmarks.serving.soak_watch import MIB, Watch, course_of, faults_of

_REPOSITORY: Final = Path(__file__).parents[2]
_MODELS: Final = 3
_GOOD: Final = 240
_TOLD_EVERY: Final = 5.0
_SWAPS_WITHIN: Final = 300.0
_MOST_FAULTS: Final = 20
# In a shorter soak, TensorFlow's first growth is all there is to see.
_ENOUGH_FOR_MEMORY: Final = 20_000


@dataclasses.dataclass(frozen=True)
class Soak:
    """How much.

    Attributes:
      requests: at least.
      clients: processes that ask.
      swaps: good versions that are pushed meanwhile; after the first comes a broken one.
      artists: of the models.
    """

    requests: int = 100_000
    clients: int = 4
    swaps: int = 3
    artists: int = 500


@dataclasses.dataclass(frozen=True)
class _Push:
    version: int
    model: int
    broken: bool
    at: float


def soak(plan: Soak, folder: Path) -> dict[str, Any]:
    """Soaks a server; returns what is written to the result file.

    Args:
      plan: how much.
      folder: empty, for models and logs.
    """
    number_of_models = min(_MODELS, plan.swaps + 1)
    models = [folder / "models" / str(seed) for seed in range(number_of_models)]
    questions = folder / "questions.pickle"
    _say(f"making {number_of_models} models and their answers …")
    context = mp.get_context("spawn")
    # TensorFlow is used in a process of its own, whose memory is given back.
    making = context.Process(target=_make, args=(models, questions, plan.artists))
    making.start()
    making.join()
    if making.exitcode:
        raise RuntimeError("The models could not be made.")
    root = folder / "served"
    root.mkdir()
    push(models[0], root, 1)
    pushes = _pushes(plan.swaps, number_of_models)
    model_of = {1: 0, **{one.version: one.model for one in pushes if not one.broken}}
    faults: list[str] = []
    with Server(root, folder / "server.log") as server:
        _say(f"asking {plan.requests:,} times, with {plan.clients} clients …")
        shared = Shared.between(context)
        results = context.Queue()
        number = -(-plan.requests // plan.clients)
        clients = [
            context.Process(
                target=run_client,
                args=(
                    Plan(server.rest, server.grpc, questions, number, seed, model_of),
                    shared,
                    results,
                ),
            )
            for seed in range(plan.clients)
        ]
        begun = time.monotonic()
        with Watch(server.process.pid, lambda: int(shared.asked.value)) as watch:
            for client in clients:
                client.start()
            told = _Told(plan.requests, begun, watch, shared)
            faults += _change(server, root, models, pushes, plan.requests, shared, told)
            counts = list(_results(results, clients, told))
        seconds = time.monotonic() - begun
        if len(counts) < plan.clients:
            faults.append(f"{plan.clients - len(counts)} of {plan.clients} clients failed.")
    if server.exit_code != 0:
        faults.append(f"The server ended with {server.exit_code}.")
    if "Traceback" in server.log():
        faults.append("The server's log has a stack trace.")
    wrong = [sentence for count in counts for sentence in count.wrong]
    if wrong:
        faults.append(f"{len(wrong)} answers were wrong; the first ones: {wrong[:_MOST_FAULTS]}")
    answered = _sum(counts)
    for version in model_of:
        if version not in answered.by_version:
            faults.append(f"Version {version} gave no answer.")
    courses = {figure: course_of(watch.samples, figure) for figure in ("rss", "fds", "threads")}
    faults += faults_of(courses, plan.requests >= _ENOUGH_FOR_MEMORY)
    every = max(1, len(watch.samples) // 200)
    return {
        "plan": dataclasses.asdict(plan),
        "cores": os.cpu_count(),
        "seconds": round(seconds, 1),
        "good": answered.good,
        "bad": answered.bad,
        "wrong": len(wrong),
        "by_version": answered.by_version,
        "pushes": [dataclasses.asdict(one) for one in pushes],
        "courses": {
            name: {**dataclasses.asdict(one), "growth": one.growth} for name, one in courses.items()
        },
        "samples": [dataclasses.astuple(one) for one in watch.samples[::every]],
        "faults": faults,
    }


def _make(models: Sequence[Path], questions: Path, num_artists: int) -> None:
    # Clients are started from this module too, and need no TensorFlow.
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from benchmarks.serving.soak_models import save_version

    for seed, model in enumerate(models):
        save_version(model, num_artists, seed)
    write_questions(questions, list(models), num_artists, _GOOD)


def _pushes(swaps: int, models: int) -> list[_Push]:
    """A broken one after the first good one; each waits for its share of the requests."""
    kinds = [False, True, *[False] * (swaps - 1)]
    found, good = [], 0
    for place, broken in enumerate(kinds):
        good += not broken
        model = (good + broken) % models
        found.append(_Push(place + 2, model, broken, (place + 1) / (len(kinds) + 1)))
    return found


def _change(
    server: Server,
    root: Path,
    models: Sequence[Path],
    pushes: Sequence[_Push],
    requests: int,
    shared: Shared,
    told: _Told,
) -> list[str]:
    """Pushes each version at its time and waits for what becomes of it; returns faults."""
    faults = []
    for one in pushes:
        while shared.asked.value < one.at * requests and server.process.poll() is None:
            told.tell()
            time.sleep(0.05)
        # Before it is there, as it may be served as soon as it is.
        shared.newest.value = one.version
        push(models[one.model], root, one.version, broken=one.broken)
        deadline = time.monotonic() + _SWAPS_WITHIN

        def settled(one: _Push = one) -> bool:
            if one.broken:
                return server.state(one.version) == "END"
            return server.version() == one.version

        try:
            while not settled():
                if time.monotonic() > deadline:
                    raise TimeoutError
                told.tell()
                time.sleep(0.05)
            if one.broken and server.version() == one.version:
                faults.append(f"Version {one.version} is broken and was served.")
        except (OSError, ValueError) as error:
            faults.append(f"Version {one.version} was not taken over: {type(error).__name__}.")
            break
        if not one.broken:
            shared.oldest.value = one.version
    shared.swapping.value = 0
    return faults


def _results(
    results: mp.Queue[Counts], clients: Sequence[mp.process.BaseProcess], told: _Told
) -> Iterator[Counts]:
    left = len(clients)
    while left:
        told.tell()
        try:
            yield results.get(timeout=0.5)
            left -= 1
        except queue.Empty:
            failed = sum(1 for client in clients if client.exitcode)
            if failed >= left:
                break
    for client in clients:
        client.join()


def _sum(counts: Sequence[Counts]) -> Counts:
    by_version: dict[int, int] = {}
    for count in counts:
        for version, number in count.by_version.items():
            by_version[version] = by_version.get(version, 0) + number
    good, bad = sum(one.good for one in counts), sum(one.bad for one in counts)
    return Counts(good, bad, dict(sorted(by_version.items())))


class _Told:
    """Says now and then how far it is."""

    def __init__(self, requests: int, begun: float, watch: Watch, shared: Shared):
        self._requests, self._begun, self._watch, self._shared = requests, begun, watch, shared
        self._next = begun + _TOLD_EVERY

    def tell(self) -> None:
        now = time.monotonic()
        asked = self._shared.asked.value
        if now < self._next or not asked or not self._watch.samples:
            return
        self._next = now + _TOLD_EVERY
        left = max(0.0, (now - self._begun) * (self._requests / asked - 1))
        rss = self._watch.samples[-1].rss / MIB
        _say(
            f"{asked:,} of {self._requests:,} requests, {now - self._begun:.0f} s gone, about "
            f"{left:.0f} s left; version {self._shared.oldest.value}, {rss:.0f} MiB"
        )


def _say(text: str) -> None:
    print(text, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--requests", type=int, default=Soak.requests)
    parser.add_argument("--clients", type=int, default=Soak.clients)
    parser.add_argument("--swaps", type=int, default=Soak.swaps)
    parser.add_argument(
        "--results", type=Path, default=_REPOSITORY / "benchmarks/results/soak.json"
    )
    parser.add_argument("--page", type=Path, default=_REPOSITORY / "docs/results/soak.md")
    args = parser.parse_args(arguments)
    if min(args.requests, args.clients, args.swaps) < 1:
        parser.error("all numbers have to be above zero")
    with tempfile.TemporaryDirectory(prefix="artist_sim_soak_") as folder:
        found = soak(Soak(args.requests, args.clients, args.swaps), Path(folder))
    args.results.write_text(json.dumps(found, indent=1) + "\n")
    write_page(found, args.page)
    for fault in found["faults"]:
        print(f"FAULT: {fault}", file=sys.stderr)
    _say(f"{found['good']:,} good and {found['bad']:,} bad requests in {found['seconds']:.0f} s")
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
