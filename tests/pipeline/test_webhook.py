"""The webhook: what is posted, what is tried again, and that nothing gives its address away."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.webhook import WEBHOOK_VARIABLE, post_summary
from tests.pipeline.hook import SECRET, Hook

SUMMARY = {"text": "artist-sim, run 7: pushed version 12.", "version": 12}


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """Posts to a hook; gives it and the warnings."""
    hooks = []

    def post(hook: Hook, summary: dict[str, Any] = SUMMARY, timeout: float = 5.0) -> list[str]:
        hooks.append(hook)
        monkeypatch.setenv(WEBHOOK_VARIABLE, hook.url)
        warnings: list[str] = []
        with caplog.at_level(logging.DEBUG):
            post_summary(lambda: summary, timeout=timeout, waits=(0.0, 0.0), warn=warnings.append)
        for told in (*warnings, caplog.text):
            assert SECRET not in told and "127.0.0.1" not in told
        return warnings

    yield post
    for hook in hooks:
        hook.close()


def test_the_summary_is_posted_as_json(posted):
    hook = Hook(200)
    assert posted(hook) == []
    assert hook.bodies == [SUMMARY] and hook.paths == [f"/hooks/{SECRET}"]


def test_nothing_is_posted_where_there_is_no_address(monkeypatch):
    monkeypatch.delenv(WEBHOOK_VARIABLE, raising=False)
    post_summary(lambda: pytest.fail("nobody asks for it"), warn=pytest.fail)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_busy_server_is_asked_again(posted, status):
    hook = Hook(status, 200)
    assert posted(hook) == []
    assert hook.bodies == [SUMMARY, SUMMARY]


def test_a_server_that_stays_broken_is_a_warning(posted):
    hook = Hook(500)
    (told,) = posted(hook)
    assert told == (
        "The webhook of ARTIST_SIM_WEBHOOK_URL did not take the run's summary (HTTP status 500, "
        "3 times)."
    )
    assert len(hook.bodies) == 3


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_is_refused_is_not_asked_again(posted, status):
    hook = Hook(status)
    (told,) = posted(hook)
    assert f"(HTTP status {status})" in told
    assert len(hook.bodies) == 1


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_not_followed(posted, status):
    hook = Hook(status, 200)
    (told,) = posted(hook)
    assert f"(HTTP status {status})" in told
    assert hook.paths == [f"/hooks/{SECRET}"]


def test_a_slow_server_is_given_up(posted):
    hook = Hook(200, seconds=0.5)
    (told,) = posted(hook, timeout=0.05)
    assert "(ReadTimeout, 3 times)" in told


def test_a_server_that_is_not_there(posted):
    hook = Hook(200)
    hook.close()
    hook.close = lambda: None
    (told,) = posted(hook)
    assert "(ConnectError, 3 times)" in told


@pytest.mark.parametrize("address", [f"ftp://x/{SECRET}", SECRET, f"http://[{SECRET}"])
def test_an_address_of_no_use_is_not_repeated(monkeypatch, capsys, address):
    monkeypatch.setenv(WEBHOOK_VARIABLE, address)
    post_summary(lambda: SUMMARY, waits=())
    told = capsys.readouterr().err
    assert told.startswith("artist_sim: The webhook of ARTIST_SIM_WEBHOOK_URL did not take")
    assert SECRET not in told and len(told.splitlines()) == 1


def test_a_summary_that_cannot_be_made_fails_nothing(posted, monkeypatch):
    monkeypatch.setenv(WEBHOOK_VARIABLE, "http://127.0.0.1:1/x")
    warnings: list[str] = []
    post_summary(lambda: {}["missing"], warn=warnings.append)
    assert "(KeyError)" in warnings[0]


def test_secrets_that_stand_in_a_sentence_are_taken_out(posted, monkeypatch):
    monkeypatch.setenv("ARTIST_SIM_TOKEN", "s3cret-token")
    hook = Hook(200)
    posted(hook, {"reason": f"{hook.url} and s3cret-token failed", "scores": [{"a": hook.url}]})
    assert hook.bodies == [{"reason": "… and … failed", "scores": [{"a": "…"}]}]
