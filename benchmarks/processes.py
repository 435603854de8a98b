"""What a process of a benchmark answers: JSON in the last line that it prints."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from catalogues.errors import InputError

ROOT: Final = Path(__file__).parents[1]


def answer_of(command: Sequence[str], what: str) -> dict[str, Any]:
    """Runs a command in the project's folder.

    Args:
      command: of the process.
      what: it does, in a message.

    Raises:
      InputError: the process fails; with the last thing that it said.
    """
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise InputError(f"{what} failed: {last}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def module_answer(module: str, given: Mapping[str, Any], what: str) -> dict[str, Any]:
    """What a module of the project answers, run as a program that is given JSON."""
    return answer_of([sys.executable, "-m", module, json.dumps(given)], what)
