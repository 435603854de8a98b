"""The OpenAPI description of the REST API, of one server."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from serving.embedded.limits import Limits

_FILE: Final = Path(__file__).with_name("openapi.yaml")


def describe(name: str, limits: Limits, token: bool) -> dict[str, Any]:
    """openapi.yaml with what differs from server to server.

    Args:
      name: of the model.
      limits: of a request.
      token: whether one must come along.
    """
    found = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    parts = found["components"]
    parts["parameters"]["model"]["schema"]["enum"] = [name]
    parts["responses"]["Large"]["description"] = f"The body has more than {limits.body} bytes."
    for name in ("PredictRequest", "Texts"):
        _limit(parts["schemas"][name], limits)
    if token:
        found["security"] = [{"bearer": []}]
    return found


def _limit(part: Any, limits: Limits) -> None:
    """Sets every limit on rows and on `k` below a part of the schemas."""
    if isinstance(part, dict):
        if "maxItems" in part:
            part["maxItems"] = limits.batch
        if "k" in part:
            part["k"]["maximum"] = limits.k
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for one in inner:
        _limit(one, limits)
