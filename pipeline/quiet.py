"""Keeps third-party logs out of a person's sight and in a file."""

from __future__ import annotations

import datetime
import logging
import os
import warnings
from pathlib import Path
from typing import Final

LEGACY_KERAS: Final = "TF_USE_LEGACY_KERAS"
_KEPT = 20


def quiet_third_parties(folder: Path) -> Path:
    """Sends all log records to a new file, and nothing below an error to the terminal.

    Called before TensorFlow is imported, whose C++ part reads its level once.

    Args:
      folder: for log files; the newest 20 are kept.

    Returns:
      The log file.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Of ML Metadata, which would tell the terminal each connection to a server.
    os.environ.setdefault("GLOG_minloglevel", "4")
    os.environ.setdefault(LEGACY_KERAS, "1")
    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob("run-*.log"))[: -_KEPT + 1]:
        old.unlink()
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    path = folder / f"run-{now}-{os.getpid()}.log"
    handler = logging.FileHandler(path, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    from absl import logging as absl_logging

    # absl brings a handler of its own, which would write to the terminal.
    absl_logging.use_absl_handler()
    absl_logging.set_verbosity(absl_logging.INFO)
    root.handlers[:] = [handler]
    for name in ("absl", "tensorflow", "apache_beam"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    return path
