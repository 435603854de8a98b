"""What is checked before anything is spent: the home, the catalogue and the schema.

Nothing heavy is imported here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from catalogues.errors import InputError, nearest
from catalogues.spec import load_catalogue
from pipeline.config import AUTO, BeamConfig, PipelineConfig
from pipeline.home import home
from pipeline.kubeflow_config import KubeflowConfig
from trainer.systems.registry import check_system

_JOB_ENDPOINT: Final = "--job_endpoint="
_RUNNER_OPTION: Final = "--runner="
_PATIENCE: Final = 10.0
"""Seconds for a connection to a job server."""
BEAM_RUNNERS: Final = (
    *("BundleBasedDirectRunner", "DataflowRunner", "DirectRunner", "FlinkRunner"),
    *("InteractiveRunner", "PortableRunner", "PrismRunner", "SparkRunner"),
    *("SwitchingDirectRunner", "TestDataflowRunner", "TestDirectRunner"),
)
"""Those that Beam has a name for; importing Beam to ask it takes seconds."""


def check_home() -> None:
    """Makes the home; raises InputError where nothing can be written to it."""
    try:
        home().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home()):
            pass
    except OSError as error:
        raise InputError(
            f"Nothing can be written to the folder '{home().name}' that a run keeps its work in "
            f"({error.strerror}); mend it, or name another one with ARTIST_SIM_HOME."
        ) from None


def check_inputs(config: PipelineConfig) -> None:
    """Raises InputError where the system, the schema or the catalogue is not there."""
    check_system(config.trainer.system)
    if config.schema and not Path(config.schema).is_file():
        raise InputError(
            f"There is no schema '{config.schema}'; correct `schema` in the configuration, or "
            "leave it out to have one inferred."
        )
    path = config.catalogue.path
    if "{" not in path:
        load_catalogue(path)
        return
    pattern = re.sub(r"\{[^}]*\}", "*", path.rstrip("/"))
    fixed = Path(pattern.split("*")[0] + "x").parent
    if not any(found.is_dir() for found in fixed.glob(str(Path(pattern).relative_to(fixed)))):
        raise InputError(
            f"No catalogue folder matches '{path}'; check `catalogue.path` in the configuration."
        )


def check_runner(beam: BeamConfig) -> None:
    """Raises InputError for a runner that Beam does not know, or a job server that does not listen.

    Beam would say the first when TFX is loaded and the first step begins; for the second it would
    wait a minute, and then say so in pages.
    """
    _check_names(beam)
    named = [option for option in beam.options if option.startswith(_JOB_ENDPOINT)]
    if not named:
        return
    endpoint = named[-1].removeprefix(_JOB_ENDPOINT)
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise InputError(
            f"`{_JOB_ENDPOINT}{endpoint}` in `beam.options` names no job server; give it a host "
            "and a port, as localhost:8099."
        )
    try:
        with socket.create_connection((host, int(port)), timeout=_PATIENCE):
            pass
    except OSError:
        raise InputError(
            f"No Beam job server answers at {endpoint}, which `beam.options` names; bring the "
            "local Flink cluster up with `make flink-up`, or name one that is there."
        ) from None


def _check_names(beam: BeamConfig) -> None:
    """As Beam takes them: in any case, with `Runner` or without, or a class with its module."""
    among_options = [
        ("`--runner` in `beam.options`", option.removeprefix(_RUNNER_OPTION))
        for option in beam.options
        if option.startswith(_RUNNER_OPTION)
    ]
    own = [("`beam.runner`", beam.runner)] if beam.runner != AUTO else []
    known = {name.lower() for name in BEAM_RUNNERS}
    for key, name in (*own, *among_options):
        if "." not in name and known.isdisjoint({name.lower(), f"{name.lower()}runner"}):
            raise InputError(
                f"{key} is '{name}', which Beam has no runner for{nearest(name, BEAM_RUNNERS)}; "
                f"it has {', '.join(BEAM_RUNNERS)}, and `beam.runner: {AUTO}` lets a run choose."
            )


def check_kubeflow(config: PipelineConfig) -> KubeflowConfig:
    """Returns the section `kubeflow`, if steps reach all that they read by themselves.

    Raises:
      InputError: there is no such section, the catalogue or the schema would not be reached, or the
        system or Beam's runner is unknown.
    """
    check_system(config.trainer.system)
    _check_names(config.beam)
    kubeflow = config.kubeflow
    if kubeflow is None:
        raise InputError(
            "The configuration has no section `kubeflow`; docs/kubeflow.md shows what belongs "
            "there."
        )
    for key, place in (("catalogue.path", config.catalogue.path), ("schema", config.schema)):
        fault = kubeflow.place_fault(place) if place else None
        if fault:
            raise InputError(f"For Kubeflow Pipelines `{key}` {fault}.")
    return kubeflow


@contextlib.contextmanager
def only_run() -> Iterator[None]:
    """Keeps a second run out of the same home; the lock goes with the process, however it ends.

    Raises:
      InputError: another run is at work.
    """
    with (home() / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise InputError(
                f"Another run (process {lock.read().strip() or 'unknown'}) is at work in "
                f"'{home().name}'; wait for it, or give this one a home of its own with "
                "ARTIST_SIM_HOME."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
