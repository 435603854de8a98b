"""Runs that a mistake or the keyboard ends: one sentence, an exit code, and nothing half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

import pipeline.run
from tests.conftest import REPOSITORY
from tests.pipeline.communities import read_tables, write_communities, write_tables
from tests.pipeline.typing_in import is_one_sentence, type_in, write_config


class TestMistakes:
    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ("catalogue: [", "mine.yaml, line 2: this is not valid YAML"),
            ("trainer: {network: {convolutions: 9}}", "must lie between 0 and 4, not 9"),
            ("catalogue: {path: nowhere}", "There is no catalogue folder 'nowhere'"),
            ("catalogue: {path: 'nowhere/{SPAN}'}", "No catalogue folder matches 'nowhere/{SPAN}'"),
            ("catalogue: {path: catalogues/sampler}\nschema: gone.pbtxt", "There is no schema"),
            (
                "catalogue: {path: catalogues/sampler}\ntrainer: {system: gnm}",
                "there is no system 'gnm' (did you mean 'gnn'?)",
            ),
            (
                "catalogue: {path: catalogues/sampler}\nbeam: {runner: FlnkRunner}",
                "`beam.runner` is 'FlnkRunner', which is no runner of Beam's (did you mean "
                "'FlinkRunner'?)",
            ),
        ],
    )
    def test_a_broken_configuration_is_told_at_once(self, tmp_path, change, complaint):
        path = tmp_path / "mine.yaml"
        path.write_text(change + "\n")
        ended = type_in(["python", "-m", "pipeline.run", "--config", str(path)], tmp_path / "home")
        assert ended.returncode == 2
        assert ended.stdout == ""
        assert is_one_sentence(ended.stderr), ended.stderr
        assert ended.stderr.startswith("artist_sim: ") and complaint in ended.stderr
        assert str(tmp_path) not in ended.stderr

    def test_a_missing_configuration_is_told(self, tmp_path):
        ended = type_in(["python", "-m", "pipeline.run", "--config", "gone.yaml"], tmp_path)
        assert ended.returncode == 2
        assert ended.stderr == (
            "artist_sim: There is no configuration 'gone.yaml'; configs/ holds examples.\n"
        )

    def test_a_data_set_that_is_not_there_is_told(self, tmp_path):
        ended = type_in(
            ["python", "-m", "pipeline.run", "--config", "configs/olga.yaml"],
            tmp_path / "home",
            ARTIST_SIM_DATA=str(tmp_path / "nowhere"),
        )
        assert ended.returncode == 2
        assert ended.stderr == (
            "artist_sim: There is no folder 'nowhere' to import olga from; correct the "
            "configuration's catalogue.imported_from.source, or ARTIST_SIM_DATA where that is it.\n"
        )
        assert not (tmp_path / "home/catalogues").exists()

    def test_a_home_that_cannot_be_written_is_told(self, tmp_path):
        (tmp_path / "taken").write_text("")
        ended = type_in(["python", "-m", "pipeline.run"], tmp_path / "taken")
        assert ended.returncode == 2
        assert is_one_sentence(ended.stderr)
        assert "Nothing can be written to the folder 'taken'" in ended.stderr

    def test_a_bad_row_ends_a_run_with_one_sentence(self, tmp_path):
        catalogue = write_communities(tmp_path / "communities")
        artists, edges = read_tables(catalogue)
        write_tables(catalogue, artists, [*edges, ["c00-00", "nobody"]])
        config = write_config(tmp_path, catalogue)
        # What `tfx run create` runs, without the half minute of TFX's own command line.
        ended = type_in(
            ["python", "pipeline/local_runner.py"],
            tmp_path / "home",
            ARTIST_SIM_CONFIG=str(config),
        )
        assert ended.returncode == 2
        assert ended.stderr.startswith("artist_sim: The catalogue has 1 bad row (edges.csv, row ")
        assert "nobody" in ended.stderr
        assert is_one_sentence(ended.stderr), ended.stderr
        assert not (tmp_path / "home/serving_model").exists()


@pytest.fixture
def hearing():
    """Who starts tests in the background may have had interruptions ignored, by children too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hearing")
def test_an_interrupted_run_says_so_once(tmp_path):
    (tmp_path / "home").mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.run"],
        cwd=REPOSITORY,
        env={**os.environ, "ARTIST_SIM_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline().startswith("$ tfx pipeline create")
        # As the keyboard does: to all processes of the terminal.
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "artist_sim: interrupted; run again to go on.\n"


@pytest.mark.usefixtures("hearing")
def test_a_run_that_does_not_hear_an_interruption_is_ended(monkeypatch):
    # A child that is interrupted while Python starts goes on as if nothing had been.
    deaf = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"
    started = []

    def start(command, **options):
        started.append(real([sys.executable, "-c", deaf], **options))
        return started[0]

    real = subprocess.Popen
    monkeypatch.setattr("pipeline.run._GRACE", 0.5)
    monkeypatch.setattr("pipeline.run.subprocess.Popen", start)
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        pipeline.run._tfx(["run", "create"], dict(os.environ))
    assert started[0].poll() == -signal.SIGTERM
