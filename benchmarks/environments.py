"""Virtual environments of what the project is compared with, none of which it depends on."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from catalogues.errors import InputError


def own_environment(
    folder: Path,
    title: str,
    requirements: Sequence[Path],
    instead: str,
    tell: Callable[[str], None],
    settings: Mapping[str, str] = {},
) -> Path:
    """A virtual environment with pinned versions; made once.

    Args:
      folder: keeps environments.
      title: what is installed, as one says it.
      requirements: files of pins, installed one after the other. What is compiled sees what the
        files before it brought, as extensions of PyTorch have to.
      instead: what can be done where it cannot be installed, the end of a sentence.
      tell: told that it begins.
      settings: environment variables of the installation.

    Returns:
      The environment's folder, `<title>-<digest of the pins>`.

    Raises:
      InputError: its packages could not be installed.
    """
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in requirements)).hexdigest()[:12]
    path = folder / f"{title.lower().replace(' ', '-')}-{digest}"
    if (path / ".installed").exists():
        return path
    tell(f"installing {title} into an environment of its own …")
    uv = str(Path(sys.executable).with_name("uv"))
    install = [uv, "pip", "install", "--quiet", "--python", str(path / "bin" / "python")]
    commands = [[uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(path)]]
    for place, file in enumerate(requirements):
        seeing = ["--no-build-isolation"] if place else []
        commands.append([*install, *seeing, "-r", str(file)])
    for command in commands:
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **settings}
        )
        if done.returncode:
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            raise InputError(
                f"{title} could not be installed ({last}); mend the network and run again, or "
                f"{instead}."
            )
    (path / ".installed").touch()
    return path
