"""Artifacts on Kubeflow Pipelines: by URI to the back end, by local path to a step.

The launcher of Kubeflow Pipelines copies a step's input artifacts to local folders before the step
runs, and its output artifacts from local folders after; which ones follows from the URI alone
(`LocalPathForURI` in backend/src/v2/component of kubeflow/pipelines).
"""

from __future__ import annotations

import os
from typing import Final

_FOLDERS: Final = {"gs://": "/gcs/", "minio://": "/minio/", "s3://": "/s3/"}
ROOT_VARIABLE: Final = "ARTIFACT_LOCAL_PATH"
"""What the launcher puts before those folders, as newer versions of it do; nothing if not set."""


def local_path(uri: str) -> str:
    """Where the launcher keeps the artifact of a URI; what is no URI of a store stays as it is."""
    for scheme, folder in _FOLDERS.items():
        if uri.startswith(scheme):
            return os.environ.get(ROOT_VARIABLE, "") + folder + uri[len(scheme) :]
    return uri


def artifact_uri(path: str) -> str:
    """The URI of what the launcher keeps in a local folder; any other path stays as it is."""
    for scheme, folder in _FOLDERS.items():
        begin = os.environ.get(ROOT_VARIABLE, "") + folder
        if path.startswith(begin):
            return scheme + path[len(begin) :]
    return path
