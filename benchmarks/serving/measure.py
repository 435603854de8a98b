"""All runs of the suite, the servers in turn."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.serving.figures import ratios, round_of, summarise
from benchmarks.serving.load import REST, LoadProcess, Run
from benchmarks.serving.models import make_model
from benchmarks.serving.program import BENTOML, EMBEDDED
from benchmarks.serving.questions import (
    KINDS,
    Question,
    WrongAnswer,
    check_grpc,
    check_rest,
    make_questions,
)
from benchmarks.serving.servers import (
    Server,
    bentoml_environment,
    bentoml_server,
    embedded_server,
    given_tf_serving,
)
from catalogues.errors import InputError
from trainer.config import DiffusionConfig

_QUESTIONS: Final = 128
"""Of each kind."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
      artists: of each catalogue.
      servers: names of those that are started.
      clients: that ask at once.
      rounds: each server is measured once in each.
      warm_up: seconds of a run that do not count.
      seconds: that do.
      sizes: of the models.
    """

    artists: tuple[int, ...] = (17_673, 136_731)
    servers: tuple[str, ...] = (EMBEDDED, BENTOML)
    clients: tuple[int, ...] = (1, 8, 32)
    rounds: int = 3
    warm_up: float = 0.4
    seconds: float = 2.0
    sizes: DiffusionConfig = DiffusionConfig()


def measure(plan: Plan, folder: Path, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Starts the servers of each model and asks them in turn.

    Args:
      plan: what is measured.
      folder: keeps models, the other server's environment, and logs.
      tell: told what is done.

    Returns:
      A record for each catalogue, server, protocol, kind of question and number of clients: these,
      all `rounds`, their summary, and `ratio` of another server to the embedded one.

    Raises:
      InputError: a server does not start, or answers an error or what the model does not say.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = bentoml_environment(folder, tell) if BENTOML in plan.servers else None
    records: list[dict[str, Any]] = []
    for artists in plan.artists:
        root = make_model(artists, folder / "models", plan.sizes, tell)
        questions = make_questions(root / "1", artists, _QUESTIONS)
        with contextlib.ExitStack() as stack:
            servers = []
            if EMBEDDED in plan.servers:
                servers.append(
                    stack.enter_context(embedded_server(root, folder / "embedded-log.txt"))
                )
            if environment:
                log = folder / "bentoml-log.txt"
                servers.append(stack.enter_context(bentoml_server(root / "1", environment, log)))
            if given := given_tf_serving(root / "1"):
                servers.append(given)
            loads = stack.enter_context(LoadProcess())
            records += _of_catalogue(artists, servers, questions, plan, loads, tell)
    return records


def _of_catalogue(
    artists: int,
    servers: Sequence[Server],
    questions: Mapping[str, Sequence[Question]],
    plan: Plan,
    loads: LoadProcess,
    tell: Callable[[str], None],
) -> list[dict[str, Any]]:
    found: dict[tuple[str, str, str, int], list[dict[str, float]]] = {}
    asked = [(server, protocol) for server in servers for protocol in server.ports]
    for number in range(plan.rounds):
        tell(f"{artists:,} artists: round {number + 1} of {plan.rounds} …")
        # None is always the first after another kind of load, and none always the second.
        turn = asked[number % len(asked) :] + asked[: number % len(asked)]
        for kind, clients in itertools.product(KINDS, plan.clients):
            for server, protocol in turn:
                one = ask(server, protocol, questions[kind], clients, plan, loads)
                found.setdefault((server.name, protocol, kind, clients), []).append(one)
    records = []
    for (server_name, protocol, kind, clients), rounds in found.items():
        record: dict[str, Any] = {
            "artists": artists,
            "server": server_name,
            "protocol": protocol,
            "question": kind,
            "clients": clients,
            "rounds": rounds,
            **summarise(rounds),
        }
        ours = found.get((EMBEDDED, protocol, kind, clients))
        if ours and server_name != EMBEDDED:
            record["ratio"] = ratios(ours, rounds)
        records.append(record)
    return records


def ask(
    server: Server,
    protocol: str,
    questions: Sequence[Question],
    clients: int,
    plan: Plan,
    loads: LoadProcess,
) -> dict[str, float]:
    """One run; its answers are checked after it.

    Raises:
      InputError: the server answers an error, or what the model does not say, or nothing in time.
    """
    bodies = [question.rest if protocol == REST else question.grpc for question in questions]
    run = Run(
        protocol,
        server.host,
        server.ports[protocol],
        server.path,
        bodies,
        clients,
        plan.warm_up,
        plan.seconds,
    )
    check = check_rest if protocol == REST else check_grpc
    try:
        load = loads.make(run)
        for place, answer in load.answers.items():
            check(answer, questions[place])
    except (WrongAnswer, RuntimeError) as error:
        raise InputError(
            f"{server.name} over {protocol}: {error}; its figures are void."
        ) from error
    if not load.latencies or not load.answered:
        raise InputError(
            f"{server.name} over {protocol} answered nothing within {plan.seconds:g} s; measure "
            "for longer with --seconds."
        )
    return round_of(load.latencies, load.answered, plan.seconds, load.busy)
