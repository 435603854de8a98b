"""Which runner `auto` takes: by cores and rows, unless a person says another."""

from __future__ import annotations

import pytest
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions

from catalogues.errors import InputError
from pipeline import beam_runner
from pipeline.beam_runner import choose_runner
from pipeline.config import BeamConfig
from tests.components.catalogue_example_gen.building import write_catalogue
from tests.components.catalogue_example_gen.counted_catalogue import FILES, ROWS


@pytest.fixture
def catalogue(tmp_path):
    return str(write_catalogue(tmp_path / "catalogue", FILES))


@pytest.fixture
def machine(monkeypatch):
    """A function that sets cores, free memory, and from how many rows on many are many."""

    def set_to(cores, many_rows, free=10**11):
        monkeypatch.setattr(beam_runner, "usable_cores", lambda: cores)
        monkeypatch.setattr(beam_runner, "free_bytes", lambda: free)
        monkeypatch.setattr(beam_runner, "MANY_ROWS", many_rows)

    return set_to


def as_beam_reads(beam):
    """(runner, mode, workers)"""
    options = PipelineOptions(beam.arguments())
    direct = options.view_as(DirectOptions)
    return (
        options.view_as(StandardOptions).runner,
        direct.direct_running_mode,
        direct.direct_num_workers,
    )


IN_PROCESS = ("DirectRunner", "in_memory", 1)


@pytest.mark.parametrize(
    ("cores", "many_rows", "taken", "told"),
    [
        (4, ROWS + 1, IN_PROCESS, "in this process, as the catalogue has 9 rows, fewer than 10"),
        (
            4,
            ROWS,
            ("DirectRunner", "multi_processing", 4),
            "with 4 worker processes, as the catalogue has 9 rows, 9 or more, and there are 4 "
            "cores",
        ),
        (
            64,
            ROWS,
            ("DirectRunner", "multi_processing", 8),
            "with 8 worker processes, as",
        ),
        (3, ROWS, IN_PROCESS, "in this process, as there are 3 cores, fewer than 4"),
        (1, ROWS, IN_PROCESS, "in this process, as there is one core, fewer than 4"),
    ],
)
def test_auto_goes_by_cores_and_rows(catalogue, machine, cores, many_rows, taken, told):
    machine(cores, many_rows)
    chosen = choose_runner(BeamConfig(), catalogue)
    assert as_beam_reads(chosen.beam) == taken
    assert chosen.told.startswith(told)


def test_short_memory_keeps_it_in_process(catalogue, machine):
    # Five processes of 900 MB, and 2 kB for each of 9 rows.
    needed = 5 * 9 * 10**8 + 9 * 2000
    machine(4, ROWS, needed - 1)
    chosen = choose_runner(BeamConfig(), catalogue)
    assert as_beam_reads(chosen.beam) == IN_PROCESS
    assert chosen.told == (
        "in this process, as 4 workers and 9 rows may take 4.5 GB, and 4.5 GB are free"
    )
    machine(4, ROWS, needed)
    assert as_beam_reads(choose_runner(BeamConfig(), catalogue).beam)[1] == "multi_processing"


def test_other_options_stay_beside_it(catalogue, machine):
    machine(4, ROWS)
    chosen = choose_runner(BeamConfig(options=("--direct_runner_bundle_repeat=1",)), catalogue)
    assert as_beam_reads(chosen.beam) == ("DirectRunner", "multi_processing", 4)
    options = PipelineOptions(chosen.beam.arguments()).view_as(DirectOptions)
    assert options.direct_runner_bundle_repeat == 1


@pytest.mark.parametrize(
    ("beam", "taken"),
    [
        (BeamConfig("DirectRunner"), IN_PROCESS),
        (BeamConfig("PortableRunner"), ("PortableRunner", "in_memory", 1)),
        (BeamConfig(options=("--runner=PortableRunner",)), ("PortableRunner", "in_memory", 1)),
        (BeamConfig(options=("--direct_num_workers=3",)), ("DirectRunner", "in_memory", 3)),
        (
            BeamConfig(options=("--direct_running_mode", "multi_threading")),
            ("DirectRunner", "multi_threading", 1),
        ),
    ],
    ids=["runner", "another", "option", "workers", "mode"],
)
def test_what_a_person_says_stays(machine, beam, taken):
    machine(4, 0)
    # No catalogue is looked at.
    assert as_beam_reads(choose_runner(beam, "nowhere").beam) == taken


def test_where_nothing_has_chosen_it_is_the_direct_runner_in_process():
    assert as_beam_reads(BeamConfig()) == IN_PROCESS


def test_a_catalogue_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="There is no catalogue folder 'nowhere'"):
        choose_runner(BeamConfig(), str(tmp_path / "nowhere"))
