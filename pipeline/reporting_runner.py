"""TFX's local runner, telling a person what happens and what came of it."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Any, Final

from rich.markup import escape
from tfx.orchestration.local.local_dag_runner import LocalDagRunner

from catalogues.errors import InputError
from components.machine import give_memory_back
from components.retrieval_evaluator.report import console_table
from pipeline.home import shown
from pipeline.run_summary import local_summary
from pipeline.runs import STAGE_TITLES, Run, list_runs, open_store, stage_state
from pipeline.webhook import post_summary
from trainer.console import console

_RUNNING: Final = re.compile(r"Component (\w+) is (running|finished)\.")
_CONNECTION: Final = re.compile(r"Using (deployment|connection) config:")


class ReportingRunner(LocalDagRunner):
    """Runs the DAG with one line a stage, and ends with the scores and the verdict.

    Args:
      log: the file that has the full log.
      told: what is told first, in lines: what the run takes, and where its Beam stages run.
    """

    def __init__(self, log: Path, told: str = ""):
        super().__init__()
        self._log, self._told = log, told

    def run_with_ir(self, pipeline: Any, run_options: Any = None) -> None:
        """Runs the compiled pipeline.

        Raises:
          InputError: a stage failed; by a user's mistake, or with the log's name otherwise.
        """
        if self._told:
            console().print(self._told, highlight=False, markup=False, soft_wrap=True)
        stages = _StageLines(len(pipeline.nodes))
        logger = logging.getLogger("absl")
        logger.addHandler(stages)
        logger.addFilter(_without_connection)
        # The lines are made of what the runner logs, which is information.
        level = logger.level
        logger.setLevel(logging.INFO)
        started = time.monotonic()
        try:
            super().run_with_ir(pipeline, run_options)
        except InputError as error:
            _post(error, stages.current, time.monotonic() - started)
            raise
        except Exception as error:
            logging.getLogger(__name__).exception("The run failed.")
            lines = str(error).strip().splitlines() or [""]
            # TensorFlow begins with where: 'in user code:', and ends with what.
            cause = lines[-1 if lines[0].endswith(":") else 0].strip()[:300].rstrip(" .")
            failed = InputError(
                f"The stage '{stages.current}' failed: {type(error).__name__}"
                f"{f': {cause}' if cause else ''}. The full log is {shown(self._log)}."
            )
            _post(failed, stages.current, time.monotonic() - started)
            raise failed from error
        finally:
            logger.removeHandler(stages)
            logger.removeFilter(_without_connection)
            logger.setLevel(level)
        print_result(list_runs(open_store())[-1], time.monotonic() - started)
        _post(None, None, time.monotonic() - started)


def _post(error: InputError | None, stage: str | None, seconds: float) -> None:
    post_summary(
        lambda: local_summary(list_runs(open_store())[-1], seconds, error, stage).as_json()
    )


def _without_connection(record: logging.LogRecord) -> bool:
    """Whether a record may be written: those by which TFX logs the password may not."""
    return not _CONNECTION.match(record.getMessage())


class _StageLines(logging.Handler):
    """Prints a line when the runner logs that a stage runs or has finished."""

    def __init__(self, num_stages: int):
        super().__init__(logging.INFO)
        self.current = ""
        self._num_stages, self._place, self._started = num_stages, 0, 0.0
        self._ended_early = False

    def emit(self, record: logging.LogRecord) -> None:
        found = _RUNNING.fullmatch(record.getMessage())
        if not found:
            return
        stage = STAGE_TITLES.get(found[1], found[1])
        if self._ended_early:
            # The runner goes through the stages that are left out as well.
            return
        if found[2] == "running":
            self.current = stage
            self._place += 1
            self._started = time.monotonic()
            console().print(f"\\[{self._place}/{self._num_stages}] [bold]{stage}[/bold]")
        elif found[1] != "LatestBlessedModel" and stage_state(open_store(), found[1]) == "CACHED":
            console().print("  unchanged, from the cache", highlight=False)
        else:
            # The next stage runs in the same process (decision 22).
            give_memory_back()
            seconds = time.monotonic() - self._started
            console().print(f"  done in {seconds:.0f} s", highlight=False)
            if found[1] == "RetrainDecision":
                self._ended_early = list_runs(open_store())[-1].ended_early


def print_result(run: Run, seconds: float) -> None:
    """Ends a run: scores, verdict, where things lie, what to type next."""
    screen = console()
    verdict = run.verdict()
    screen.print()
    if run.ended_early:
        reason = f"[green]NOTHING TO DO[/green]: {escape(run.reason or '')}."
        screen.print(reason, highlight=False, soft_wrap=True)
        screen.print("model:  the version that is served stays", highlight=False)
        screen.print(f"took:   {seconds:.0f} s", highlight=False)
        return
    screen.print(console_table(run.metrics()))
    word = "[green]BLESSED[/green]" if verdict["blessed"] else "[red]NOT BLESSED[/red]"
    reason = verdict["reason"].rstrip(".")
    screen.print(f"{word}: {reason}.", highlight=False, soft_wrap=True)
    if run.pushed and not run.pushed.exists():
        version = run.pushed.name
        screen.print(f"model:  version {version} was taken back: artist-sim versions says why")
    elif run.pushed:
        screen.print(f"model:  {shown(run.pushed)}", highlight=False, soft_wrap=True)
    else:
        screen.print("model:  not pushed; the version that is served stays", highlight=False)
    if run.evaluation:
        report = shown(run.page or run.evaluation / "report.md")
        screen.print(f"report: {report}", highlight=False, soft_wrap=True)
    screen.print(f"took:   {seconds:.0f} s", highlight=False)
    screen.print("next:   .venv/bin/artist-sim similar <artist>   who sounds like …?")
    screen.print("        .venv/bin/artist-sim report             look at the judgement")
    screen.print("        .venv/bin/artist-sim runs               scores of past runs")
