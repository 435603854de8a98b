"""A network over contrastive embeddings: they are its features, and stay what they are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from catalogues.errors import InputError
from tests.trainer.graphs import two_communities
from tests.trainer.small_systems import (
    small_contrastive_config,
    small_pretrained_config,
    small_system,
    statistics_of,
)
from tests.trainer.test_contrastive import changed
from trainer.content import raw_content
from trainer.systems.pretrained import pretrain
from trainer.systems.servable import TrainingRun


def fitted(config, run=None):
    case = two_communities()
    system = small_system(case.graph, config, run)
    system.fit(case.graph, case.truth("val"))
    return case, system


@pytest.fixture(scope="module")
def contrastive():
    """What the encoders alone embed."""
    case, system = fitted(small_contrastive_config(epochs=2))
    return system.embed(case.graph, case.graph.neighbors)


def test_what_the_network_reads_is_what_the_encoders_alone_embed(contrastive):
    case, system = fitted(small_pretrained_config(epochs=2))
    features = system.encoder(raw_content(case.graph)).numpy()
    # Training the network has not moved them; one step of Adam would, by the learning rate, 0.02.
    np.testing.assert_allclose(features, contrastive, atol=1e-5)
    embedding = system.embed(case.graph, case.graph.visible_edges("test"))
    expected = system.network.embed_graph(
        system.whole_graph(case.graph, case.graph.visible_edges("test"))._replace(
            features=contrastive
        )
    )["embedding"]
    np.testing.assert_allclose(embedding, expected, atol=1e-6)


def test_a_killed_training_finds_both_its_parts_again(tmp_path):
    """Killed once while the encoders are trained, and once after."""
    epochs = []

    def weights(checkpoints=None, kill=None):
        def listen(phase):
            def on_epoch(report):
                epochs.append((phase, report.epoch))
                if epochs[-1] == kill:
                    raise KeyboardInterrupt

            return on_epoch

        epochs.clear()
        run = TrainingRun(checkpoints, None, listen("training"), listen("pretraining"))
        _, system = fitted(small_pretrained_config(epochs=3), run)
        return [np.array(v) for v in (*system.network.variables, *system.encoder.variables)]

    for kill in (("pretraining", 2), ("training", 2)):
        with pytest.raises(KeyboardInterrupt):
            weights(str(tmp_path), kill)
    assert epochs == [("pretraining", 3), ("training", 1), ("training", 2)]
    resumed = weights(str(tmp_path))
    assert epochs == [("training", 3)]
    expected = weights()
    assert epochs == [(phase, n) for phase in ("pretraining", "training") for n in (1, 2, 3)]
    for one, other in zip(resumed, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_encoders_are_taught_and_chosen_without_any_edge():
    """Other edges, in training or of the validation split, leave every weight as it is."""
    case = two_communities()
    lonely = dataclasses.replace(case.graph, neighbors=0 * case.graph.neighbors)
    lonely.neighbors.eliminate_zeros()
    found = [
        pretrain(
            small_pretrained_config(epochs=5), statistics_of(graph), TrainingRun(), graph, truth
        ).variables
        for graph, truth in ((case.graph, case.truth("val")), (lonely, 0 * case.truth("val")))
    ]
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("system", ["gnn", "diffusion"])
def test_content_that_has_nothing_to_compare_is_refused(system):
    case = two_communities()
    case.graph.content.pop("audio")
    config = changed(small_pretrained_config(), encoders=())
    with pytest.raises(InputError, match="do without it in `trainer.system` and `trainer.pretrai"):
        small_system(case.graph, dataclasses.replace(config, system=system)).fit(
            case.graph, case.truth("val")
        )
