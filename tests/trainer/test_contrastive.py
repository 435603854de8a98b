"""The contrastive system keeps the contract of all systems, and what it alone promises."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf

from catalogues.errors import InputError
from pipeline.config import parse_config
from tests.trainer.graphs import graph_of, two_communities, vectors, words
from tests.trainer.small_systems import (
    small_contrastive_config,
    small_system,
    statistics_of,
)
from tests.trainer.test_gnn import OfAnyGraph, TrainedSystemContract
from tests.trainer.test_info_nce import slow_info_nce
from trainer.config import ContrastiveConfig, EncoderConfig, FeatureConfig, TrainerConfig
from trainer.content import ContentEncoder, raw_content
from trainer.run_fn import trainer_config
from trainer.systems.contrastive import with_several
from trainer.systems.registry import make_system
from trainer.systems.servable import TrainingRun


class OfTheModalitiesThere(OfAnyGraph):
    """Gives up the encoders of modalities that a graph does not have."""

    def fit(self, graph, validation):
        contrastive = self._config.contrastive
        encoders = tuple(e for e in contrastive.encoders if e.modality in graph.content)
        self._config = changed(self._config, encoders=encoders)
        super().fit(graph, validation)


class TestContrastive(TrainedSystemContract):
    needs_content = True

    def make_system(self):
        # A word that everyone has is nothing to PPMI, which leaves one modality to `awkward`.
        config = small_contrastive_config(epochs=12)
        return OfTheModalitiesThere(
            dataclasses.replace(config, features=FeatureConfig(words="bag"))
        )


def changed(config, **contrastive):
    return dataclasses.replace(
        config, contrastive=dataclasses.replace(config.contrastive, **contrastive)
    )


def fitted(case=None, config=None, run=None):
    case = case or two_communities()
    system = small_system(case.graph, config or small_contrastive_config(epochs=2), run)
    system.fit(case.graph, case.truth("val"))
    return case, system


def built(case, config=None):
    system = small_system(case.graph, config or small_contrastive_config())
    task = system.task(case.graph, case.truth("val"))
    return task, task.build(), system


def three_modalities(num=10):
    """Training artists but the last two, which are of val; see `HAVE` for what they have."""
    rng = np.random.default_rng(4)

    def some(column):
        return vectors([list(rng.normal(size=3)) if HAVE[i][column] else None for i in range(num)])

    tags = words([{f"w{i % 4}": 1.0} if HAVE[i][2] else {} for i in range(num)])
    content = {"audio": some(0), "listening": some(1), "tags": tags}
    return graph_of([(i, i + 1) for i in range(num - 1)], [0] * 8 + [1, 1], content)


HAVE = [(1, 1, 1)] * 3 + [(1, 0, 1), (0, 1, 1), (1, 1, 0), (0, 0, 1), (0, 0, 0)]
HAVE += [(1, 1, 1), (1, 1, 0)]


def test_the_loss_is_the_sum_over_all_pairs_of_modalities():
    case = three_modalities()
    task, network, system = built(case)
    rows = np.arange(10)
    features = tf.gather(task._features, rows)
    encoded = [part.numpy() for part in network.encode(features)]
    has = np.array(HAVE, bool).T
    expected = sum(
        slow_info_nce(encoded[a], encoded[b], has[a] & has[b], 0.1).sum()
        for a, b in itertools.combinations(range(3), 2)
    )
    found = task.loss(tf.constant(rows), tf.constant([0, 0], tf.int64))
    assert float(found) == pytest.approx(expected / 10, rel=1e-4)


def test_every_encoder_is_taught():
    task, network, _ = built(three_modalities())
    with tf.GradientTape() as tape:
        loss = task.loss(next(task.batches(0)), tf.constant([0, 0], tf.int64))
    gradients = tape.gradient(loss, network.trainable_variables)
    by_name = zip(network.trainable_variables, gradients, strict=True)
    untaught = {v.name for v, gradient in by_name if gradient is None}
    assert len(network.encoders) == 3 and not untaught


@pytest.mark.parametrize("require, expected", [("two", [0, 1, 2, 3, 4, 5]), ("all", [0, 1, 2])])
def test_which_artists_are_learnt_from(require, expected):
    task, _, _ = built(three_modalities(), changed(small_contrastive_config(), require=require))
    assert sorted(np.concatenate(list(task.batches(3)))) == expected


def test_a_modality_of_no_training_artist_is_asked_of_nobody():
    present = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 0, 1]], bool)
    training = np.array([True, True, True, False])
    assert with_several(present, training, "all").tolist() == [True, True, False, False]
    assert with_several(present, training, "two").tolist() == [True, True, False, False]


def test_each_artist_is_in_one_batch_of_an_epoch_and_none_is_alone():
    task, _, _ = built(two_communities(), changed(small_contrastive_config(), batch_size=2))
    seen = []
    for epoch in range(3):
        batches = list(task.batches(epoch))
        assert len(batches) == task.num_batches and min(map(len, batches)) > 1
        seen.append(np.concatenate(batches))
    assert all(sorted(one) == sorted(seen[0]) for one in seen)
    assert (seen[0] != seen[1]).any()


def test_no_edge_is_learnt_from():
    """Other training edges and other validation edges leave every weight as it is."""
    case, system = fitted()
    graph = dataclasses.replace(case.graph, neighbors=0 * case.graph.neighbors)
    graph.neighbors.eliminate_zeros()
    other = small_system(graph, small_contrastive_config(epochs=2))
    other.fit(graph, sp.csr_matrix(case.hidden.shape, dtype=np.float32))
    for one, two in zip(system.network.variables, other.network.variables, strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_loss_on_validation_artists_chooses_the_epoch_unless_ndcg_is_asked_for():
    case = three_modalities()
    task, network, _ = built(case)
    loss = float(task.loss(tf.constant([8, 9]), tf.constant([0, 0], tf.int64)))
    assert task.validation_score({"connected": 0.7}) == pytest.approx(-loss)
    task, _, _ = built(case, changed(small_contrastive_config(), stop_by="ndcg"))
    assert task.validation_score({"connected": 0.7}) == 0.7


def test_without_validation_artists_to_compare_the_last_epoch_is_kept():
    case = three_modalities()
    case = dataclasses.replace(case, graph=dataclasses.replace(case.graph, split=np.zeros(10)))
    reports = []
    run = TrainingRun(on_epoch=reports.append)
    fitted(case, small_contrastive_config(epochs=2), run)
    assert len(reports) == 2 and all(np.isnan(report.score) for report in reports)


def test_an_embedding_is_the_mean_direction_of_the_modalities_there():
    case, system = fitted(three_modalities())
    features = system.whole_graph(case.graph, case.graph.neighbors).features
    encoded = [part.numpy() for part in system.network.encode(features)]
    expected = np.zeros_like(encoded[0])
    for row, has in enumerate(HAVE):
        for m in np.flatnonzero(has):
            expected[row] += encoded[m][row] / np.linalg.norm(encoded[m][row])
    length = np.linalg.norm(expected, axis=1, keepdims=True)
    expected /= np.where(length > 0, length, 1)
    embedding = system.embed(case.graph, case.graph.neighbors)
    np.testing.assert_allclose(embedding, expected, atol=1e-5)
    assert not embedding[7].any() and np.linalg.norm(embedding, axis=1).sum() == pytest.approx(9)


def test_words_that_training_does_not_know_are_no_content():
    case, system = fitted()
    bags = [{"unheard of": 3.0}] * len(case.graph)
    unheard = dataclasses.replace(case.graph, content={"tags": words(bags)})
    unheard.content["audio"] = vectors([None] * 23 + [[0.0] * 4])
    embedding = system.embed(unheard, unheard.neighbors)
    assert not embedding[:23].any() and embedding[23].any()


def test_many_artists_are_embedded_as_few_are():
    """In blocks, the last of which is not full."""
    case, system = fitted()
    features = system.whole_graph(case.graph, case.graph.neighbors).features
    many = tf.tile(features, [50, 1])[:1100]
    few = system.network.embed(features).numpy()
    expected = np.tile(few, (50, 1))[:1100]
    np.testing.assert_allclose(system.network.embed(many), expected, atol=1e-5)
    assert system.network.embed(features[:0]).shape == (0, 8)


def test_a_killed_and_resumed_training_ends_the_same(tmp_path):
    def trained(checkpoints=None, stop=None):
        def on_epoch(report):
            if report.epoch == stop:
                raise KeyboardInterrupt

        run = TrainingRun(checkpoints, None, on_epoch)
        _, system = fitted(config=small_contrastive_config(epochs=4), run=run)
        return [variable.numpy() for variable in system.network.variables]

    expected = trained()
    with pytest.raises(KeyboardInterrupt):
        trained(str(tmp_path), stop=2)
    for found, wanted in zip(trained(str(tmp_path)), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_mixed_precision_keeps_weights_and_vectors_in_float32():
    case, system = fitted(config=small_contrastive_config(epochs=2, mixed_precision=True))
    assert {v.dtype for v in system.network.trainable_variables} == {tf.float32}
    embedding = system.embed(case.graph, case.graph.neighbors)
    assert embedding.dtype == np.float32 and np.isfinite(embedding).all()


def test_its_own_learning_rate_is_used():
    config = changed(small_contrastive_config(learning_rate=0.5), learning_rate=0.003)
    system = small_system(two_communities().graph, config)
    assert system.training_config == dataclasses.replace(config.training, learning_rate=0.003)


def test_the_usual_encoders_are_those_of_the_paper():
    config = ContrastiveConfig((EncoderConfig("chroma", units=(7,)),))
    assert config.encoder("listening", words=False).units == (256,)
    assert config.encoder("audio", words=False).units == (512, 256)
    assert config.encoder("tags", words=True) == EncoderConfig("tags", "attention", (256,), 4)
    assert config.encoder("chroma", words=True).units == (7,)


def test_the_configuration_comes_back_from_plain_values():
    config = small_contrastive_config()
    assert trainer_config(json.loads(json.dumps(dataclasses.asdict(config)))) == config


def test_it_is_configured_as_everything_is():
    encoders = [{"modality": "tags", "kind": "attention", "units": [64], "heads": 2}]
    given = {"system": "contrastive", "contrastive": {"encoders": encoders, "require": "all"}}
    config = parse_config({"catalogue": {"path": "x"}, "trainer": given}, "a.yaml").trainer
    assert config.contrastive == ContrastiveConfig(
        (EncoderConfig("tags", "attention", (64,), 2),), require="all"
    )
    encoders[0]["units"] = [65]
    with pytest.raises(InputError, match="contrastive.encoders.0.*one width that can be divided"):
        parse_config({"catalogue": {"path": "x"}, "trainer": given}, "a.yaml")


@pytest.mark.parametrize(
    "encoder, message",
    [
        (EncoderConfig("tag"), "modality 'tag' is not read .did you mean 'tags'"),
        (EncoderConfig("audio", "attention"), "modality 'audio' has no words"),
    ],
)
def test_an_encoder_that_does_not_fit_is_refused(encoder, message):
    config = changed(small_contrastive_config(), encoders=(encoder,))
    with pytest.raises(InputError, match=message):
        built(two_communities(), config)


def test_artists_with_one_modality_each_are_refused():
    case = two_communities()
    content = {"tags": case.graph.content["tags"]}
    case = dataclasses.replace(case, graph=dataclasses.replace(case.graph, content=content))
    with pytest.raises(InputError, match="fewer than two training artists"):
        built(case, changed(small_contrastive_config(), encoders=()))


def with_factors(graph):
    """Statistics with two factors for each word of 'tags'."""
    statistics = statistics_of(graph)
    for entry in statistics["modalities"]:
        if entry["kind"] == "categories":
            num_words = len(entry["vocabulary"])
            entry["factors"] = np.random.default_rng(6).normal(size=(num_words, 2)).astype("f")
    return statistics


def test_ppmi_is_read_unless_something_else_is_asked_for():
    case = two_communities()
    statistics = statistics_of(case.graph)
    raw = raw_content(case.graph)
    ppmi = ContentEncoder(FeatureConfig(words="ppmi"), statistics)(raw)
    config = TrainerConfig("contrastive")
    np.testing.assert_array_equal(make_system(config, statistics).encoder(raw), ppmi)
    bag = dataclasses.replace(config, features=FeatureConfig(words="bag"))
    assert np.any(make_system(bag, statistics).encoder(raw) != ppmi)


def test_attention_begins_with_the_factors_of_the_catalogue():
    case = two_communities()
    statistics = with_factors(case.graph)
    config = small_contrastive_config()
    network = make_system(config, statistics).task(case.graph, case.truth("val")).build()
    vectors = next(v for v in network.variables if "word_vectors" in v.name)
    factors = next(m["factors"] for m in statistics["modalities"] if m["name"] == "tags")
    np.testing.assert_array_equal(vectors, factors)


def test_factors_of_words_are_a_vector_as_any_other():
    case = two_communities()
    statistics = with_factors(case.graph)
    config = dataclasses.replace(
        small_contrastive_config(epochs=1), features=FeatureConfig(words="factors")
    )
    with pytest.raises(InputError, match="'tags' has no words to attend to"):
        make_system(config, statistics).task(case.graph, case.truth("val"))
    system = make_system(changed(config, encoders=()), statistics)
    system.fit(case.graph, case.truth("val"))
    assert np.isfinite(system.embed(case.graph, case.graph.neighbors)).all()


@pytest.mark.parametrize("units", [(), (256, 256), (30,)])
def test_attention_has_one_width_for_all_heads(units):
    with pytest.raises(ValueError, match="^units of attention must be one width"):
        EncoderConfig("tags", "attention", units)


def test_an_encoder_is_named_once():
    with pytest.raises(ValueError, match="^encoders must name each modality once"):
        ContrastiveConfig((EncoderConfig("a"), EncoderConfig("a", units=(3,))))
