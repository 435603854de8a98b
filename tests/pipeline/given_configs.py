"""Configurations as a person writes them, right and wrong."""

from __future__ import annotations

from typing import Any

import pytest

from catalogues.errors import InputError
from pipeline.config import parse_config


def nested(path: str, value: Any) -> dict[str, Any]:
    """{'a': {'b': value}} of 'a.b', beside the one key that must be there."""
    given: dict[str, Any] = {"catalogue": {"path": "mine"}}
    place = given
    *sections, key = path.split(".")
    for section in sections:
        place = place.setdefault(section, {})
    place[key] = value
    return given


def refusal(given: dict[str, Any]) -> str:
    """The one sentence that they are refused with."""
    with pytest.raises(InputError) as raised:
        parse_config(given, "mine.yaml")
    message = str(raised.value)
    assert message.startswith("mine.yaml: ")
    assert message.endswith(".") and "\n" not in message
    return message
