"""A run's start, bounds and profiles: kept once, and what the page makes of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.cost import parts, pipeline_run, start
from benchmarks.cost.parts import (
    bound_seconds,
    measure_part,
    measure_starts,
    measure_steps,
    part_results,
)
from benchmarks.cost.parts_page import (
    bound_table,
    kinds_table,
    profile_table,
    start_table,
    steps_table,
    whole_table,
)
from benchmarks.cost.records import Records
from benchmarks.cost.stages import BOUND, PROFILE, START
from benchmarks.cost.start import measure_start
from benchmarks.cost.timeline import timeline_plot
from benchmarks.cost.trainings import Trained
from benchmarks.cost.whole import measure_whole
from catalogues.errors import InputError

WATCHED = Path(start.__file__).parent / "watched"
BOUND_FOUND = {
    **{"steps": 3, "bytes": 4e9, "flop": 6e9, "bandwidth": 2e9, "product_rate": 1.5e9},
    **{"first_width": 5.0, "sparse": True, "peak_mib": 9.0},
}
PROFILE_FOUND = {
    **{"steps": 9, "waited": 0, "seconds": 4.0, "waiting": 0.0123, "first_wait": 0.01},
    **{"making": 1.5, "peak_mib": 9.0},
    "kinds": {"dense products": 3.0, "element by element": 1.0},
    "timeline": {"batch": [[0.0, 1.0]], "wait": [[0.0, 1.0]], "step": [[1.0, 4.0]]},
}


@pytest.fixture
def measured(monkeypatch):
    """What was measured, by no process."""
    done = []

    def answer(given):
        done.append(given["task"])
        return BOUND_FOUND if given["task"] == BOUND else PROFILE_FOUND

    def started(config, folder):
        done.append(config)
        return {"seconds": 10.0 * len(done), "before": {"training": 7.0}}

    monkeypatch.setattr(parts, "own_process", answer)
    monkeypatch.setattr(parts, "measure_start", started)
    return done


def quiet(text):
    """Told what is done."""


def test_what_is_measured_is_kept(measured, tmp_path):
    catalogues = [(Trained("OLGA", 2, 2), lambda: tmp_path)]
    for _ in range(2):
        measure_part(BOUND, catalogues, Records(tmp_path), tmp_path, quiet)
        measure_starts(parts.CONFIGS, 3, Records(tmp_path), tmp_path, quiet)
    assert measured == [BOUND, *parts.CONFIGS, *parts.CONFIGS, *parts.CONFIGS]
    found = part_results(Records(tmp_path), [Trained("OLGA", 2, 2)])
    # Rounds in turns: 20, 40 and 60 s of the first one.
    first = found[START][0]
    assert (first["seconds"], first["fastest"], first["slowest"]) == (40, 20, 60)
    assert [one["catalogue"] for one in found[BOUND]] == ["OLGA"] and found[PROFILE] == []


def test_the_nearer_bound_counts(measured, tmp_path):
    assert bound_seconds(BOUND_FOUND) == (2, 4)
    measure_part(
        BOUND, [(Trained("60000", 2, 2), lambda: tmp_path)], Records(tmp_path), tmp_path, quiet
    )
    found = {
        "parts": part_results(Records(tmp_path), [Trained("60000", 2, 2)]),
        "training": {"epochs": []},
    }
    assert bound_table(found).splitlines()[-1].endswith("| 2 s | 6 | 1.5 | 4 s | not run |  |")
    found["training"]["epochs"] = [{"catalogue": "60000", "form": "traced", "seconds": 10.0}]
    assert bound_table(found).splitlines()[-1].startswith("| 60,000 artists | 3 | 4 | 2 |")
    assert bound_table(found).endswith("| 10 s | 2.50 × |")


def test_the_page_says_how_long_steps_wait(measured, tmp_path):
    measure_part(
        PROFILE, [(Trained("OLGA", 2, 2), lambda: tmp_path)], Records(tmp_path), tmp_path, quiet
    )
    measure_starts(parts.CONFIGS[:1], 1, Records(tmp_path), tmp_path, quiet)
    found = {"parts": part_results(Records(tmp_path), [Trained("OLGA", 2, 2)])}
    assert profile_table(found).endswith("| OLGA | 9 | 4 | 1.23% | 1.00% | 0 | 1.5 s |")
    assert timeline_plot(found).startswith(b"\x89PNG")
    assert kinds_table(found).endswith("| OLGA | 75% | 25% | 4 s |")
    assert "| `configs/sampler.yaml` | 20 | 20 – 20 | 1 |" in start_table(found)
    assert start_table(found).endswith("| training 7 s |")


def test_where_the_builders_time_goes_is_kept_and_shown(monkeypatch, tmp_path):
    """Once, and of the catalogues that belong to the page alone."""
    asked = []

    def answer(module, given, what):
        asked.append((module, what))
        return {"seconds": 20.0, "steps": {"reading": 5.0, "writing": 15.0}}

    monkeypatch.setattr(parts, "module_answer", answer)
    for _ in range(2):
        measure_steps("40000", lambda: tmp_path, Records(tmp_path), tmp_path, quiet)
    assert asked == [("benchmarks.cost.steps", "steps of the builder, 40,000 artists")]
    found = {"parts": part_results(Records(tmp_path), [], [30_000, 40_000])}
    table = "| artists | reading | writing | seconds |\n| --- | --- | --- | --- |\n"
    assert steps_table(found) == f"{table}| 40,000 | 25% | 75% | 20 |"


def test_what_is_not_run_is_said_so(tmp_path):
    found = {"parts": part_results(Records(tmp_path), []), "training": {"epochs": []}}
    tables = (steps_table, start_table, bound_table, profile_table, kinds_table, whole_table)
    assert {table(found) for table in tables} == {"Not run."}


def test_the_first_step_is_written_down_by_whoever_takes_it(tmp_path):
    """In a process that imports a `trainer.training`, whichever it is; and once."""
    package = tmp_path / "trainer"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "training.py").write_text(
        "class Training:\n    def _distributed_step(self, batches, step):\n        return step\n"
    )
    program = (
        "from trainer.training import Training\n"
        "import os, pathlib\n"
        "file = pathlib.Path(os.environ['STARTED_FILE'])\n"
        "assert not file.exists()\n"
        "assert Training()._distributed_step([], 3) == 3\n"
        "text = file.read_text()\n"
        "assert Training()._distributed_step([], 4) == 4 and file.read_text() == text\n"
    )
    started = tmp_path / "started"
    paths = os.pathsep.join([str(WATCHED), str(tmp_path)])
    environment = {**os.environ, "PYTHONPATH": paths, "STARTED_FILE": str(started)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, cwd=tmp_path)
    assert float(started.read_text()) > 0
    assert not list(tmp_path.glob("started.*"))


@pytest.fixture
def command(monkeypatch, tmp_path):
    """In place of the pipeline, a program that the test gives."""
    given = SimpleNamespace(program="")
    run = subprocess.Popen

    def popen(command, **options):
        assert command[1:3] == ["-m", "pipeline.run"]
        return run([sys.executable, "-c", given.program], **options)

    monkeypatch.setattr(pipeline_run.subprocess, "Popen", popen)
    return given


def test_a_run_is_ended_after_its_first_step(command, tmp_path):
    command.program = (
        "import os, pathlib, time\n"
        "print('[1/8] catalogue → ego graphs')\n"
        "print('[5/8] training', flush=True)\n"
        "time.sleep(0.5)\n"
        "file = pathlib.Path(os.environ['STARTED_FILE'])\n"
        "pathlib.Path(f'{file}.1').write_text(str(time.time()))\n"
        "os.replace(f'{file}.1', file)\n"
        "time.sleep(600)\n"
    )
    found = measure_start("configs/sampler.yaml", tmp_path / "starts")
    assert found["seconds"] > 0 and list(found["before"]) == ["catalogue", "training"]
    assert list((tmp_path / "starts").iterdir()) == []


def test_a_run_without_a_step_is_an_error(command, tmp_path):
    command.program = "print('artist_sim: no such file.')"
    with pytest.raises(InputError, match="x.yaml came to no training step: artist_sim: no such"):
        measure_start("x.yaml", tmp_path / "starts")
    assert json.dumps([path.name for path in (tmp_path / "starts").iterdir()]) == "[]"


def test_the_log_of_a_run_that_failed_is_kept(command, tmp_path):
    command.program = (
        "import os, pathlib\n"
        "log = pathlib.Path(os.environ['ARTIST_SIM_HOME'], 'logs', 'run-1.log')\n"
        "log.parent.mkdir(parents=True)\n"
        "log.write_text('why')\n"
        "print(f'artist_sim: failed. The full log is {log}.')\n"
        "raise SystemExit(2)\n"
    )
    kept = tmp_path / "work" / "failed-run-1.log"
    with pytest.raises(InputError, match=f"The full log is {kept}.$"):
        measure_whole(tmp_path / "catalogue", {}, tmp_path / "work")
    assert kept.read_text() == "why"


def test_a_whole_run_is_watched_to_its_end(command, tmp_path):
    command.program = (
        "import subprocess, sys, time\n"
        "print('[1/8] catalogue → ego graphs', flush=True)\n"
        # A process of its own holds 200 MiB, and works.
        "held = \"x = b'1' * (200 << 20); import time; time.sleep(3)\"\n"
        "subprocess.run([sys.executable, '-c', held])\n"
        "print('[2/8] training', flush=True)\n"
        "print('  BLESSED: nDCG@200 0.5', flush=True)\n"
        "time.sleep(2.5)\n"
    )
    found = measure_whole(tmp_path / "catalogue", {}, tmp_path / "work")
    assert list(found["stages"]) == ["catalogue", "training"]
    assert found["stage_peak_mib"]["catalogue"] == found["peak_mib"] > 200
    assert found["stage_peak_mib"]["training"] < 100
    assert found["said"] == ["BLESSED: nDCG@200 0.5"]
    assert found["seconds"] > 5 and 0 < found["cpu_seconds"] < found["seconds"]
    kept = Records(tmp_path / "records")
    kept.keep("whole-136731-run-0", "whole", found)
    text = whole_table({"parts": part_results(kept, [])})
    assert text.splitlines()[-1] == "- BLESSED: nDCG@200 0.5" and "| training | " in text
    command.program = "print('artist_sim: no'); raise SystemExit(2)"
    with pytest.raises(InputError, match="A run on catalogue failed: artist_sim: no"):
        measure_whole(tmp_path / "catalogue", {}, tmp_path / "work")
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["whole-catalogue.yaml"]
