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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from catalogues.errors import InputError, nearest
from catalogues.spec import load_catalogue
from pipeline.config import AUTO, BeamConfig, PipelineConfig
from pipeline.home import home
from pipeline.kubeflow_config import KubeflowConfig
from trainer.systems.registry import check_system

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


def check_runner(beam: BeamConfig, dsl_file: str = "") -> None:
    """Raises InputError for a runner that Beam does not know, or a job server that does not listen.

    Beam would say the first when TFX is loaded and the first step begins; for the second it would
    wait a minute, and then say so in pages.

    Args:
      beam: of the configuration, or of a DSL file.
      dsl_file: the name of that file.
    """
    among = f"the options of {dsl_file}" if dsl_file else "`beam.options`"
    own = f"The runner of {dsl_file}" if dsl_file else "`beam.runner`"
    if beam.runner != AUTO:
        _check_name(own, beam.runner)
    for name in _values(beam.options, "--runner"):
        _check_name(f"`--runner` in {among}", name)
    endpoints = _values(beam.options, "--job_endpoint")
    if not endpoints:
        return
    host, _, port = endpoints[-1].rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise InputError(
            f"`--job_endpoint={endpoints[-1]}` in {among} names no job server; give it a host and "
            "a port, as localhost:8099."
        )
    try:
        with socket.create_connection((host, int(port)), timeout=_PATIENCE):
            pass
    except OSError:
        raise InputError(
            f"No Beam job server answers at {endpoints[-1]}, which {among} name; bring the local "
            "Flink cluster up with `make flink-up`, or name one that is there."
        ) from None


def _values(options: Sequence[str], name: str) -> list[str]:
    """What options as on a command line, '--name=value' or '--name', 'value', give a name."""
    found: list[str] = []
    for place, option in enumerate(options):
        if option == name:
            found += options[place + 1 : place + 2]
        elif option.startswith(f"{name}="):
            found.append(option.removeprefix(f"{name}="))
    return found


def _check_name(key: str, runner: str) -> None:
    """Raises InputError for what is neither one of `BEAM_RUNNERS` nor a class with its module."""
    if runner not in BEAM_RUNNERS and "." not in runner:
        raise InputError(
            f"{key} is '{runner}', which is no runner of Beam's{nearest(runner, BEAM_RUNNERS)}; it "
            f"has {', '.join(BEAM_RUNNERS)}, and `beam.runner: {AUTO}` lets a run choose."
        )


def check_kubeflow(config: PipelineConfig) -> KubeflowConfig:
    """Returns the section `kubeflow`, if steps reach all that they read by themselves.

    Raises:
      InputError: there is no such section, the catalogue or the schema would not be reached, or the
        system or Beam's runner is unknown.
    """
    check_system(config.trainer.system)
    if config.beam.runner != AUTO:
        _check_name("`beam.runner`", config.beam.runner)
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
