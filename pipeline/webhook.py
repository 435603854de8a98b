"""Posts a run's summary to an address that only the environment knows.

The address is a secret, as whoever has it can post. It is in no configuration, log, artifact or
message.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx

from pipeline.metadata_config import PASSWORD_VARIABLE

WEBHOOK_VARIABLE: Final = "ARTIST_SIM_WEBHOOK_URL"
_SECRETS: Final = (WEBHOOK_VARIABLE, PASSWORD_VARIABLE, "ARTIST_SIM_TOKEN")
_TIMEOUT: Final = 10.0
"""Seconds of one attempt's connection, of its request and of the wait for its answer."""
_WAITS: Final = (1.0, 4.0)
"""Seconds between attempts."""


def post_summary(
    summary: Callable[[], dict[str, Any]],
    *,
    timeout: float = _TIMEOUT,
    waits: tuple[float, ...] = _WAITS,
    warn: Callable[[str], None] | None = None,
) -> None:
    """Posts a summary as JSON where ARTIST_SIM_WEBHOOK_URL says; nothing where it is not set.

    A server that cannot be reached, is slow or busy (429, 5xx) is asked again. Redirects are not
    followed: the summary goes where a person said, and nowhere else. Whatever goes wrong is a
    warning, as the run itself is over.

    Args:
      summary: gives plain values; secrets that stand in their texts are taken out.
      timeout: seconds that one attempt may wait for the connection, and for the answer.
      waits: seconds between attempts.
      warn: is told what went wrong, in one sentence; by default, whoever reads stderr.
    """
    url = os.environ.get(WEBHOOK_VARIABLE, "").strip()
    if not url:
        return
    tell = warn or (lambda text: print(f"artist_sim: {text}", file=sys.stderr, flush=True))
    try:
        why = _posted(url, without_secrets(summary()), timeout, waits)
    # Whatever a library raises, or a summary of half a run: the text may have the address.
    except Exception as error:
        why = type(error).__name__
    if why:
        tell(f"The webhook of {WEBHOOK_VARIABLE} did not take the run's summary ({why}).")


def without_secrets(value: Any) -> Any:
    """The same plain values without the secrets of the environment in their texts."""
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_secrets(item) for item in value]
    if isinstance(value, str):
        for secret in filter(None, (os.environ.get(name) for name in _SECRETS)):
            value = value.replace(secret, "…")
    return value


def _posted(url: str, summary: Any, timeout: float, waits: tuple[float, ...]) -> str | None:
    """Why it was not taken, None if it was."""
    parsed = httpx.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        return "it is no address of http or https"
    why = ""
    with _unlogged(), httpx.Client(timeout=timeout, follow_redirects=False) as client:
        for wait in (*waits, None):
            try:
                # The answer's body is nothing to us, and may be long.
                with client.stream("POST", parsed, json=summary) as response:
                    status = response.status_code
            except httpx.HTTPError as error:
                why = type(error).__name__
            else:
                if 200 <= status < 300:
                    return None
                why = f"HTTP status {status}"
                if status < 500 and status != httpx.codes.TOO_MANY_REQUESTS:
                    return why
            if wait is not None:
                time.sleep(wait)
    return f"{why}, {len(waits) + 1} times"


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Keeps the libraries, which log addresses, silent."""
    # What is below them, such as httpcore.http11, takes their level.
    loggers = [logging.getLogger(name) for name in ("httpx", "httpcore")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
