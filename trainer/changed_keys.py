"""How two configurations differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_SHOWN: Final = 3


def changed_keys(before: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> list[str]:
    """The dotted keys whose values differ, each in backticks, sorted."""
    found = []
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += changed_keys(old, new, f"{path}{key}.")
        elif old != new or (key in before) != (key in now):
            found.append(f"`{path}{key}`")
    return found


def listed(found: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{', '.join(found[:_SHOWN])}{more}"
