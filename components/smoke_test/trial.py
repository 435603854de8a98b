"""A version on trial: does what is served answer as the model that was judged?"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from typing import Final

from components.smoke_test.config import SmokeTestConfig
from serving.client import Client
from serving.errors import NotFound, ServingError, Unavailable
from serving.fresh_answers import NoAnswers, fresh_answers
from serving.protocol import AVAILABLE
from serving.questions import Question, fault

TOKEN_VARIABLE: Final = "ARTIST_SIM_TOKEN"
"""The environment variable that has the server's token, if it wants one."""
_POLL: Final = 0.5
_REQUEST: Final = 20.0
"""Seconds of one request."""
_LOAD: Final = 900.0
"""Seconds in which a process must have loaded a model and answered."""


def version_fault(
    version: int, folder: str, judged_model: str, config: SmokeTestConfig
) -> str | None:
    """What is wrong with a pushed version, as the end of a sentence; None if nothing is.

    Args:
      version: its number.
      folder: where it was pushed to.
      judged_model: the SavedModel that was judged and pushed.
      config: the server, or none; then the folder is loaded in a process of its own.
    """
    try:
        questions = fresh_answers(judged_model, _LOAD)
    except NoAnswers as error:
        return f"the model that was judged is of no use: {error}"
    if not config.server:
        try:
            answers = fresh_answers(folder, _LOAD, questions)
        except NoAnswers as error:
            return str(error)
        found = (fault(*pair) for pair in zip(questions, (a.answer for a in answers), strict=True))
        return next(filter(None, found), None)
    return not_served(version, config) or _served_fault(version, questions, config)


def not_served(version: int, config: SmokeTestConfig) -> str | None:
    """Waits until the server serves a version; says why it does not, None if it does.

    Args:
      version: its number.
      config: the server, and how long it may take.
    """
    deadline = time.monotonic() + config.seconds
    with _client(config, None) as client:
        while True:
            why, final = _state_fault(client, version)
            if why is None:
                return None
            if final or time.monotonic() > deadline:
                waited = "" if final else f" within {config.seconds} s"
                return f"the server does not serve it{waited} ({why})"
            time.sleep(_POLL)


def _state_fault(client: Client, version: int) -> tuple[str | None, bool]:
    """(why it is not available, or None; whether waiting is of no use)."""
    try:
        found = [one for one in client.versions() if one.version == version]
    except (NotFound, Unavailable) as error:
        return error.message.rstrip("."), False
    except ServingError as error:
        # A server that asks for another token will not change its mind.
        return error.message.rstrip("."), error.code in ("UNAUTHENTICATED", "PERMISSION_DENIED")
    if not found:
        return "it has not found it", False
    if found[0].state == AVAILABLE:
        return None, True
    said = f": {found[0].error.splitlines()[0][:200]}" if found[0].error else ""
    return f"its state is {found[0].state}{said}", bool(found[0].error)


def _served_fault(
    version: int, questions: Sequence[Question], config: SmokeTestConfig
) -> str | None:
    with _client(config, version) as client:
        for question in questions:
            try:
                wrong = fault(question, client.predict(question.signature, question.inputs))
            except ServingError as error:
                return f"'{question.signature}' is not answered ({error.message.rstrip('.')})"
            if wrong:
                return wrong
    return None


@contextlib.contextmanager
def _client(config: SmokeTestConfig, version: int | None) -> Iterator[Client]:
    assert config.server is not None
    with Client(
        config.server,
        rest_address=config.rest_server,
        model=config.model,
        version=version,
        timeout=_REQUEST,
        token=os.environ.get(TOKEN_VARIABLE) or None,
    ) as client:
        yield client
