"""Writes down when a training's first step was done, in whichever process of a run that is.

Python imports it at its start where its folder is on the path. It touches the training alone, once
that is imported: STARTED_FILE names a file, which is made with the time in it.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
import time
from typing import Any

_MODULE = "trainer.training"


class _Finder(importlib.abc.MetaPathFinder):
    """Lets the others find the module, and watches it once it is loaded."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        """The spec of `trainer.training` with a loader that watches; None for all else."""
        if fullname != _MODULE:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path)
        if found is None or found.loader is None:
            return None
        execute = found.loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            _watch(module.Training)

        found.loader.exec_module = exec_module  # type: ignore[method-assign]
        return found


def _watch(training: Any) -> None:
    step_of = training._distributed_step

    def step(self: Any, *args: Any) -> Any:
        loss = step_of(self, *args)
        # Reading it waits for the step.
        float(loss)
        training._distributed_step = step_of
        beside = f"{os.environ['STARTED_FILE']}.{os.getpid()}"
        with open(beside, "w") as file:
            file.write(str(time.time()))
        os.replace(beside, os.environ["STARTED_FILE"])
        return loss

    training._distributed_step = step


if "STARTED_FILE" in os.environ:
    sys.meta_path.insert(0, _Finder())
