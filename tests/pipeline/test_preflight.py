"""What a run needs is looked for before it begins, and a second run is kept out."""

from __future__ import annotations

import subprocess
import sys

import pytest
from apache_beam.options.pipeline_options import StandardOptions

from catalogues.errors import InputError
from pipeline.config import BeamConfig, parse_config
from pipeline.preflight import BEAM_RUNNERS, check_home, check_inputs, check_runner, only_run
from tests.conftest import REPOSITORY
from tests.pipeline.communities import write_communities
from tests.pipeline.given_configs import nested


def test_a_missing_catalogue_is_told_by_name(tmp_path):
    config = parse_config(nested("catalogue.path", str(tmp_path / "gone")), "mine.yaml")
    with pytest.raises(InputError, match="There is no catalogue folder 'gone'"):
        check_inputs(config)


@pytest.mark.parametrize("span", ["{SPAN}", "span-{SPAN}", "{YYYY}-{MM}-{DD}"])
def test_a_pattern_without_a_match_is_told(tmp_path, span, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = parse_config(nested("catalogue.path", f"days/{span}"), "mine.yaml")
    with pytest.raises(InputError) as raised:
        check_inputs(config)
    assert str(raised.value).startswith(f"No catalogue folder matches 'days/{span}'")


def test_a_pattern_with_a_match_is_left_to_the_driver(tmp_path):
    write_communities(tmp_path / "days" / "2026-01-02")
    path = str(tmp_path / "days" / "{YYYY}-{MM}-{DD}")
    check_inputs(parse_config(nested("catalogue.path", path), "mine.yaml"))


def test_a_missing_schema_is_told(tmp_path):
    given = nested("catalogue.path", str(write_communities(tmp_path / "mine")))
    config = parse_config({**given, "schema": "gone.pbtxt"}, "mine.yaml")
    with pytest.raises(InputError, match="There is no schema 'gone.pbtxt'"):
        check_inputs(config)


def test_the_runners_that_are_known_are_beams():
    assert sorted(BEAM_RUNNERS) == sorted(set(StandardOptions.KNOWN_RUNNER_NAMES))


@pytest.mark.parametrize("name", ["auto", "DirectRunner", "SparkRunner", "mine.MyRunner"])
def test_a_runner_of_beams_or_a_class_passes(name):
    check_runner(BeamConfig(name))


@pytest.mark.parametrize(
    ("beam", "told"),
    [
        (
            BeamConfig("FlnkRunner"),
            r"`beam\.runner` is 'FlnkRunner'.*mean 'FlinkRunner'\?\); it has",
        ),
        (
            BeamConfig("multi_processing"),
            r"`beam\.runner` is 'multi_processing', which is no runner",
        ),
        (
            BeamConfig(options=("--runner=DirctRunner",)),
            r"`--runner` in `beam\.options` is 'DirctRunner'.*mean 'DirectRunner'\?\)",
        ),
        (BeamConfig(options=("--runner", "Flink")), "is 'Flink'.*mean 'FlinkRunner'"),
        (BeamConfig("directrunner"), "is 'directrunner'.*mean 'DirectRunner'"),
        (BeamConfig(options=("--runner=auto",)), "is 'auto', which is no runner of Beam"),
        (BeamConfig(""), "`beam.runner` is '', which is no"),
    ],
)
def test_a_runner_that_beam_has_not_is_told(beam, told):
    with pytest.raises(InputError, match=told):
        check_runner(beam)


def test_a_home_that_is_no_folder_is_told(tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path / "taken"))
    with pytest.raises(InputError, match="'taken' that a run keeps its work in"):
        check_home()


def test_a_second_run_is_kept_out_and_told_of_the_first(tmp_path, monkeypatch):
    monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path))
    script = (
        "from pipeline.preflight import only_run\n"
        "with only_run():\n"
        "    print('locked', flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
    ) as other:
        assert other.stdout.readline() == b"locked\n"
        with (
            pytest.raises(InputError, match=rf"Another run \(process {other.pid}\) is at work"),
            only_run(),
        ):
            pass
        # However it ends.
        other.kill()
        other.wait()
        with only_run():
            pass
