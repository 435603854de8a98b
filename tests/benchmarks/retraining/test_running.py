"""The policies are configurations, and a run of one is a process that may be killed."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.retraining import running
from benchmarks.retraining.running import (
    PipelineRunner,
    Stopped,
    at_home,
    configuration,
    sentence,
)
from pipeline.config import parse_config


@pytest.mark.parametrize("policy", ["gated", "blind"])
def test_the_policies_are_configurations_of_the_pipeline(policy, tmp_path):
    config = parse_config(configuration(policy, tmp_path), "simulated")
    assert config.catalogue.path == f"{tmp_path}/{{YYYY}}-{{MM}}-{{DD}}"
    if policy == "gated":
        assert (config.retrain.when, config.retrain.max_age_days) == ("changed", None)
        assert config.on_bad_rows == "error"
    else:
        assert (config.retrain.when, config.on_bad_rows) == ("always", "set_aside")
        assert config.judge.gate.slack == 1


def test_what_a_run_said_last_of_itself():
    assert sentence("[1/9] catalogue\nartist_sim: The table is empty; add its rows.\n") == (
        "The table is empty; add its rows."
    )
    assert sentence("noise\nTraceback\nValueError: no\n\n") == "ValueError: no"
    assert sentence("") == ""


def command(monkeypatch, code):
    """Lets the runner start this in place of the pipeline."""
    started = running.subprocess.Popen

    def start(arguments, **options):
        assert arguments[1:4] == ["-m", "pipeline.run", "--config"]
        return started([sys.executable, "-c", code], **options)

    monkeypatch.setattr(running.subprocess, "Popen", start)


def test_a_run_is_killed_once_its_first_epoch_is_kept(tmp_path, monkeypatch):
    code = (
        "import os, pathlib, time\n"
        "folder = pathlib.Path(os.environ['ARTIST_SIM_HOME'], 'checkpoints', 'abc')\n"
        "folder.mkdir(parents=True)\n"
        "(folder / 'ckpt-1.index').touch()\n"
        "time.sleep(60)\n"
    )
    command(monkeypatch, code)
    ran = PipelineRunner(tmp_path, tmp_path / "arrived").run("gated", "killed")
    assert (ran.outcome, ran.reason, ran.version) == ("killed", "", "")


def test_a_run_that_fails_before_it_trains_is_not_called_killed(tmp_path, monkeypatch):
    code = "import sys; print('artist_sim: No.', file=sys.stderr); sys.exit(2)"
    command(monkeypatch, code)
    ran = PipelineRunner(tmp_path, tmp_path / "arrived").run("gated", "killed")
    assert (ran.outcome, ran.reason) == ("failed", "No.")


def test_what_an_earlier_run_kept_kills_no_later_one(tmp_path, monkeypatch):
    (tmp_path / "gated" / "checkpoints" / "abc").mkdir(parents=True)
    (tmp_path / "gated" / "checkpoints" / "abc" / "ckpt-1.index").touch()
    command(monkeypatch, "import sys, time; time.sleep(0.5); sys.exit('artist_sim: Later.')")
    assert PipelineRunner(tmp_path, tmp_path).run("gated", "killed").outcome == "failed"


def test_a_run_that_is_not_to_be_killed_is_left_alone(tmp_path, monkeypatch):
    code = (
        "import os, pathlib, sys\n"
        "folder = pathlib.Path(os.environ['ARTIST_SIM_HOME'], 'checkpoints', 'abc')\n"
        "folder.mkdir(parents=True)\n"
        "(folder / 'ckpt-1.index').touch()\n"
        "sys.exit('artist_sim: Later.')\n"
    )
    command(monkeypatch, code)
    assert PipelineRunner(tmp_path, tmp_path).run("gated", "").reason == "Later."


def test_an_interrupted_simulation_leaves_no_run_behind(tmp_path, monkeypatch):
    code = (
        "import os, pathlib, time\n"
        "pathlib.Path(os.environ['ARTIST_SIM_HOME'], 'pid').write_text(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    command(monkeypatch, code)
    runner = PipelineRunner(tmp_path, tmp_path)
    pid = tmp_path / "gated" / "pid"

    def interrupted(process, policy, kept):
        while not (pid.exists() and pid.read_text()):
            assert process.poll() is None
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "_kill_in_training", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.run("gated", "killed")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), signal.SIG_DFL)


def test_a_run_that_is_stopped_came_to_nothing_and_none_begins_any_more(tmp_path, monkeypatch):
    code = (
        "import os, pathlib, time\n"
        "pathlib.Path(os.environ['ARTIST_SIM_HOME'], 'pid').write_text(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    command(monkeypatch, code)
    runner = PipelineRunner(tmp_path, tmp_path)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(runner.run, "gated", "")
        pid = tmp_path / "gated" / "pid"
        while not (pid.exists() and pid.read_text()):
            assert not run.done()
        runner.stop()
        with pytest.raises(Stopped):
            run.result()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), signal.SIG_DFL)
    with pytest.raises(Stopped):
        runner.run("blind", "")
    assert not (tmp_path / "blind" / "pid").exists()


def test_another_home_is_looked_at_only_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setenv("ARTIST_SIM_HOME", "before")
    with at_home(tmp_path):
        assert os.environ["ARTIST_SIM_HOME"] == str(tmp_path)
    assert os.environ["ARTIST_SIM_HOME"] == "before"
    monkeypatch.delenv("ARTIST_SIM_HOME")
    with pytest.raises(ValueError, match="inside"), at_home(tmp_path):
        raise ValueError("inside")
    assert "ARTIST_SIM_HOME" not in os.environ
