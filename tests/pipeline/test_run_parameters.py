"""What a person may change for one run, and what is told before anything is spent."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from catalogues.errors import InputError
from components.catalogue_example_gen.config import read_config as read_build_config
from components.retrieval_evaluator.executor import read_config
from pipeline.config import parse_config
from pipeline.run_parameters import judge_config, parameters_of_run, sections_of
from tests.pipeline.running import small_config
from trainer.run_fn import trainer_config

CONFIG = small_config(Path("catalogue"), training={"epochs": 7, "fan_out": 3})


def of_run(config=CONFIG, **given: str):
    told = parameters_of_run(
        sections_of(config), **{"span": "", "gate_floor": "", "overrides": "", **given}
    )
    # As the next step reads it.
    return json.loads(json.dumps(told))


def test_a_run_that_is_told_nothing_is_the_compiled_configuration():
    told = of_run()
    assert set(told) == {"span", "graph", "on_bad_rows", "trainer", "judge", "retrain"}
    assert told["span"] == "" and told["on_bad_rows"] == "error"
    assert trainer_config(told["trainer"]) == CONFIG.trainer
    assert read_config(told["judge"]) == judge_config(CONFIG)
    assert read_build_config(told["graph"]) == CONFIG.graph


def test_overrides_are_laid_over_the_configuration_key_by_key():
    told = of_run(overrides='{"trainer": {"training": {"epochs": 2}}, "on_bad_rows": "set_aside"}')
    training = dataclasses.replace(CONFIG.trainer.training, epochs=2)
    assert trainer_config(told["trainer"]) == dataclasses.replace(CONFIG.trainer, training=training)
    assert told["on_bad_rows"] == "set_aside"
    # YAML says it as well, and a list is replaced as a whole.
    told = of_run(overrides="judge: {k: [5]}")
    assert told["judge"]["k"] == [5] and told["judge"]["gate"]["floor"] == 0.5


def test_the_judge_hears_of_an_overridden_fan_out():
    told = of_run(overrides="trainer: {training: {fan_out: 9}}")
    assert told["judge"]["fan_out"] == trainer_config(told["trainer"]).fan_out


def test_the_floor_and_the_span():
    told = of_run(gate_floor=" 0.35 ", span=" 2026-01-31 ")
    assert told["judge"]["gate"]["floor"] == 0.35
    assert told["judge"]["gate"]["slack"] == 0.25
    assert told["span"] == "2026-01-31"


def test_rules_of_ones_own_survive_the_way_through_json():
    rules = [{"above": 0.1, "min_queries": 1}, {"versus": "blessed_model", "slack": 0.02}]
    config = parse_config(
        {"catalogue": {"path": "c"}, "judge": {"gate": {"rules": rules}}}, "rules.yaml"
    )
    assert read_config(of_run(config)["judge"]).gate == config.judge.gate
    with pytest.raises(InputError, match="`judge.gate.floor` cannot stand beside `rules`"):
        of_run(config, gate_floor="0.2")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"overrides": "{trainer"}, "overrides: part of a configuration is expected"),
        ({"overrides": "[1]"}, "overrides: part of a configuration is expected"),
        ({"overrides": "7"}, "overrides: part of a configuration is expected"),
        ({"overrides": "catalogue: {path: x}"}, "overrides: `catalogue` cannot be changed for one"),
        ({"overrides": "trianer: {}"}, "did you mean 'trainer'?"),
        ({"overrides": "trainer: {training: {epoch: 2}}"}, "unknown key `trainer.training.epoch`"),
        ({"overrides": "trainer: {training: {epochs: 0}}"}, "`trainer.training.epochs` must lie"),
        ({"overrides": "trainer: 3"}, "overrides: `trainer` must hold keys with values"),
        ({"overrides": "trainer: {system: gmn}"}, "no system 'gmn' (did you mean 'gnn'?)"),
        ({"overrides": "judge: {fan_out: 3}"}, "`judge.fan_out` is taken from"),
        ({"gate_floor": "high"}, "gate_floor: 'high' is not a number"),
        ({"gate_floor": "1.5"}, "`judge.gate.floor` must lie between 0 and 1"),
        ({"gate_floor": "nan"}, "`judge.gate.floor` is nan, but must be finite"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(given, sentence):
    with pytest.raises(InputError) as raised:
        of_run(**given)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)
