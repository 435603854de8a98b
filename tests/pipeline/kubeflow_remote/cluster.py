"""What is typed against the server of these tests, and how what it keeps is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY
from tests.pipeline.kubeflow_server import KubeflowServer
from tests.pipeline.swagger import Swagger

SWAGGER = "kubeflow/kfp_v2beta1.swagger.json"
CRON = "0 30 3 * * *"
OTHER = {"trainer": {"training": {"epochs": 3}}}

Typed = Callable[..., tuple[int, str, str]]


def description() -> Swagger | None:
    folder = Path(os.environ.get("ARTIST_SIM_DATA") or REPOSITORY / "../shared/data")
    return Swagger(folder / SWAGGER) if (folder / SWAGGER).is_file() else None


def names(server: KubeflowServer) -> list[str]:
    return [one["name"] for one in server.versions.values()]


def only(kept: dict[str, Any]) -> dict[str, Any]:
    (one,) = kept.values()
    return one
