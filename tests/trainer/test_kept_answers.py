"""What is kept of `similar` is what is computed, to the bit, and is what is answered."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.ego_graphs import spec_of
from tests.trainer.graphs import HiddenGraph
from tests.trainer.saved_models import weighted_case
from tests.trainer.small_systems import small_config, small_diffusion_config, small_system
from trainer import kept_answers
from trainer.export import ServedModel
from trainer.run_fn import keep_answers

KEPT = 3


def served(case: HiddenGraph, make_config) -> ServedModel:
    system = small_system(case.graph, make_config(epochs=1))
    system.fit(case.graph, case.truth("val"))
    if system.config.system == "diffusion":
        system.network.pairwise.constants.assign((0.5, 0.25, 0.1))
    return ServedModel(system, case.graph, spec_of(case.graph))


@pytest.fixture(scope="module", params=[small_config, small_diffusion_config])
def model(request: pytest.FixtureRequest) -> ServedModel:
    """By vectors alone, and by pairs as well."""
    return served(weighted_case(), request.param)


def ask(model: ServedModel, ids, k: int) -> dict[str, np.ndarray]:
    found = model._similar.similar()(tf.constant(ids), tf.constant(k))
    return {name: value.numpy() for name, value in found.items()}


@pytest.mark.parametrize("k", [-1, 0, 1, KEPT, KEPT + 1, 99])
def test_what_is_kept_is_what_is_computed(model, k):
    ids = [*model.artist_id.numpy(), b"nobody"]
    model.keep_answers(0)
    expected = ask(model, ids, k)
    done = []
    model.keep_answers(KEPT, done.append)
    assert sum(done) == len(ids) - 1
    found = ask(model, ids, k)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    assert not found["known"][-1] and not found["score"][-1].any()


def test_no_more_than_kept_is_looked_up_and_more_is_computed(model):
    model.keep_answers(KEPT)
    ids = model.artist_id.numpy()[:2]
    before = [ask(model, ids, k)["score"] for k in (KEPT, KEPT + 1)]
    model._kept.score.assign_add(tf.ones_like(model._kept.score))
    after = [ask(model, ids, k)["score"] for k in (KEPT, KEPT + 1)]
    np.testing.assert_allclose(after[0], before[0] + 1, rtol=1e-6)
    np.testing.assert_array_equal(after[1], before[1])


def test_more_than_there_are_are_not_kept(model):
    num_artists = len(model.artist_id.numpy())
    model.keep_answers(num_artists + 5)
    assert model._kept.num_kept == num_artists - 1
    answer = ask(model, model.artist_id.numpy(), num_artists + 5)
    assert answer["similar_id"].shape == (num_artists, num_artists - 1)
    # Nobody is similar to oneself.
    assert (answer["similar_id"] != model.artist_id.numpy()[:, None]).all()


@pytest.mark.parametrize("num_kept, told", [(3, True), (0, False)])
def test_too_many_artists_keep_no_answers_and_the_run_says_so(monkeypatch, capsys, num_kept, told):
    asked = []

    class Model:
        def keep_answers(self, num_kept, on_artists):
            asked.append(num_kept)

    monkeypatch.setattr(kept_answers, "MAX_SCORES", 81)
    keep_answers(Model(), 9, num_kept)
    assert "no answers are kept" not in capsys.readouterr().out
    keep_answers(Model(), 10, num_kept)
    assert ("10 artists have more scores than" in capsys.readouterr().out) == told
    assert asked == [num_kept, 0]


def test_the_largest_catalogue_that_is_measured_keeps_its_answers():
    assert kept_answers.can_be_kept(136_731) and not kept_answers.can_be_kept(141_422)
