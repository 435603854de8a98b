"""The command lines as a person types them: what they print, and what they end with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
import tensorflow as tf

from pipeline.command_line import main
from pipeline.runs import list_runs, open_store
from tests.conftest import REPOSITORY
from tests.pipeline.communities import write_communities
from tests.pipeline.typing_in import BIN, is_one_sentence, type_in, write_config


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("typed")


@pytest.fixture(scope="module")
def finished(folder: Path) -> subprocess.CompletedProcess[str]:
    """One real run through the TFX command line."""
    config = write_config(folder, write_communities(folder / "communities"))
    # A folder of its own for whatever a library takes for a place to leave files in.
    (folder / "tmp").mkdir()
    (folder / "person").mkdir()
    return type_in(
        ["python", "-m", "pipeline.run", "--config", str(config)],
        folder / "home",
        HOME=str(folder / "person"),
    )


class TestRun:
    def test_it_shows_what_it_does_and_what_came_of_it(self, finished, folder):
        assert finished.returncode == 0, finished.stderr
        said = " ".join(finished.stdout.split())
        for wanted in (
            "$ tfx pipeline create --engine=local --pipeline_path=pipeline/local_runner.py",
            "$ tfx run create --engine=local --pipeline_name=artist_sim",
            "Training: in memory, about ",
            "Beam: in this process, as ",
            "[1/8] catalogue → ego graphs",
            "240 rows in = 240 kept + 0 rejected",
            "[5/8] training",
            "[8/8] push",
            "nDCG@200 [95% interval]",
            "personalised PageRank",
            "BLESSED: nDCG@200",
            "is above 0.5; there is no blessed model to compare with",
            "artist-sim similar",
        ):
            assert wanted in said
        (version,) = (folder / "home/serving_model/artist_sim").iterdir()
        assert f"model:  {version}" in finished.stdout
        assert "report.html" in finished.stdout

    def test_no_third_party_has_a_word(self, finished):
        assert finished.stderr == ""
        for chatter in ("WARNING", "Warning", "INFO", "absl", "deprecat", "CUDA"):
            assert chatter not in finished.stdout

    def test_all_that_it_makes_lies_under_the_home(self, finished, folder):
        assert {path.name for path in folder.iterdir()} == {
            "communities",
            "home",
            "person",
            "tiny.yaml",
            "tmp",
        }
        assert {path.name for path in (folder / "home").iterdir()} == {
            "checkpoints",
            "logs",
            "metadata",
            "pipelines",
            "run.lock",
            "serving_model",
            "tfx",
        }
        assert not any((folder / "person").rglob("*.sqlite"))


class TestArtistSim:
    def test_help_imports_nothing_heavy(self):
        script = (
            "import sys\n"
            "from pipeline.command_line import main\n"
            "try:\n"
            "    main(['--help'])\n"
            "except SystemExit as ended:\n"
            "    assert ended.code == 0\n"
            "heavy = {'tensorflow', 'tfx', 'apache_beam', 'numpy', 'pandas', 'pyarrow',"
            " 'ml_metadata', 'rich', 'scipy'}\n"
            "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        assert "artist-sim similar" in ended.stdout

    def test_runs_lists_the_run_without_a_warning(self, finished, folder):
        ended = type_in(["artist-sim", "runs"], folder / "home")
        assert ended.returncode == 0
        assert ended.stderr == ""
        assert "blessed" in ended.stdout and "8 complete" in ended.stdout
        assert "diffusion" in ended.stdout

    def test_similar_lists_the_community(self, finished, folder):
        ended = type_in(["artist-sim", "similar", "act 3 OF scene 4", "--k", "5"], folder / "home")
        assert ended.returncode == 0
        assert ended.stderr == ""
        head, *similar = ended.stdout.splitlines()
        assert head == "Act 3 of Scene 4 (c04-03)"
        assert len(similar) == 5
        assert "Act 3 of Scene 4" not in "".join(similar)
        assert sum(line.endswith("of Scene 4") for line in similar) >= 3

    def test_embed_writes_the_vectors_that_the_pushed_version_serves(self, finished, folder):
        output = folder / "vectors"
        ended = type_in(["artist-sim", "embed", "--output", str(output)], folder / "home")
        assert ended.returncode == 0, ended.stderr
        assert ended.stderr == ""
        (version,) = (folder / "home/serving_model/artist_sim").iterdir()
        assert f"240 artists by model {version.name} in " in ended.stdout
        (file,) = output.iterdir()
        table = parquet.read_table(file)
        weights = tf.train.load_checkpoint(str(version / "variables" / "variables"))
        ids = weights.get_tensor("artist_id/.ATTRIBUTES/VARIABLE_VALUE")
        vectors = weights.get_tensor("_profile/embedding/.ATTRIBUTES/VARIABLE_VALUE")
        assert table["artist_id"].to_pylist() == [key.decode() for key in ids]
        np.testing.assert_allclose(np.array(table["embedding"].to_pylist()), vectors, atol=1e-5)
        again = type_in(["artist-sim", "embed", "--output", str(output)], folder / "home")
        assert again.returncode == 2
        assert again.stderr == (
            "artist-sim: The output 'vectors' is there already; name another folder, or remove "
            "it.\n"
        )

    def test_embed_says_whose_ego_graphs_it_lacks(self, finished, folder, tmp_path):
        version = tmp_path / "12"
        version.mkdir()
        command = ["artist-sim", "embed", "--output", str(tmp_path / "x"), "--model", str(version)]
        ended = type_in(command, folder / "home")
        assert ended.returncode == 2
        assert ended.stderr.startswith("artist-sim: There is no model in '12'")
        assert is_one_sentence(ended.stderr)
        (version / "saved_model.pb").touch()
        ended = type_in(command, folder / "home")
        assert ended.returncode == 2
        assert "ego graphs that the version '12' was trained on" in ended.stderr
        assert is_one_sentence(ended.stderr)

    def test_a_reader_that_has_seen_enough_is_no_error(self, finished, folder):
        command = f"set -o pipefail; '{BIN}/artist-sim' similar c00-00 --k 239 | head -n 1"
        ended = subprocess.run(
            ["bash", "-c", command],
            env={**os.environ, "ARTIST_SIM_HOME": str(folder / "home")},
            capture_output=True,
            text=True,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout == "Act 0 of Scene 0 (c00-00)\n"


class TestAnswers:
    """In this process, where importing is paid for once."""

    @pytest.fixture(autouse=True)
    def home(self, finished, folder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        monkeypatch.setenv("ARTIST_SIM_HOME", str(folder / "home"))
        yield folder / "home"

    def test_an_unknown_artist_is_told_with_the_nearest_name(self, capsys):
        assert main(["similar", "Act 3 of Scence 4"]) == 2
        assert capsys.readouterr().err == (
            "artist-sim: The catalogue has no artist 'Act 3 of Scence 4' (did you mean 'Act 3 of "
            "Scene 4'?).\n"
        )

    def test_more_than_there_are_is_all(self, capsys):
        assert main(["similar", "c00-00", "--k", "99999999999"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 240

    def test_several_artists(self, capsys):
        assert main(["similar", "c00-00", "c01-00", "--k", "1"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 4

    def test_one_run_with_its_lineage(self, capsys):
        assert main(["runs", "1"]) == 0
        told = capsys.readouterr().out
        (run,) = list_runs(open_store())
        assert "verdict:                blessed: " in told
        assert f"made from:              examples {run.lineage.examples} (span 0)\n" in told
        assert f"model:                  {run.lineage.model}, diffusion\n" in told
        assert "judged beside:          no blessed model\n" in told
        assert f"pushed:                 version {run.pushed.name}\n" in told

    def test_the_last_page_is_opened(self, capsys, monkeypatch, home):
        opened = []
        monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
        assert main(["report"]) == 0
        (run,) = list_runs(open_store())
        assert opened == [run.page.as_uri()]
        assert main(["report", "1", "--path"]) == 0
        assert len(opened) == 1
        assert capsys.readouterr().out == f"{run.page}\n" * 2

    def test_a_browser_that_is_not_there_is_said(self, capsys, monkeypatch):
        monkeypatch.setattr("webbrowser.open", lambda url: False)
        assert main(["report"]) == 0
        assert "open that file" in capsys.readouterr().err

    @pytest.mark.parametrize("command", ["runs", "report"])
    def test_a_run_that_there_is_not(self, command, capsys):
        assert main([command, "7"]) == 2
        assert "There is no run 7; the newest is 1." in capsys.readouterr().err

    def test_a_version_of_ones_choice(self, capsys, home):
        (version,) = (home / "serving_model/artist_sim").iterdir()
        assert main(["similar", "c00-00", "--model", str(version)]) == 0
        assert main(["similar", "c00-00", "--model", str(home / "gone")]) == 2
        assert "There is no model 'gone'" in capsys.readouterr().err

    @pytest.mark.parametrize("command", [["similar", "Björk"], ["runs"], ["report"]])
    def test_nothing_has_run_yet(self, command, tmp_path, monkeypatch, capsys):
        monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path))
        assert main(command) == 2
        assert "start with `make run`" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "command",
        [[], ["similar"], ["similar", "x", "--k", "0"], ["runs", "--last", "x"], ["no-such"]],
    )
    def test_what_cannot_be_understood_ends_with_two(self, command, capsys):
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert ended.value.code == 2
        assert "usage:" in capsys.readouterr().err

    def test_an_interruption_ends_with_130(self, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr("pipeline.runs.open_store", interrupted)
        assert main(["runs"]) == 130
