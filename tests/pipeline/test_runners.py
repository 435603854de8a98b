"""The DSL file that TFX is given says where the Beam stages run, and with which options."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess

import pytest

from pipeline import config, dag, local_runner, preflight, quiet, run
from pipeline.config import load_config
from pipeline.reporting_runner import ReportingRunner
from pipeline.runners import RUNNERS, beam_of, dsl_file, flink, worker_processes
from tests.conftest import REPOSITORY
from tests.pipeline.communities import write_communities
from tests.pipeline.test_beam_runner import IN_PROCESS, as_beam_reads
from tests.pipeline.typing_in import BIN, is_one_sentence, type_in, write_config

_BEAM = (
    "beam: {runner: SparkRunner, options: ['--job_endpoint=localhost:1'], staging: 's3://b/f'}\n"
)
LOCAL = REPOSITORY / "pipeline" / "local_runner.py"


def test_each_file_of_the_folder_can_be_named():
    found = {path.stem for path in dsl_file("").parent.glob("*.py")} - {"__init__"}
    assert set(RUNNERS) == found


def test_in_process_is_the_direct_runner_as_it_comes():
    assert as_beam_reads(beam_of("in_process")) == IN_PROCESS


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (3, 3), (64, config.MOST_WORKERS)])
def test_worker_processes_go_by_cores(monkeypatch, cores, workers):
    monkeypatch.setattr(worker_processes, "usable_cores", lambda: cores)
    assert as_beam_reads(beam_of("worker_processes")) == (
        "DirectRunner",
        "multi_processing",
        workers,
    )


def test_flink_is_what_its_configuration_says(monkeypatch, tmp_path):
    # TFX may be given the file's path from another folder.
    monkeypatch.chdir(tmp_path)
    expected = load_config(REPOSITORY / "configs" / "flink.yaml").beam
    assert expected.runner == "PortableRunner"
    assert beam_of("flink") == expected


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """A function that runs a DSL file as TFX does, up to its first step.

    It returns the arguments that Beam would get for the graph builder, its staging, and what would
    be told. The configuration says another runner than any DSL file, an option, and a staging.
    """
    path = write_config(tmp_path, write_communities(tmp_path / "communities"))
    path.write_text(path.read_text() + _BEAM)
    monkeypatch.setenv("ARTIST_SIM_CONFIG", str(path))
    monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "true")
    # A DSL file calls `local_runner`, but for that one, which then is a module of its own.
    for module in (local_runner, quiet):
        monkeypatch.setattr(module, "quiet_third_parties", lambda folder: tmp_path / "log")
    for module in (local_runner, preflight):
        # No cluster is up.
        monkeypatch.setattr(module, "check_runner", lambda beam, dsl_file: None)
    made = []
    real = dag.create_pipeline

    def create(*args, **kwargs):
        made.append(real(*args, **kwargs))
        return made[-1]

    told = []
    monkeypatch.setattr(dag, "create_pipeline", create)
    monkeypatch.setattr(
        ReportingRunner,
        "run_with_ir",
        lambda self, *_, **__: told.append(self._told.splitlines()[-1]),
    )

    def compile_file(file):
        monkeypatch.setattr("sys.argv", [str(file)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(file), run_name="__main__")
        assert ended.value.code == 0
        (builder,) = (node for node in made[-1].components if node.id == "CatalogueExampleGen")
        arguments = builder.executor_spec.beam_pipeline_args
        staging = builder.exec_properties["staging"]
        if staging:
            # The builder's own stand behind those of the other stages, and the last ones count.
            assert arguments[0] == "--runner=DirectRunner"
            arguments = arguments[1:]
        return arguments, staging, told[-1]

    return compile_file


@pytest.mark.parametrize("name", RUNNERS)
def test_its_word_takes_the_place_of_the_configurations(compiled, name):
    arguments, staging, told = compiled(dsl_file(name))
    beam = beam_of(name)
    assert arguments == [f"--runner={beam.runner}", *beam.options]
    assert not staging and not beam.staging
    assert told == f"Beam: {beam.runner}, as {name}.py says"


def test_without_one_the_configuration_counts(compiled):
    arguments, staging, told = compiled(LOCAL)
    assert arguments == ["--runner=SparkRunner", "--job_endpoint=localhost:1"]
    assert staging == "s3://b/f"
    assert told == "Beam: SparkRunner, as `beam.runner` says"


def test_a_file_of_ones_own_is_no_different(compiled, tmp_path):
    """The one that docs/scale.md shows."""
    page = (REPOSITORY / "docs" / "scale.md").read_text()
    (shown,) = re.findall(r"```python\n(# dataflow\.py\n.*?)```", page, flags=re.DOTALL)
    file = tmp_path / "dataflow.py"
    file.write_text(shown)
    arguments, staging, told = compiled(file)
    assert arguments[:2] == ["--runner=DataflowRunner", "--project=PROJECT"]
    assert len(arguments) == 5 and staging == "gs://bucket/artist_sim"
    assert told == "Beam: DataflowRunner, as dataflow.py says"


def test_a_cluster_that_is_not_up_is_told_before_tfx_is_loaded(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(REPOSITORY)
    nowhere = tmp_path / "flink.yaml"
    # Port 1 is nobody's.
    nowhere.write_text(flink._CONFIG.read_text().replace(":8099", ":1"))
    monkeypatch.setattr(flink, "_CONFIG", nowhere)
    monkeypatch.setattr("sys.argv", ["run", "--runner", "flink"])
    assert run.main() == 2
    said = capsys.readouterr().err
    assert said.startswith(
        "artist_sim: No Beam job server answers at localhost:1, which the options of flink.py name;"
    )
    assert "`make flink-up`" in said and is_one_sentence(said)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ('"DirctRunner"', "The runner of mine.py is 'DirctRunner', which is no runner of Beam's"),
        ('staging="bucket"', "mine.py: staging is 'bucket', not an address such as gs://"),
    ],
)
def test_a_mistake_in_a_file_of_ones_own_is_told_of_it(tmp_path, section, told):
    file = tmp_path / "mine.py"
    file.write_text(
        "import sys\n"
        "from pipeline.config import BeamConfig\n"
        "from pipeline.local_runner import main\n"
        f"sys.exit(main(lambda: BeamConfig({section})))\n"
    )
    ended = type_in(["python", str(file)], tmp_path / "home")
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"artist_sim: {told}") and is_one_sentence(ended.stderr)


def test_make_hands_the_name_over():
    ended = subprocess.run(
        ["make", "--dry-run", "run", "RUNNER=flink"], cwd=REPOSITORY, capture_output=True, text=True
    )
    command = '-m pipeline.run --config "configs/sampler.yaml" --runner "flink"'
    assert command in ended.stdout


def test_embedding_asks_for_its_job_server_as_well(tmp_path):
    config_file = write_config(tmp_path, tmp_path)
    config_file.write_text(config_file.read_text() + _BEAM.replace(", staging: 's3://b/f'", ""))
    command = ["artist-sim", "embed", "--output", "vectors", "--config", str(config_file)]
    ended = type_in(command, tmp_path / "home")
    assert ended.returncode == 2
    assert "No Beam job server answers at localhost:1," in ended.stderr
    assert is_one_sentence(ended.stderr)


def test_a_name_that_no_file_has_is_refused(tmp_path):
    ended = type_in(["python", "-m", "pipeline.run", "--runner", "flik"], tmp_path)
    assert ended.returncode == 2
    assert "invalid choice: 'flik' (choose from 'flink', 'in_process'" in ended.stderr


def test_the_tfx_command_line_takes_a_run_to_worker_processes(tmp_path):
    """As a person types it; the catalogue is so small that `auto` would have taken none."""
    config_file = write_config(tmp_path, write_communities(tmp_path / "communities"))
    home = tmp_path / "home"

    def tfx(*arguments):
        ended = type_in(
            ["tfx", *arguments, "--engine=local"],
            home,
            ARTIST_SIM_CONFIG=str(config_file),
            LOCAL_HOME=str(tmp_path / "tfx"),
            # TFX asks pip what is installed.
            PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}",
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    tfx("pipeline", "create", "--pipeline_path=pipeline/runners/worker_processes.py")
    known = json.loads((tmp_path / "tfx/artist_sim/pipeline_args.json").read_text())
    assert known["pipeline_dsl_path"] == "pipeline/runners/worker_processes.py"
    said = tfx("run", "create", "--pipeline_name=artist_sim")
    assert "Beam: DirectRunner, as worker_processes.py says\n" in said
    assert "artists: 240 rows in = 240 kept + 0 rejected" in said
    log = max((home / "logs").iterdir()).read_text()
    assert "local_job_service: Worker:" in log, "what a worker process of Beam's says"
    assert len(list((home / "serving_model/artist_sim").iterdir())) == 1
