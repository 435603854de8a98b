"""What `tfx pipeline create` and `tfx run create` run with `--engine local`.

The configuration is the one that ARTIST_SIM_CONFIG names, configs/sampler.yaml by default. The DSL
files in `pipeline/runners` say by themselves where its Beam stages run.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path

from catalogues.errors import InputError
from pipeline.config import BeamConfig, config_path, load_config
from pipeline.home import home, log_folder, pipeline_root, serving_root
from pipeline.metadata_config import remember_store
from pipeline.preflight import check_home, check_inputs, check_runner, only_run
from pipeline.quiet import LEGACY_KERAS, quiet_third_parties


def main(beam: Callable[[], BeamConfig] | None = None) -> int:
    """Compiles the DAG and runs it; returns an exit status that scripts can trust.

    Args:
      beam: a DSL file's own word on where the Beam stages run, in place of the configuration's. It
        may raise InputError, and ValueError as `BeamConfig` does.
    """
    try:
        config = load_config(config_path())
        # TFX passes the file's name, as a person would who runs it.
        dsl_file = "" if beam is None else Path(sys.argv[0]).name
        if beam is not None:
            config = dataclasses.replace(config, beam=_said(beam, dsl_file))
        check_home()
        check_inputs(config)
        check_runner(config.beam, dsl_file)
        # Both are read once, when TensorFlow is loaded. What a step held has to go back for the
        # next one: with an allocator of its own TensorFlow keeps it (docs/decisions/0022).
        os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "true")
        if config.trainer.training.xla:
            os.environ.setdefault("TF_XLA_FLAGS", "--tf_xla_cpu_global_jit")
        log = quiet_third_parties(log_folder())
        _begin_with_legacy_keras()
        # TFX and TensorFlow are slow to import; a wrong configuration is told before.
        from components.direct_runner import mend_direct_runner
        from pipeline.beam_runner import choose_runner
        from pipeline.dag import create_pipeline
        from pipeline.metadata_store import connect, connection_config
        from pipeline.reporting_runner import ReportingRunner
        from pipeline.sampling_plan import plan_of, told_before, with_sampling_chosen

        if config.metadata.backend != "sqlite":
            # A server that is not there, or refuses, is told before anything is spent.
            connect(config.metadata)
        mend_direct_runner()
        plan = plan_of(config)
        # What a step is told does not say `auto`, so that the cache knows which one it was.
        config = with_sampling_chosen(config, plan)
        runner = choose_runner(config.beam, config.catalogue.path, dsl_file)
        told = [*told_before(plan, config), f"Beam: {runner.told}"]
        pipeline = create_pipeline(
            dataclasses.replace(config, beam=runner.beam),
            pipeline_root=str(pipeline_root()),
            serving_root=str(serving_root()),
            checkpoints=str(home() / "checkpoints"),
            metadata_connection_config=connection_config(config.metadata),
        )
        with only_run():
            remember_store(config.metadata)
            ReportingRunner(log, "\n".join(told)).run(pipeline)
    except InputError as error:
        print(f"artist_sim: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("artist_sim: interrupted; run again to go on.", file=sys.stderr)
        return 130
    return 0


def _said(beam: Callable[[], BeamConfig], dsl_file: str) -> BeamConfig:
    """A DSL file's section `beam`, with InputError where it cannot be."""
    try:
        return beam()
    except ValueError as error:
        raise InputError(f"{dsl_file}: {error}.") from None


def _begin_with_legacy_keras() -> None:
    """Begins the command anew where it has loaded TensorFlow with the Keras that TF-GNN refuses.

    TensorFlow decides it once, by a variable that `pipeline` sets. `tfx run create` gives a DSL
    file a process of its own, but `tfx pipeline create` and `update` load TensorFlow before it.
    """
    tensorflow = sys.modules.get("tensorflow")
    # Only Keras 3 has it, which is how TF-GNN tells it as well.
    if tensorflow is None or not hasattr(tensorflow.keras, "version"):
        return
    os.environ[LEGACY_KERAS] = "1"
    # Of what TFX loads; the command has just told them.
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
