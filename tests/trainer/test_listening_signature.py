"""The signature `listening` folds in as the builder does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.ego_graphs import spec_of
from tests.trainer.graphs import graph_of, vectors
from tests.trainer.small_systems import small_config, small_system
from tests.trainer.test_listener_factors import factors_of
from trainer.config import FeatureConfig
from trainer.export import ServedModel
from trainer.listening_signature import ListeningSignature

RNG = np.random.default_rng(4)
KNOWN = factors_of(RNG.normal(size=(6, 3)), alpha=2.0, epsilon=3.0, regularization=0.5)
IDS = KNOWN.listener_id.tolist()
UNKNOWN = ["", "somebody", "0", "000006"]


@pytest.fixture(scope="module")
def listening():
    signature = ListeningSignature(KNOWN)
    function = signature.listening().get_concrete_function()

    def ask(*artists, width=None):
        """The answers to artists, each a list of (listener, plays)."""
        width = width or max(map(len, artists))
        names = np.full((len(artists), width), "", object)
        plays = np.zeros((len(artists), width), np.float32)
        for row, given_plays in enumerate(artists):
            names[row, : len(given_plays)] = [name for name, _ in given_plays]
            plays[row, : len(given_plays)] = [count for _, count in given_plays]
        answer = function(
            listener_id=tf.constant(names.tolist(), tf.string, [len(artists), width]),
            plays=tf.constant(plays),
        )
        return {name: value.numpy() for name, value in answer.items()}

    # The variables die with it.
    ask.signature = signature
    return ask


def expected(plays) -> tuple[np.ndarray, int]:
    """What the builder makes of an artist's rows, and of how many listeners."""
    totals: dict[int, float] = {}
    for name, count in plays:
        if name in IDS and count > 0:
            totals[IDS.index(name)] = totals.get(IDS.index(name), 0.0) + count
    rows = np.array(sorted(totals), np.int64)
    return KNOWN.fold_in(rows, np.array([totals[row] for row in sorted(totals)])), len(rows)


rows_of_plays = st.lists(
    st.tuples(
        st.sampled_from(IDS + UNKNOWN),
        st.one_of(st.just(0.0), st.floats(0.015625, 1e6, width=32), st.just(float(2**127))),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(st.lists(rows_of_plays, min_size=1, max_size=4))
def test_it_is_what_the_builder_makes_of_the_same_plays(listening, artists):
    answer = listening(*artists, width=max(1, *map(len, artists)))
    for row, plays in enumerate(artists):
        vector, count = expected(plays)
        np.testing.assert_allclose(answer["listening"][row], vector, rtol=1e-5, atol=1e-5)
        assert answer["known_listeners"][row] == count
        assert answer["listening_present"][row] == int(count > 0)


def test_who_has_no_plays_of_a_known_listener_has_zeros(listening):
    answer = listening([("somebody", 5.0)], [(IDS[0], 0.0)], [(IDS[0], 1.0)])
    assert answer["listening_present"].tolist() == [0, 0, 1]
    assert answer["known_listeners"].tolist() == [0, 0, 1]
    assert not answer["listening"][:2].any()
    assert answer["listening"][2].any()
    assert answer["listening"].dtype == np.float32
    assert answer["listening_present"].dtype == answer["known_listeners"].dtype == np.int64


def test_padding_may_have_any_number(listening):
    clean = listening([(IDS[2], 3.0), ("", 0.0)])
    for number in (-1.0, np.nan, np.inf):
        noisy = listening([(IDS[2], 3.0), ("", number)])
        np.testing.assert_array_equal(noisy["listening"], clean["listening"])


@pytest.mark.parametrize("number", [-1.0, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("listener", [IDS[0], "somebody"])
def test_what_are_no_plays_is_refused(listening, listener, number):
    told = "plays has a number that is negative, NaN or infinite"
    with pytest.raises(tf.errors.InvalidArgumentError, match=told):
        listening([(IDS[1], 1.0)], [(listener, number)])


def test_plays_of_another_shape_are_refused(listening):
    ask = listening.signature.listening().get_concrete_function()
    told = "plays must have one number for each listener_id"
    with pytest.raises(tf.errors.InvalidArgumentError, match=told):
        ask(listener_id=tf.constant([["a", "b"]]), plays=tf.constant([[1.0]]))


def test_nobody_and_no_listener():
    ask = ListeningSignature(KNOWN)
    answer = ask.listening()(tf.zeros([0, 3], tf.string), tf.zeros([0, 3]))
    assert answer["listening"].shape == (0, 3)
    answer = ask.listening()(tf.zeros([2, 0], tf.string), tf.zeros([2, 0]))
    assert answer["known_listeners"].numpy().tolist() == [0, 0]


def test_a_model_without_listeners_knows_none():
    ask = ListeningSignature(factors_of(np.zeros((0, 3)), regularization=2.0))
    answer = ask.listening()(tf.constant([["", "a"]]), tf.constant([[1.0, 1.0]]))
    assert answer["listening_present"].numpy().tolist() == [0]
    assert answer["listening"].numpy().tolist() == [[0, 0, 0]]


def case():
    """Six artists in a ring, four of which have a vector of what plays become."""
    listened = vectors([RNG.normal(size=3).tolist() if i < 4 else None for i in range(6)])
    audio = vectors([RNG.normal(size=2).tolist() for _ in range(6)])
    ring = [(i, (i + 1) % 6) for i in range(6)]
    return graph_of(ring, [0, 0, 0, 0, 1, 1], {"audio": audio, "listening": listened})


def saved(folder, listeners, modalities):
    one = case()
    config = small_config(epochs=1)
    config = dataclasses.replace(config, features=FeatureConfig(modalities=modalities))
    system = small_system(one.graph, config)
    system.fit(one.graph, one.truth("val"))
    ServedModel(system, one.graph, spec_of(one.graph), listeners=listeners).save(str(folder))
    return tf.saved_model.load(str(folder))


def test_a_saved_model_answers_and_is_warmed_up_for_it(listening, tmp_path):
    model = saved(tmp_path / "model", KNOWN, ("audio", "listening"))
    asked = {"listener_id": [[IDS[0], IDS[3]]], "plays": [[2.0, 7.0]]}
    answer = model.signatures["listening"](**{k: tf.constant(v) for k, v in asked.items()})
    ours = listening([(IDS[0], 2.0), (IDS[3], 7.0)])
    np.testing.assert_allclose(answer["listening"], ours["listening"], atol=1e-6)
    requests = (tmp_path / "model" / "assets.extra" / "tf_serving_warmup_requests").read_bytes()
    assert b"listener_id" in requests


@pytest.mark.parametrize(
    ("listeners", "modalities"),
    [(None, ("listening",)), (KNOWN, ("audio",))],
    ids=["no plays", "not read"],
)
def test_a_model_to_which_plays_say_nothing_has_no_such_signature(tmp_path, listeners, modalities):
    model = saved(tmp_path / "model", listeners, modalities)
    assert "listening" not in model.signatures
