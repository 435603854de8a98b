"""One client of the soak: asks over both protocols and compares every answer."""

from __future__ import annotations

import dataclasses
import http.client
import json
import multiprocessing as mp
from collections.abc import Mapping, Sequence
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np

from benchmarks.serving.soak_requests import REST, Outputs, Question, read_questions
from serving.protocol import PredictResponse, array_of

_TIMEOUT: Final = 60.0
_SHARE_BAD: Final = 0.1
_CLOSE: Final = 1e-5


@dataclasses.dataclass(frozen=True)
class Shared:
    """What client processes have in common with the one that started them.

    Attributes:
      asked: requests that have been answered, of all clients.
      oldest: the version that is known to be served: no request that begins now may get an older.
      newest: the newest version that has been pushed.
      swapping: 1 until nothing more will be pushed; so long clients go on beyond their number.
    """

    asked: Synchronized[int]
    oldest: Synchronized[int]
    newest: Synchronized[int]
    swapping: Synchronized[int]

    @classmethod
    def between(cls, context: Any) -> Shared:
        """Of processes of a context, with version 1 pushed and served."""
        return cls(*(context.Value("q", start) for start in (0, 1, 1, 1)))


@dataclasses.dataclass
class Counts:
    """What came of a client's requests.

    Attributes:
      good: good requests that were answered rightly.
      bad: bad ones that were.
      by_version: right answers by the version that gave them.
      wrong: a sentence for each answer that was not right.
    """

    good: int = 0
    bad: int = 0
    by_version: dict[int, int] = dataclasses.field(default_factory=dict)
    wrong: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a client does.

    Attributes:
      rest: host:port.
      grpc: host:port.
      questions: the file of them.
      number: of requests, or more.
      seed: of their choice.
      model_of: by version, which model it is, a place in the questions' answers.
    """

    rest: str
    grpc: str
    questions: Path
    number: int
    seed: int
    model_of: Mapping[int, int]


def run_client(plan: Plan, shared: Shared, results: mp.Queue[Counts]) -> None:
    """Asks, and puts the Counts into `results`; the work of a process."""
    good, bad = read_questions(plan.questions)
    rng = np.random.default_rng(plan.seed)
    counts = Counts()
    with grpc.insecure_channel(plan.grpc) as channel:
        asking = _Asking(plan, channel)
        done = 0
        while done < plan.number or shared.swapping.value:
            done += 1
            is_bad = rng.random() < _SHARE_BAD
            pool = bad if is_bad else good
            question = pool[rng.integers(len(pool))]
            oldest = shared.oldest.value
            try:
                code, found, version = asking.ask(question)
                newest = shared.newest.value
                allowed = [one for one in plan.model_of if oldest <= one <= newest]
                by = _check(question, code, found, version, allowed, plan.model_of)
            except Exception as error:
                counts.wrong.append(f"{_named(question)}: {type(error).__name__}: {error}"[:500])
            else:
                if by is not None:
                    counts.by_version[by] = counts.by_version.get(by, 0) + 1
                counts.bad += is_bad
                counts.good += not is_bad
            with shared.asked.get_lock():
                shared.asked.value += 1
    asking.close()
    results.put(counts)


class _Asking:
    def __init__(self, plan: Plan, channel: grpc.Channel):
        self._address, self._channel = plan.rest, channel
        self._rest = http.client.HTTPConnection(plan.rest, timeout=_TIMEOUT)

    def ask(self, question: Question) -> tuple[str, Outputs | None, int | None]:
        """Code, outputs and, where the protocol says it, the version."""
        if question.protocol == REST:
            return self._ask_rest(question)
        call = self._channel.unary_unary(question.path)
        try:
            body = call(question.body, timeout=_TIMEOUT)
        except grpc.RpcError as error:
            return error.code().name, None, None
        answer = PredictResponse.FromString(body)
        outputs = {name: array_of(tensor) for name, tensor in answer.outputs.items()}
        return "OK", outputs, answer.model_spec.version.value

    def _ask_rest(self, question: Question) -> tuple[str, Outputs | None, int | None]:
        headers = {"Content-Type": "application/json", **question.headers}
        self._rest.request("POST", question.path, question.body, headers)
        answer = self._rest.getresponse()
        found = json.loads(answer.read())
        if answer.status != 200:
            if set(found) != {"error"} or not found["error"]:
                raise AssertionError(f"no sentence with {answer.status}")
            return str(answer.status), None, None
        if question.rows:
            columns = {
                name: [row[name] for row in found["predictions"]]
                for name in found["predictions"][0]
            }
        else:
            columns = found["outputs"]
        return "200", {name: np.array(value) for name, value in columns.items()}, None

    def close(self) -> None:
        self._rest.close()


def _check(
    question: Question,
    code: str,
    found: Outputs | None,
    version: int | None,
    allowed: Sequence[int],
    model_of: Mapping[int, int],
) -> int | None:
    """The version that an answer is of, None if it was rightly refused.

    Raises:
      AssertionError: it is not right.
    """
    wanted = question.code if not question.answer else "200" if question.protocol == REST else "OK"
    if code != wanted:
        raise AssertionError(f"{code} and not {wanted}")
    if not question.answer:
        return None
    assert found is not None
    if version is not None and version not in allowed:
        raise AssertionError(f"version {version} and not one of {list(allowed)}")
    for one in allowed if version is None else [version]:
        if _same(found, question.answer[model_of[one]]):
            return one
    raise AssertionError(f"not the answer of {version or list(allowed)}")


def _same(found: Outputs, right: Outputs) -> bool:
    return set(found) == set(right) and all(
        _close(found[name], value) for name, value in right.items()
    )


def _close(found: np.ndarray, right: np.ndarray) -> bool:
    if found.shape != right.shape:
        return False
    if right.dtype.kind == "f":
        return bool(np.allclose(found, right, _CLOSE, _CLOSE, equal_nan=True))
    return bool((found == right).all())


def _named(question: Question) -> str:
    return f"{question.protocol} {question.path} {question.body[:80]!r}"
