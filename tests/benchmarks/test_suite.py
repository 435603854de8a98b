"""What a suite's file says, and what is told of mistakes in it."""

from __future__ import annotations

import dataclasses

import pytest
import yaml

from benchmarks.plan import jobs_of
from benchmarks.run import main
from benchmarks.suite import BASELINE_TITLES, SUITES, SuiteSystem, load_suite
from catalogues.errors import InputError
from pipeline.config import parse_config
from trainer.systems.baselines import BASELINES


def test_an_unknown_suite_is_told_with_the_nearest_name(capsys):
    assert main(["olgga", "--list"]) == 2
    told = capsys.readouterr().err
    assert told == (
        "artist_sim: There is no suite 'olgga' (did you mean 'olga'?); there is cost, judging, "
        "layers, modalities, olga, retraining, sampler, sampling, serving.\n"
    )


def test_olga_has_all_that_is_compared():
    suite = load_suite("olga")
    names = {system.name for system in suite.systems}
    ladder = {
        f"{kind}/{features}"
        for kind in ("dnn", *(f"gnn-{k}" for k in range(1, 5)))
        for features in ("random", "content")
    }
    assert names == ladder | {"diffusion/topology", "diffusion/content"} | set(BASELINES)
    assert len(suite.seeds) >= 3
    # Everything trained has the same seeds.
    jobs = jobs_of(suite, "")
    for name in ladder | {"diffusion/topology", "diffusion/content"}:
        assert [job.seed for job in jobs if job.system.name == name] == list(suite.seeds)
    assert len({job.key for job in jobs}) == len(jobs)


# test_layers_page.py has the ladders of 'layers'.
@pytest.mark.parametrize(
    "name", sorted(path.stem for path in SUITES.glob("*.yaml") if path.stem != "layers")
)
def test_rungs_differ_in_convolutions_alone(name):
    for system in load_suite(name).systems:
        if system.ladder:
            assert system.trainer.network.convolutions == system.convolutions
            assert system.trainer.features.modalities == (
                ("random",) if system.ladder == "random" else ()
            )


def test_every_baseline_is_in_every_suite():
    assert set(BASELINE_TITLES) == set(BASELINES)


def test_a_seed_sets_weights_and_random_vectors():
    (system,) = [s for s in load_suite("sampler").systems if s.name == "gnn-1/random"]
    config = system.with_seed(7)
    assert config.training.seed == config.features.seed == 7
    assert system.with_seed(0) != config


def test_another_systems_section_changes_no_key(tmp_path):
    def keys(trainer: str) -> dict[str, str]:
        config = tmp_path / "config.yaml"
        config.write_text(f"catalogue: {{path: x}}\ntrainer: {trainer}\n")
        (tmp_path / "mine.yaml").write_text(
            f"title: mine\nconfig: {config}\npage: p.md\nseeds: [0]\n"
            "convolutions: [1]\nladders: {random: {title: random vectors}}\n"
            "systems: {other: {title: other, trainer: {system: diffusion}}}\n"
        )
        return {job.system.name: job.key for job in jobs_of(load_suite("mine", tmp_path), "")}

    before = keys("{}")
    after = keys("{diffusion: {hops: 2}}")
    assert before["gnn-1/random"] == after["gnn-1/random"]
    assert before["other"] != after["other"]
    assert before["gnn-1/random"] != keys("{training: {epochs: 3}}")["gnn-1/random"]


def key_of(trainer: str) -> str:
    """Of one training that a configuration asks for, of `gnn` unless it says another system."""
    given = {"system": "gnn", **yaml.safe_load(trainer)}
    config = parse_config({"catalogue": {"path": "x"}, "trainer": given}, "mine.yaml").trainer
    suite = dataclasses.replace(
        load_suite("sampler"), systems=(SuiteSystem("mine", "mine", config),), seeds=(0,)
    )
    (job,) = jobs_of(suite, "")
    return job.key


def test_the_encoders_section_changes_the_keys_of_what_reads_them():
    assert key_of("{contrastive: {temperature: 1}}") == key_of("{}")
    pretrained = key_of("{pretrained: contrastive}")
    assert pretrained != key_of("{}")
    assert key_of("{pretrained: contrastive, contrastive: {temperature: 1}}") != pretrained


def test_words_said_as_they_would_be_anyway_change_no_key():
    assert key_of("{features: {words: bag}}") == key_of("{}")
    assert key_of("{features: {words: ppmi}}") != key_of("{}")
    contrastive = key_of("{system: contrastive}")
    assert key_of("{system: contrastive, features: {words: ppmi}}") == contrastive
    assert key_of("{system: contrastive, features: {words: bag}}") != contrastive


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("colour: red", "unknown key colour"),
        ("compare_with: [pagerang]", "did you mean 'pagerank'?"),
        ("systems: {mine: {title: mine, trainer: {netwrk: {}}}}", "did you mean 'network'?"),
        ("split: train", "split"),
        ("systems: {mine: {title: mine, trainer: {}, fan_outs: []}}", "systems.mine: fan_outs"),
        ("systems: {mine: {title: mine, trainer: {}, fan_outs: [5, 9]}}", "must not rise"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, line, told):
    (tmp_path / "mine.yaml").write_text(
        f"title: mine\nconfig: configs/sampler.yaml\npage: p.md\nseeds: [0]\n{line}\n"
    )
    with pytest.raises(InputError, match="mine.yaml") as error:
        load_suite("mine", tmp_path)
    assert told in str(error.value)


def test_only_and_seeds_choose_and_refuse():
    suite = load_suite("sampler")
    jobs = jobs_of(suite, "", only=["gnn-2", "page"], seeds=[1])
    assert [job.title for job in jobs] == [
        "pagerank",
        "gnn-2/random, seed 1",
        "gnn-2/content, seed 1",
    ]
    with pytest.raises(InputError, match="has no seed 9"):
        jobs_of(suite, "", seeds=[9])
