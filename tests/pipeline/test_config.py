"""A configuration is refused before anything is spent, in one sentence that names the key."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.catalogue_example_gen.sampling import reach_of
from pipeline.config import PipelineConfig, load_config, parse_config
from tests.conftest import REPOSITORY
from tests.pipeline.given_configs import nested, refusal


def test_the_defaults_are_the_dataclasses():
    config = parse_config({"catalogue": {"path": "mine"}}, "mine.yaml")
    assert config == PipelineConfig(config.catalogue)
    assert config.trainer.network.backend_units == (256, 256)
    assert config.graph.fractions == (0.8, 0.1, 0.1)


@pytest.mark.parametrize("path", sorted((REPOSITORY / "configs").glob("*.yaml")), ids=str)
def test_what_ships_can_be_loaded(path: Path):
    assert load_config(path).catalogue.path


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("catalog", "catalogue"),
        ("catalogue.pth", "path"),
        ("catalogue.imported_from.fromat", "format"),
        ("graph.fractoins", "fractions"),
        ("trainer.sistem", "system"),
        ("trainer.features.modality", "modalities"),
        ("trainer.network.convolution", "convolutions"),
        ("trainer.training.epoch", "epochs"),
        ("judge.gates", "gate"),
        ("judge.gate.flor", "floor"),
        ("judge.gate.rule", "rules"),
        ("beam.runer", "runner"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(key, right):
    message = refusal(nested(key, 1))
    assert f"unknown key `{key}` (did you mean '{right}'?); there is " in message


def test_a_key_like_no_other_is_refused_with_all_there_are():
    message = refusal(nested("judge.zzz", 1))
    assert message == "mine.yaml: unknown key `judge.zzz`; there is gate, split, k, seed, beam."


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("catalogue.path", 3, "is 3, but must be text"),
        ("catalogue.path", None, "is None, but must be text"),
        ("catalogue.path", "", "is empty; name the catalogue's folder"),
        ("catalogue.imported_from", "olga", "must hold keys with values"),
        ("schema", ["a"], "is ['a'], but must be text"),
        ("on_bad_rows", "ignore", "is 'ignore', but must be 'error' or 'set_aside'"),
        ("graph", None, "must hold keys with values"),
        ("graph", [1], "must hold keys with values"),
        ("graph.fractions", 0.8, "is 0.8, but must be a list of 3 items, each a number"),
        ("graph.fractions", [1, 0], "is [1, 0], but must be a list of 3 items, each a number"),
        ("graph.fractions", [0.5, 0.5, "x"], "must be a list of 3 items, each a number"),
        ("graph.fractions", [0.8, 0.2, 0], "must be three numbers above zero"),
        ("graph.fractions", [1, 1, 1], "must sum to 1, not 3"),
        ("graph.fractions", [float("nan"), 0.5, 0.5], "must be finite"),
        ("graph.neighbor_cap", 0, "must be at least 1, not 0"),
        ("graph.vocabulary_size", -1, "must be at least 1, not -1"),
        ("graph.max_tracks", 0, "must be at least 1, not 0"),
        ("graph.word_factors", 0, "must be at least 1, not 0"),
        ("graph.pca_dim", -1, "must be at least 0, not -1"),
        ("graph.shards", 0, "must be at least 1, not 0"),
        ("graph.shards", 1.5, "is 1.5, but must be a whole number"),
        ("trainer.features.modalities", "audio", "is 'audio', but must be a list with text"),
        ("trainer.features.modalities", [1], "is [1], but must be a list with text"),
        ("trainer.features.words", "pmi", "must be one of auto, bag, ppmi, factors, not 'pmi'"),
        ("trainer.pretrained", "gnn", "is 'gnn', but must be 'none' or 'contrastive'"),
        ("trainer.features.random_dim", 0, "must lie between 1 and 65536, not 0"),
        ("trainer.features.seed", -1, "must lie between 0 and"),
        ("trainer.network.convolutions", 5, "must lie between 0 and 4, not 5"),
        ("trainer.network.convolutions", True, "is true, but must be a whole number"),
        ("trainer.network.convolutions", "3", "is '3', but must be a whole number"),
        ("trainer.network.convolution_units", 0, "must lie between 1 and 4096, not 0"),
        ("trainer.network.backend_units", [256, 0], "must lie between 1 and 4096, not 0"),
        ("trainer.network.backend_units", [2.5], "is [2.5], but must be a list with a whole"),
        ("trainer.network.backend_units", 256, "is 256, but must be a list with a whole number"),
        ("trainer.network.embedding_dim", 257, "must lie between 2 and 256, not 257"),
        (
            "trainer.network.layer",
            "sage",
            "must be one of sage_mean, gated_gcn, gin, not 'sage'",
        ),
        ("trainer.network.layer", 1, "is 1, but must be text"),
        ("trainer.network.modality_units", 4097, "must lie between 0 and 4096, not 4097"),
        ("trainer.network.modality_dropout", 1, "must lie between 0 and 0.99, not 1"),
        ("trainer.training.sampling", "hard", "must be one of distance_weighted, uniform, not"),
        ("trainer.training.anchors", "none", "must be one of both, one, not 'none'"),
        ("trainer.training.connection_dropout", -0.1, "must lie between 0 and 0.99, not -0.1"),
        ("trainer.training.epochs", 0, "must lie between 1 and 10000, not 0"),
        ("trainer.training.warmup_epochs", 51, "must lie between 0 and 50, not 51"),
        ("trainer.training.learning_rate", 0, "must lie between 1e-08 and 10, not 0"),
        ("trainer.training.learning_rate", "fast", "is 'fast', but must be a number"),
        ("trainer.training.learning_rate", float("inf"), "is inf, but must be finite"),
        ("trainer.training.learning_rate", False, "is false, but must be a number"),
        ("trainer.training.pseudo_eval_fraction", 0.6, "must lie between 1e-06 and 0.5, not 0.6"),
        ("trainer.training.max_batch", 1, "must lie between 2 and 1e+06, not 1"),
        ("trainer.training.fan_out", 0, "must lie between 1 and 1e+06, not 0"),
        ("trainer.training.negatives", 0, "must lie between 1 and 10000, not 0"),
        ("trainer.training.margin", 2.1, "must lie between 0 and 2, not 2.1"),
        ("trainer.training.patience", 0, "must lie between 1 and 10000, not 0"),
        ("trainer.training.mixed_precision", 1, "is 1, but must be true or false"),
        ("trainer.training.xla", "yes", "is 'yes', but must be true or false"),
        ("trainer.training.seed", -1, "must lie between 0 and"),
        ("judge.split", "train", "must be 'val' or 'test', not 'train'"),
        ("judge.k", [], "must list one or more ranks of at least 1, each once, not []"),
        ("judge.k", [10, 0], "must list one or more ranks of at least 1, each once, not [10, 0]"),
        ("judge.k", [5, 5], "must list one or more ranks of at least 1, each once, not [5, 5]"),
        ("judge.k", 10, "is 10, but must be a list with a whole number an item"),
        ("judge.k", [2.5], "is [2.5], but must be a list with a whole number an item"),
        ("judge.fan_out", 5, "is taken from `trainer.training.fan_out`; say it there"),
        ("judge.seed", 0.5, "is 0.5, but must be a whole number"),
        ("judge.gate.floor", 1.1, "must lie between 0 and 1, not 1.1"),
        ("judge.gate.slack", -0.1, "must lie between 0 and 1, not -0.1"),
        ("judge.gate.condition", "warm", "must be 'connected' or 'cold', not 'warm'"),
        ("judge.gate.if_blessed_unreadable", "ask", "must be 'fail' or 'pass'"),
        ("judge.gate.rules", 3, "must be a list, each item with keys and values"),
        ("judge.gate.rules", {"above": 0.1}, "must be a list, each item with keys and values"),
        ("beam.runner", 1, "is 1, but must be text"),
        ("beam.options", "--x", "is '--x', but must be a list with text"),
        ("beam.staging", "/mnt/shared", "is '/mnt/shared', not an address such as gs://bucket/"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_key(key, value, complaint):
    message = refusal(nested(key, value))
    assert message.startswith(f"mine.yaml: `{key}` ")
    assert complaint in message


@pytest.mark.parametrize(
    ("beside", "complaint"),
    [
        ({"system": "contrastive"}, "cannot stand beside `system: contrastive`"),
        ({"network": {"modality_units": 8}}, "there are none left for `network.modality_units`"),
        (
            {"network": {"modality_dropout": 0.1}},
            "there are none left for `network.modality_units`",
        ),
    ],
)
def test_what_cannot_go_with_pretrained_encoders_is_refused(beside, complaint):
    message = refusal(
        {"catalogue": {"path": "mine"}, "trainer": {"pretrained": "contrastive", **beside}}
    )
    assert message.startswith("mine.yaml: `trainer.pretrained` ")
    assert complaint in message


@pytest.mark.parametrize(
    ("trainer", "words"),
    [
        ({}, "bag"),
        ({"system": "gnn"}, "bag"),
        ({"system": "contrastive"}, "ppmi"),
        ({"system": "gnn", "pretrained": "contrastive"}, "ppmi"),
        ({"system": "gnn", "features": {"words": "factors"}}, "factors"),
        ({"system": "contrastive", "features": {"words": "bag"}}, "bag"),
    ],
)
def test_words_become_what_the_system_reads_unless_told(trainer, words):
    config = parse_config({"catalogue": {"path": "mine"}, "trainer": trainer}, "mine.yaml").trainer
    assert config.content == dataclasses.replace(config.features, words=words)


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("above", "`judge.gate.rules[1]` must hold keys with values"),
        ({"abov": 1}, "unknown key `judge.gate.rules[1].abov` (did you mean 'above'?); there is"),
        ({"above": "x"}, "`judge.gate.rules[1].above` is 'x', but must be a number"),
        ({"above": True}, "`judge.gate.rules[1].above` is true, but must be a number"),
        ({"above": 0.1, "by": "ear"}, "`judge.gate.rules[1].by` is 'ear', but must be"),
        ({"condition": "warm"}, "`judge.gate.rules[1].condition` is 'warm', but must be"),
        ({"versus": "pagernak"}, "`judge.gate.rules[1].versus` names 'pagernak', which nothing"),
        ({"metric": "recall@7", "above": 0}, "`judge.gate.rules[1].metric` names 'recall@7'"),
        ({}, "`judge.gate.rules[1].metric` needs exactly one of `above`, `below` and"),
    ],
)
def test_a_wrong_item_of_a_list_is_told_with_its_place(rule, complaint):
    assert complaint in refusal(nested("judge.gate.rules", [{"above": 0.1}, rule]))


def test_rules_are_read_and_replace_the_shorthand():
    given = nested("judge.gate.rules", [{"above": 1}, {"versus": "knn", "slice": "genre:jazz"}])
    above, versus = parse_config(given, "mine.yaml").judge.gate.rules
    assert type(above.above) is float and (versus.versus, versus.slice) == ("knn", "genre:jazz")
    given["judge"]["gate"]["floor"] = 0.1
    assert "`judge.gate.floor` cannot stand beside `rules`, which replace it" in refusal(given)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({}, "catalogue"),
        ({"catalogue": {}}, "catalogue.path"),
        (nested("catalogue.imported_from.format", "olga"), "catalogue.imported_from.source"),
    ],
)
def test_a_missing_key_is_asked_for(given, key):
    assert refusal(given) == f"mine.yaml: `{key}` is missing; add it."


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("graph.fractions", [0.5, 0.25, 0.25], (0.5, 0.25, 0.25)),
        ("judge.k", [1, 20], (1, 20)),
        ("trainer.network.backend_units", [], ()),
        ("trainer.network.backend_units", [8, 4], (8, 4)),
        ("trainer.features.modalities", ["audio"], ("audio",)),
        ("trainer.training.margin", 1, 1.0),
        # PyYAML takes this for a text, a person does not.
        ("trainer.training.learning_rate", "2e-3", 0.002),
        ("schema", None, None),
        ("beam.options", ["--direct_num_workers=2"], ("--direct_num_workers=2",)),
    ],
)
def test_a_value_is_read_as_it_is_meant(key, value, read):
    found = parse_config(nested(key, value), "mine.yaml")
    for part in key.split("."):
        found = getattr(found, part)
    assert found == read and type(found) is type(read)


def test_a_configuration_survives_its_own_dictionary():
    config = parse_config(nested("trainer.network.backend_units", [8]), "mine.yaml")
    assert dataclasses.asdict(config.trainer)["network"]["backend_units"] == (8,)


@pytest.mark.parametrize(
    ("trainer", "told"),
    [
        ({"system": "diffusion"}, "the walks of 'diffusion' go over the whole graph; gnn and dnn"),
        ({"system": "contrastive"}, "'contrastive' hears no neighbour; gnn and dnn"),
        ({"system": "gnn", "pretrained": "contrastive"}, "`trainer.pretrained`"),
        ({"system": "gnn", "network": {"convolutions": 3}}, "2 `graph.fan_outs` for 3"),
    ],
    ids=["walks", "content alone", "pretrained", "too few hops"],
)
def test_what_cannot_be_trained_on_subgraphs_is_refused(trainer, told):
    graph = {"sampling": "subgraphs", "fan_outs": [10, 5]}
    message = refusal({"catalogue": {"path": "mine"}, "graph": graph, "trainer": trainer})
    assert message.startswith("mine.yaml: `graph.sampling` cannot be 'subgraphs', as ")
    assert told in message


@pytest.mark.parametrize(
    ("trainer", "fan_outs", "modalities"),
    [
        ({"system": "gnn", "network": {"convolutions": 2}}, (10, 5), None),
        ({"system": "gnn", "network": {"convolutions": 1}}, (10,), None),
        # The sampler makes no subgraph without a hop; a random vector needs an id alone.
        ({"system": "dnn", "features": {"modalities": ["random"]}}, (1,), ()),
        (
            {
                "system": "gnn",
                "network": {"convolutions": 1},
                "features": {"modalities": ["random", "audio"]},
            },
            (10,),
            ("audio",),
        ),
    ],
    ids=["two hops", "one hop", "none", "some content"],
)
def test_subgraphs_reach_as_far_as_the_network_and_hold_what_it_reads(
    trainer, fan_outs, modalities
):
    graph = {"sampling": "subgraphs", "fan_outs": [10, 5]}
    given = {"catalogue": {"path": "mine"}, "graph": graph, "trainer": trainer}
    config = parse_config(given, "mine.yaml")
    reach = reach_of(config.graph, config.trainer)
    assert (reach.fan_outs, reach.modalities) == (fan_outs, modalities)


def test_a_broken_configuration_is_told_before_anything_heavy_is_imported(tmp_path):
    (tmp_path / "mine.yaml").write_text("catalogue: {path: nowhere}\n")
    script = (
        "import sys, pipeline.run\n"
        "assert pipeline.run.main() == 2\n"
        "heavy = {'tensorflow', 'tfx', 'apache_beam', 'numpy', 'pandas', 'pyarrow'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    command = [sys.executable, "-c", script, "--config", str(tmp_path / "mine.yaml")]
    home = {"ARTIST_SIM_HOME": str(tmp_path / "home")}
    ended = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, **home}, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert "There is no catalogue folder 'nowhere'" in ended.stderr
