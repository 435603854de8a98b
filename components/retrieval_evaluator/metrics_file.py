"""`metrics.json`: its version, and reading one of any version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

METRICS_FILE: Final = "metrics.json"
SCHEMA_VERSION: Final = 1
"""Of `metrics.schema.json`; raised when a reader of the older form would be misled."""


def read_metrics(path: Path) -> dict[str, Any]:
    """Reads a judgement's `metrics.json` in the form of today.

    Before there were versions, the file held nothing but the scores; such a one gets them under
    'scores', and no other key.
    """
    found = json.loads(path.read_text(encoding="utf-8"))
    return found if "schema_version" in found else {"scores": found}
