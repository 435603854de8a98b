"""Decisions about catalogues of forty artists, worked out by hand."""

from __future__ import annotations

import dataclasses

import pytest

from components.retraining.config import RetrainConfig
from components.retraining.decision import Change, Served, decide
from tests.components.retraining.tagged_artists import CONFIGURATION, ring, statistics

CONFIG = RetrainConfig(
    when="changed",
    min_changed_artists=0.1,
    min_changed_edges=0.2,
    drift_words=0.05,
    drift_numbers=0.1,
    max_age_days=30,
)


@pytest.fixture(scope="module")
def told():
    """Half of the artists are rock, half jazz."""
    return statistics(["rock", "jazz"] * 20)


@pytest.fixture(scope="module")
def before(told):
    return ring(40, told)


def decided(record, now, age=3.0, config=CONFIG):
    return decide(config, Served(17, age, record), now)


def test_nothing_changed(before, told):
    found = decided(before, ring(40, told))
    assert not found.train
    assert found.reason == (
        "since version 17 (span 1; today's is 1) of 40 artists 0 came and 0 went, of 40 edges 0 "
        "came and 0 went, no content has drifted, and it is 3.0 days old"
    )


def test_a_catalogue_without_spans_has_none_to_speak_of(told):
    found = decided(ring(40, told, span=0), ring(40, told, span=0))
    assert found.reason.startswith("since version 17 of 40 artists 0 came")


def test_a_new_span_with_the_same_content_is_nothing_new(before, told):
    found = decided(before, ring(40, told, span=2))
    assert not found.train
    assert "(span 1; today's is 2)" in found.reason


@pytest.mark.parametrize(("num_new", "trains"), [(3, False), (4, True)])
def test_a_tenth_of_new_artists_is_enough(before, told, num_new, trains):
    # Ids of `graph_of` are numbered, so that the ring of 44 has the 40 and 4 new ones.
    found = decided(before, ring(40 + num_new, told))
    assert found.train is trains
    if trains:
        # One edge of the ring went, five came: 15% of the edges, too few by themselves.
        assert found.reason == (
            "since version 17 (span 1; today's is 1): of 40 artists 4 came and 0 went (10.0%, "
            "`retrain.min_changed_artists` is 10.0%)"
        )


def test_artists_that_went_count_as_those_that_came(before, told):
    found = decided(before, ring(36, told))
    assert "of 40 artists 0 came and 4 went (10.0%" in found.reason


@pytest.mark.parametrize(("num_gone", "trains"), [(7, False), (8, True)])
def test_a_fifth_of_the_edges_is_enough(before, told, num_gone, trains):
    gone = [(i, i + 1) for i in range(num_gone)]
    found = decided(before, ring(40, told, without=gone))
    assert found.train is trains
    assert f"of 40 edges 0 came and {num_gone} went" in found.reason


def test_drifted_tags_are_named(before):
    # 24 of 40 are rock instead of 20: 0.6 - 0.5 is above 0.05.
    found = decided(before, ring(40, statistics(["rock"] * 24 + ["jazz"] * 16)))
    assert found.train
    assert "content has drifted: tags by 0.1 (`retrain.drift_words` is 0.05" in found.reason


def test_an_old_model(before, told):
    assert not decided(before, ring(40, told), age=29.9).train
    found = decided(before, ring(40, told), age=30.0)
    assert found.train
    assert found.reason.endswith("the served model is 30 days old (`retrain.max_age_days` is 30)")
    ageless = dataclasses.replace(CONFIG, max_age_days=None)
    assert not decided(before, ring(40, told), age=1000.0, config=ageless).train


def test_a_training_that_begins_anew_is_a_reason_when_it_is_due(before, told):
    def found(days):
        return decide(CONFIG, Served(17, 3.0, before, since_full=days), ring(40, told))

    # `full_every_days` is 30 where nobody says so; without a warm start nothing is ever due.
    assert not found(None).train and not found(29.9).train
    assert found(30.0).train
    assert found(30.0).reason.endswith(
        ": the last training that began anew was 30 days ago (`retrain.full_every_days` is 30)"
    )


def test_another_configuration(before, told):
    other = {
        "graph": CONFIGURATION["graph"],
        "trainer": {"system": "dnn", "training": {"epochs": 5}, "explorer": {"map": "pca"}},
    }
    found = decided(before, ring(40, told, configuration=other))
    assert found.train
    assert found.reason.endswith(
        ": `trainer.explorer`, `trainer.system`, `trainer.training.seed` of the configuration "
        "changed"
    )


def test_several_reasons_are_all_told(before):
    now = ring(44, statistics(["rock"] * 44))
    found = decided(before, now, age=31.0)
    for reason in ("4 came", "tags by 0.5", "31 days old"):
        assert reason in found.reason


def test_the_first_of_anything_is_a_change():
    assert Change(before=0, new=0, gone=0).share == 0
    assert Change(before=0, new=1, gone=0).share > 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("min_changed_artists", 0),
        ("min_changed_edges", 1.1),
        ("drift_words", -0.1),
        ("drift_numbers", 0),
        ("max_age_days", 0),
    ],
)
def test_values_out_of_range_are_refused(key, value):
    with pytest.raises(ValueError, match=key):
        RetrainConfig(**{key: value})
