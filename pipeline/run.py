"""`python -m pipeline.run`: the TFX command line's steps, in order, for one configuration."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from catalogues.errors import InputError
from pipeline.config import CONFIG_VARIABLE, DEFAULT_CONFIG, PipelineConfig, load_config
from pipeline.home import PIPELINE_NAME, home
from pipeline.preflight import check_home, check_inputs, check_runner, only_run
from pipeline.runners import RUNNERS, beam_of, dsl_file

_LOCAL_RUNNER: Final = Path(__file__).with_name("local_runner.py")

_GRACE: Final = 20.0
"""Seconds that an interrupted run has to end by itself."""


def main() -> int:
    """Imports and registers what it must; then `tfx run create`."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.run",
        description="Compiles the pipeline and runs it through the TFX command line.",
    )
    parser.add_argument(
        "--config", type=Path, default=Path(DEFAULT_CONFIG), help=f"default: {DEFAULT_CONFIG}"
    )
    parser.add_argument(
        "--runner",
        choices=RUNNERS,
        help="where the Beam stages run, in place of what the configuration's section `beam` says: "
        "TFX is given the DSL file of that name in pipeline/runners",
    )
    args = parser.parse_args()
    try:
        config = load_config(args.config)
        if args.runner:
            config = dataclasses.replace(config, beam=beam_of(args.runner))
        check_runner(config.beam, f"{args.runner}.py" if args.runner else "")
        check_home()
        # Before the compiled pipeline is touched; the run itself takes the lock again.
        with only_run():
            _make_catalogue(config)
        check_inputs(config)
        return _run(args.config, dsl_file(args.runner) if args.runner else _LOCAL_RUNNER)
    except InputError as error:
        print(f"artist_sim: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("artist_sim: interrupted; run again to go on.", file=sys.stderr)
        return 130


def _run(config_path: Path, dsl: Path) -> int:
    """Compiles and runs; returns the exit status of the first command that fails, or 0."""
    environment = {
        **os.environ,
        CONFIG_VARIABLE: str(config_path.absolute()),
        "ARTIST_SIM_HOME": str(home()),
        # Where the TFX command line keeps what it knows of pipelines.
        "LOCAL_HOME": str(home() / "tfx"),
        # It looks for pip there.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONWARNINGS": "ignore",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # The TFX command line loads ML Metadata before the runner can quiet it.
        "GLOG_minloglevel": "4",
        "TF_USE_LEGACY_KERAS": "1",
    }
    name = f"--pipeline_name={PIPELINE_NAME}"
    for command in (*_registration(home() / "tfx" / PIPELINE_NAME, dsl), ["run", "create", name]):
        # As one would type it here: the path is handed over whole, and shown from this folder.
        shown = [part.replace(str(dsl), os.path.relpath(dsl)) for part in command]
        print(f"$ tfx {' '.join([*shown[:2], '--engine=local', *shown[2:]])}", flush=True)
        status = _tfx([*command, "--engine=local"], environment)
        if status:
            return status
    return 0


def _registration(known: Path, dsl: Path) -> list[list[str]]:
    """The command that tells TFX where the pipeline's code lies, if it does not know that yet.

    TFX keeps no more than the place: `tfx run create` compiles what lies there anew. The command
    loads all of TFX and TensorFlow to write it down, half a minute on a small machine.

    Args:
      known: the folder that TFX keeps what it knows of the pipeline in.
      dsl: the file that compiles and runs the pipeline.
    """
    try:
        registered = json.loads((known / "pipeline_args.json").read_text())["pipeline_dsl_path"]
    except (OSError, ValueError, KeyError, TypeError):
        registered = ""
    if registered == str(dsl):
        return []
    return [["pipeline", "update" if known.exists() else "create", f"--pipeline_path={dsl}"]]


def _tfx(arguments: list[str], environment: dict[str, str]) -> int:
    """Runs the TFX command line; its progress is ours, its chatter is not."""
    tfx = Path(sys.executable).with_name("tfx")
    process = subprocess.Popen(
        [str(tfx), *arguments], env=environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            # What TFX adds when the runner has already said what is wrong, with its full path.
            if not line.startswith(('Error while running "', "Aborted!")):
                print(line, end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        # The keyboard interrupts all of them, and each has a word on it; one is enough.
        try:
            process.communicate(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            # Interrupted before it could listen: Python was still starting.
            process.terminate()
            process.communicate()
        raise
    return process.wait()


def _make_catalogue(config: PipelineConfig) -> None:
    """Imports the configured dataset when the catalogue's folder is not there yet."""
    wanted = config.catalogue.imported_from
    folder = Path(config.catalogue.path)
    if not wanted or folder.exists():
        return
    from catalogues.importers import import_catalogue

    source = Path(wanted.source)
    if not source.is_dir():
        raise InputError(
            f"There is no folder '{source.name}' to import {wanted.format} from; correct the "
            "configuration's catalogue.imported_from.source, or ARTIST_SIM_DATA where that is it."
        )
    print(f"Importing {wanted.format} into {folder.name} …", flush=True)
    import_catalogue(wanted.format, source, folder)


if __name__ == "__main__":
    sys.exit(main())
