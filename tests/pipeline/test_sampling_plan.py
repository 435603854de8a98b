"""What a person is told of a plan, and what a run makes of `auto`."""

from __future__ import annotations

import dataclasses
import re

import pytest

from components.catalogue_example_gen.config import AUTO, MEMORY, SUBGRAPHS
from pipeline import sampling_plan
from pipeline.command_line import main
from pipeline.config import parse_config
from pipeline.sampling_plan import plan_lines, plan_of, told_before, with_sampling_chosen
from tests.conftest import REPOSITORY

SAMPLER = REPOSITORY / "catalogues" / "sampler"
GB = 10**9


def config(system="gnn", **graph):
    trainer = {"system": system, "network": {"convolutions": 2}, "training": {"epochs": 20}}
    given = {"catalogue": {"path": str(SAMPLER)}, "graph": graph, "trainer": trainer}
    return parse_config(given, "c")


@pytest.fixture
def machine(monkeypatch):
    """A function that sets the memory there is, and what is free of it."""

    def set_to(there, free=GB):
        monkeypatch.setattr(sampling_plan, "all_bytes", lambda: there)
        monkeypatch.setattr(sampling_plan, "free_bytes", lambda: free)

    return set_to


def test_auto_is_chosen_by_what_there_is_and_all_else_stays(machine):
    given = config()
    assert given.graph.sampling == AUTO
    machine(100 * GB)
    chosen = with_sampling_chosen(given, plan_of(given))
    assert chosen.graph == dataclasses.replace(given.graph, sampling=MEMORY)
    assert dataclasses.replace(chosen, graph=given.graph) == given
    asked = config(sampling=SUBGRAPHS)
    assert with_sampling_chosen(asked, plan_of(asked)) == asked


def test_what_is_free_changes_nothing(machine):
    """Else a run would build its graph anew whenever something else came or went."""
    given, chosen = config(), []
    for free in (0, GB, 99 * GB):
        machine(100 * GB, free)
        chosen.append(with_sampling_chosen(given, plan_of(given)))
    assert chosen[0] == chosen[1] == chosen[2]


def test_a_run_has_one_line_where_memory_is_plenty(machine):
    machine(100 * GB)
    (line,) = told_before(plan_of(config()), config())
    cost = r"4 s to begin with, less than 1 s an epoch, \d+ s for 20, of one core"
    assert re.fullmatch(rf"Training: in memory, about 0\.9 GB; {cost}", line)


@pytest.mark.parametrize("given", [config(sampling=SUBGRAPHS), config()], ids=["asked", "short"])
def test_and_all_of_them_else(machine, given):
    machine(100 * GB if given.graph.sampling == SUBGRAPHS else 2 * GB)
    plan = plan_of(given)
    assert told_before(plan, given) == plan_lines(plan, given)
    assert len(plan_lines(plan, given)) == 4


def test_what_the_model_needs_afterwards_is_told(machine):
    machine(GB // 2)
    last = plan_lines(plan_of(config(sampling=SUBGRAPHS)), config())[-1]
    assert last.endswith("; the model and the judge then load it all the same, which may not fit")
    machine(100 * GB)
    assert "judge" not in plan_lines(plan_of(config(sampling=SUBGRAPHS)), config())[-1]


def write(folder, system="gnn", catalogue=SAMPLER):
    path = folder / "mine.yaml"
    path.write_text(
        f"catalogue: {{path: '{catalogue}'}}\n"
        f"trainer: {{system: {system}, network: {{convolutions: 2}}}}\n"
    )
    return str(path)


def test_the_command_prints_both_ways_and_the_reason(tmp_path, machine, capsys):
    machine(16 * GB, 8 * GB)
    assert main(["plan", write(tmp_path)]) == 0
    first, memory, subgraphs, why = capsys.readouterr().out.splitlines()
    assert first == (
        "Training: 'gnn' on 1,319 artists and 6,105 edges, with 16 GB of memory, 8.0 GB of it "
        "free now"
    )
    cost = r"\d+ (s|min) to begin with, less than 1 s an epoch, \d+ (s|min) for 50, of one core"
    assert re.fullmatch(rf"  memory:    about 0\.9 GB; {cost}", memory)
    assert re.fullmatch(rf"  subgraphs: about \d\.\d GB and \d+ MB of files; {cost}", subgraphs)
    assert why == "  it gets memory, as the graph fits in 70% of 16 GB"


def test_the_command_says_what_is_no_choice(tmp_path, machine, capsys):
    machine(16 * GB)
    assert main(["plan", write(tmp_path, "diffusion")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "  subgraphs: no choice, as the walks of 'diffusion' go over the whole graph"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"catalogue": "nowhere"}, "There is no catalogue folder 'nowhere'; check the path"),
        ({"catalogue": "gs://bucket/mine"}, "`catalogue.path` does not lie on this machine, so"),
        ({"catalogue": "span-{SPAN}"}, "No folder of the catalogue matches 'span-{SPAN}'"),
        ({"system": "gnm"}, "'gnm'"),
        (None, "There is no configuration 'nothing.yaml'; configs/ holds examples."),
    ],
    ids=["no catalogue", "elsewhere", "no span", "no system", "no configuration"],
)
def test_mistakes_are_one_sentence(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    given = "nothing.yaml" if arguments is None else write(tmp_path, **arguments)
    assert main(["plan", given]) == 2
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1
    assert said.err.startswith("artist-sim: ") and sentence in said.err
