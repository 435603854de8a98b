"""Limits of time and number, with a model that takes as long as the test likes."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from serving.embedded.limits import Limits
from serving.embedded.metrics import Metrics
from serving.embedded.predictor import Predictor
from serving.embedded.servable import Input, Signature
from serving.embedded.status import (
    DEADLINE_EXCEEDED,
    INTERNAL,
    UNAVAILABLE,
    Refused,
    from_tensorflow,
    without_paths,
)
from serving.embedded.versions import Versions
from serving.errors import error_of


class Slow:
    """Answers when `go` is set, or its time is over, as a session does."""

    version = 1
    row_wise: dict[str, tuple[str, ...]] = {}
    signatures = {
        "serving_default": Signature("serving_default", "", {"x": Input(tf.int32, ())}, ["y"])
    }

    def __init__(self, path: Path):
        self.go = threading.Event()

    def run(self, signature, inputs, outputs, timeout):
        if not self.go.wait(timeout):
            raise tf.errors.DeadlineExceededError(None, None, "too long")
        return {"y": inputs["x"] + 1}

    def close(self) -> None:
        pass


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").touch()
    versions = Versions(tmp_path, load=Slow)
    versions.refresh()
    return versions


def ask(predictor: Predictor, read=lambda signature: {"x": np.int32(1)}, **options):
    return predictor.predict(
        "artist_sim", None, "", read, lambda servable, outputs: outputs, num_bytes=1, **options
    )


def test_the_limit_and_the_client_s_deadline_end_a_request(versions):
    predictor = Predictor("artist_sim", versions, Limits(seconds=0.2), Metrics(), 1)

    async def check() -> None:
        for timeout, told in ((None, "0.2 s"), (0.05, "0.05 s"), (9.0, "0.2 s")):
            begun = time.monotonic()
            with pytest.raises(Refused) as found:
                await ask(predictor, timeout=timeout)
            assert found.value.code is DEADLINE_EXCEEDED
            assert found.value.http == 408
            assert told in found.value.message
            assert time.monotonic() - begun >= 0.04

    asyncio.run(check())


def test_a_request_whose_time_is_over_in_the_queue_is_not_computed(versions):
    predictor = Predictor("artist_sim", versions, Limits(seconds=60), Metrics(), 1)
    read = []

    async def check() -> None:
        first = asyncio.create_task(ask(predictor))
        await asyncio.sleep(0)  # It has the only thread.
        late = asyncio.create_task(
            ask(predictor, timeout=0.01, read=lambda signature: read.append(1))
        )
        await asyncio.sleep(0)  # Its time runs.
        await asyncio.sleep(0.05)
        with versions.use() as servable:
            servable.go.set()
        assert (await first)["y"] == 2
        with pytest.raises(Refused) as found:
            await late
        assert found.value.code is DEADLINE_EXCEEDED

    asyncio.run(check())
    assert not read


def test_requests_beyond_the_limit_are_refused_and_places_come_free(versions):
    predictor = Predictor("artist_sim", versions, Limits(concurrent=2), Metrics(), 1)

    async def check() -> None:
        waiting = [asyncio.create_task(ask(predictor)) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(Refused) as found:
            await ask(predictor)
        assert found.value.code is UNAVAILABLE
        assert found.value.http == 429
        with versions.use() as servable:
            servable.go.set()
        assert [answer["y"] for answer in await asyncio.gather(*waiting)] == [2, 2]
        assert (await ask(predictor))["y"] == 2

    asyncio.run(check())


def test_no_place_of_the_machine_is_told():
    error = tf.errors.InternalError(
        None, None, "bad file /home/me/models/7/variables\n\t [[{{node x}}]]\n in /usr/lib/y.py"
    )
    refused = from_tensorflow(error)
    assert refused.code is INTERNAL
    assert refused.message == "bad file …"
    refusal = tf.errors.InvalidArgumentError(
        None,
        None,
        "Graph execution error:\n\nassertion failed: [No modality x: [y].]\n\t [[{{node z}}]]",
    )
    assert from_tensorflow(refusal).message == "No modality x: [y]."
    # As TensorFlow 2.16 quotes it.
    quoted = r"""assertion failed: [Umm\'s \"größe\" is C:\\x.]"""
    told = from_tensorflow(tf.errors.InvalidArgumentError(None, None, quoted)).message
    assert told == r"""Umm's "größe" is C:\x."""
    assert told.rstrip(".") in error_of("INVALID_ARGUMENT", quoted).message
    assert without_paths("POST /v1 and a/b and 1/2") == "POST /v1 and a/b and 1/2"
    assert without_paths("in /a/b/d.txt: no") == "in …: no"
