"""Which runner `auto` takes: by cores and rows, unless a person says another."""

from __future__ import annotations

import os

import pytest
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions

from catalogues.errors import InputError
from pipeline import beam_runner
from pipeline.beam_runner import choose_runner, free_bytes, rows_of, usable_cores
from pipeline.config import BeamConfig
from tests.components.catalogue_example_gen.building import write_catalogue

SPEC = """
name: counted
artists: {table: artists.csv, id: id}
content: {tags: {table: tags-*.csv, artist: id, categories: tag}}
plays: {table: plays.csv, listener: listener, artist: id, plays: plays}
edges: {table: edges.csv, source: a, target: b}
"""
FILES = {
    "catalogue.yaml": SPEC,
    "artists.csv": "id\n1\n2\n3\n",
    "tags-0.csv": "id,tag\n1,jazz\n",
    "tags-1.csv": "id,tag\n2,folk\n2,jazz\n",
    "plays.csv": "listener,id,plays\nme,1,5\n",
    "edges.csv": "a,b\n1,2\n2,3\n",
    "notes.csv": "of no table\n" * 50,
}
ROWS = 3 + 1 + 2 + 1 + 2


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


def test_rows_of_all_tables_count(catalogue):
    assert rows_of(catalogue) == ROWS


@pytest.mark.parametrize(
    ("cores", "many_rows", "taken", "told"),
    [
        (2, ROWS + 1, IN_PROCESS, "in this process, as the catalogue has 9 rows, fewer than 10"),
        (
            2,
            ROWS,
            ("DirectRunner", "multi_processing", 2),
            "with 2 worker processes, as the catalogue has 9 rows, 9 or more, and there are 2 "
            "cores",
        ),
        (
            64,
            ROWS,
            ("DirectRunner", "multi_processing", 8),
            "with 8 worker processes, as",
        ),
        (1, ROWS, IN_PROCESS, "in this process, as there is one core"),
    ],
)
def test_auto_goes_by_cores_and_rows(catalogue, machine, cores, many_rows, taken, told):
    machine(cores, many_rows)
    chosen = choose_runner(BeamConfig(), catalogue)
    assert as_beam_reads(chosen.beam) == taken
    assert chosen.told.startswith(told)


def test_short_memory_keeps_it_in_process(catalogue, machine):
    # Three processes of 900 MB, and 2 kB for each of 9 rows.
    needed = 3 * 9 * 10**8 + 9 * 2000
    machine(2, ROWS, needed - 1)
    chosen = choose_runner(BeamConfig(), catalogue)
    assert as_beam_reads(chosen.beam) == IN_PROCESS
    assert chosen.told == (
        "in this process, as 2 workers and 9 rows may take 2.7 GB, and 2.7 GB are free"
    )
    machine(2, ROWS, needed)
    assert as_beam_reads(choose_runner(BeamConfig(), catalogue).beam)[1] == "multi_processing"


def test_other_options_stay_beside_it(catalogue, machine):
    machine(2, ROWS)
    chosen = choose_runner(BeamConfig(options=("--direct_runner_bundle_repeat=1",)), catalogue)
    assert as_beam_reads(chosen.beam) == ("DirectRunner", "multi_processing", 2)
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
    machine(2, 0)
    # No catalogue is looked at.
    assert as_beam_reads(choose_runner(beam, "nowhere").beam) == taken


def test_where_nothing_has_chosen_it_is_the_direct_runner_in_process():
    assert as_beam_reads(BeamConfig()) == IN_PROCESS


def test_the_newest_span_counts(tmp_path):
    more = FILES | {"artists.csv": FILES["artists.csv"] + "4\n"}
    write_catalogue(tmp_path / "span-2", FILES)
    write_catalogue(tmp_path / "span-10", more)
    assert rows_of(str(tmp_path / "span-{SPAN}")) == ROWS + 1


def test_a_catalogue_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="There is no catalogue folder 'nowhere'"):
        choose_runner(BeamConfig(), str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="No folder of the catalogue matches"):
        rows_of(str(tmp_path / "span-{SPAN}"))


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("max 100000", 6), ("200000 100000", 2), ("50000 100000", 1), ("900000 100000", 6)],
)
def test_a_container_may_leave_fewer_cores(tmp_path, monkeypatch, limit, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)))
    monkeypatch.setattr(beam_runner, "_CONTAINER", tmp_path)
    assert usable_cores() == 6
    (tmp_path / "cpu.max").write_text(limit + "\n")
    assert usable_cores() == cores


def test_a_container_may_leave_less_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(beam_runner, "_MEMORY_OF_MACHINE", tmp_path / "meminfo")
    monkeypatch.setattr(beam_runner, "_CONTAINER", tmp_path)
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    5000 kB\n")
    assert free_bytes() == 5000 * 1024
    (tmp_path / "memory.current").write_text("1000\n")
    for limit, free in (("max", 5000 * 1024), ("9000", 8000), ("900", 0), ("9" * 12, 5000 * 1024)):
        (tmp_path / "memory.max").write_text(limit + "\n")
        assert free_bytes() == free
