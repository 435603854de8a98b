"""Estimates, term by term as one would reckon them on paper, and what must hold of any of them."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.catalogue_example_gen import training_cost as cost
from components.catalogue_example_gen.config import BuildConfig
from components.catalogue_example_gen.training_cost import (
    Size,
    cost_in_memory,
    cost_streamed,
    heard,
)
from trainer.config import LAYERS, DiffusionConfig, NetworkConfig, TrainerConfig, TrainingConfig
from trainer.subgraph_stream import SHUFFLED_BYTES

# 1,000 training artists, each with 10 neighbours among them, in 9 folds.
SIZE = Size(1250, 7812.5, content_bytes=100.0, words=2.0, numbers=30.0)
BATCH = 1000 / 9
SMALL = NetworkConfig(convolutions=1, convolution_units=16, backend_units=(8,), embedding_dim=4)
GNN = TrainerConfig(system="gnn", network=SMALL)
LOADED = cost.PROCESS + 1250 * (400 + 3 * 100 + 120 * 2) + 2 * 7812.5 * 130 + 2 * 4 * 1250 * 30
"""The process, artists, lists of neighbours, and features, of any system."""


OPENED = 4 + 2 * 7812.5 * 4e-6
"""Seconds until the graph is loaded and a step compiled."""
SORTED = 5e-7 * 0.8**2 * 2 * 7812.5 * 10 / 25
"""Of each fold: edges among training artists, whose lists are 10 long and may be 25."""


def met(draws: float) -> float:
    """Of 1,000, drawn so often."""
    return 1000 * (1 - math.exp(-draws / 1000))


def test_who_is_heard():
    """10 neighbours, and 5 each of theirs, of whom 55 in a hundred are new."""
    followed, held = heard(SIZE, BuildConfig(), (25, 5))
    assert followed == pytest.approx(10 + 50)
    assert held == pytest.approx(1 + met(10 + 0.55 * 50))
    # All 20 that a neighbour has, where the fan-out leaves them.
    assert heard(SIZE, BuildConfig(), (25, 25))[0] == pytest.approx(10 + 200)
    assert heard(SIZE, BuildConfig(), (3,)) == (3, pytest.approx(1 + met(3)))
    assert heard(SIZE, BuildConfig(), ()) == (0, 1)


def test_a_convolution_in_memory():
    found = cost_in_memory(SIZE, BuildConfig(), GNN)
    # Of a batch all hear 10 and themselves.
    said = met(BATCH * (1 + met(10)))
    # 30 numbers in: messages of 16, and states of 16 from both; then 16 to 8 to 4.
    operations = 2 * 16 * (said * 30 + BATCH * (30 + 16)) + 2 * BATCH * (16 * 8 + 8 * 4)
    numbers = said * 30 + said * 16 + BATCH * (30 + 2 * 16) + BATCH * (8 + 4)
    step = 4 * (2 * numbers + 3 * BATCH**2)
    assert found.memory == pytest.approx(LOADED + step)
    fold = 0.03 + SORTED + 3 * operations / 1e11 + 2e-8 * BATCH**2
    # The batch hears 10 each, forth and back.
    assert found.epoch == pytest.approx(9 * (fold + 3 * BATCH * 10 * 16 * 1e-9))
    assert (found.disk, found.before) == (0, pytest.approx(OPENED))


def test_a_second_convolution_is_of_all_that_the_batch_hears():
    network = dataclasses.replace(SMALL, convolutions=2)
    one, two = (
        cost_in_memory(SIZE, BuildConfig(), dataclasses.replace(GNN, network=each)).epoch
        for each in (SMALL, network)
    )
    first, second = met(BATCH * (1 + met(10))), met(BATCH * (1 + met(10 + 0.55 * 200)))
    # In place of 30 the last one has 16 numbers in.
    more = 2 * 16 * (second * 30 + first * (30 + 16) + first * 16 + BATCH * (16 + 16))
    more -= 2 * 16 * (first * 30 + BATCH * (30 + 16))
    heard_first = 3 * first * 10 * 16 * 1e-9
    assert two - one == pytest.approx(9 * (3 * more / 1e11 + heard_first))


def test_other_layers_take_what_they_were_measured_to():
    """gated_gcn 6 times the dense work; the rest is the same."""
    times = {
        layer: cost_in_memory(
            SIZE,
            BuildConfig(),
            dataclasses.replace(GNN, network=dataclasses.replace(SMALL, layer=layer)),
        ).epoch
        for layer in LAYERS
    }
    said = met(BATCH * (1 + met(10)))
    dense = 9 * 3 * 2 * 16 * (said * 30 + BATCH * (30 + 16)) / 1e11
    assert times["gated_gcn"] - times["sage_mean"] == pytest.approx(5 * dense)
    assert times["gin"] - times["sage_mean"] == pytest.approx(-0.2 * dense)


def test_without_a_convolution_only_the_batch_is_computed():
    found = cost_in_memory(SIZE, BuildConfig(), dataclasses.replace(GNN, system="dnn"))
    operations = 2 * BATCH * (30 * 8 + 8 * 4)
    fold = 0.03 + SORTED + 3 * operations / 1e11 + 2e-8 * BATCH**2
    assert found.epoch == pytest.approx(9 * fold)
    assert found.memory == pytest.approx(
        LOADED + 4 * (2 * (BATCH * 30 + BATCH * (8 + 4)) + 3 * BATCH**2)
    )


def test_subgraphs():
    build = BuildConfig(fan_outs=(5,))
    found, whole = cost_streamed(SIZE, build, GNN), cost_in_memory(SIZE, build, GNN)
    roots, held = 1250 * 0.9, 1 + met(5)
    assert found.disk == pytest.approx(roots * held * (6.5 + 0.9 * 100))
    assert found.before == pytest.approx(4 + 53 + roots * (1.4e-4 * 5 + 2.7e-7 * held * 100))
    # The network is the same; lists are cut already.
    streamed = roots * held * (2.5e-6 + 1.3e-8 * 100)
    assert found.epoch - whole.epoch == pytest.approx(streamed - 9 * SORTED)
    stream = 150 * 1250 + roots * held * (60 + 100) + 3 * BATCH * held * (700 + 100)
    assert found.memory == pytest.approx(cost.PROCESS + stream + whole.memory - LOADED)


def test_walks():
    trainer = TrainerConfig(diffusion=DiffusionConfig(embedding_dim=8, hops=2, reach=20))
    found = cost_in_memory(SIZE, BuildConfig(), trainer)
    # At first the walks of all who are a neighbour of the fold's, to their 10; then the fold's own,
    # over 10 neighbours with what these have visited.
    visits = met(BATCH * 10) * 10 + met(BATCH) * 10 * (1 + met(10))
    fold = 0.03 + 7.5e-8 * visits + 1.7e-7 * BATCH**2 + 3.5e-8 * 1000 * 8
    assert found.epoch == pytest.approx(9 * fold)
    held = 2 * 8 * 1000 * 20 + 2**23 * 12 + 16 * 1000 * 8 + 4 * 20 * BATCH**2
    assert found.memory == pytest.approx(LOADED + held)


def test_encoders():
    trainer = TrainerConfig(system="contrastive")
    found = cost_in_memory(SIZE, BuildConfig(vocabulary_size=40), trainer)
    assert found.epoch == pytest.approx(1000 * 2.8e-4)
    assert found.before == pytest.approx(OPENED - 4 + 12)
    assert found.memory == pytest.approx(LOADED + 4 * 5 * 128 * 256 * (30 + 40 + 1))
    pretrained = dataclasses.replace(
        GNN, pretrained="contrastive", training=TrainingConfig(epochs=7)
    )
    before = cost_in_memory(SIZE, BuildConfig(), pretrained).before
    assert before == pytest.approx(OPENED + 12 + 7 * 1000 * 2.8e-4)


def test_the_shuffle_is_the_streams():
    assert cost.SHUFFLED == SHUFFLED_BYTES


SIZES = st.builds(
    Size,
    artists=st.integers(100, 10**7),
    edges=st.integers(100, 10**8),
    content_bytes=st.floats(0, 10_000),
    words=st.floats(0, 100),
    numbers=st.floats(1, 5_000),
)
TRAINERS = [
    dataclasses.replace(GNN, network=NetworkConfig(convolutions=2)),
    dataclasses.replace(GNN, network=NetworkConfig(layer="gated_gcn")),
    TrainerConfig(system="dnn"),
    TrainerConfig(),
    TrainerConfig(system="contrastive"),
]


@given(SIZES, st.sampled_from(TRAINERS), st.data())
def test_more_of_anything_takes_no_less(size, trainer, data):
    name = data.draw(st.sampled_from([field.name for field in dataclasses.fields(Size)]))
    times = data.draw(st.integers(2, 10))
    more = dataclasses.replace(size, **{name: times * getattr(size, name)})
    if name == "artists":
        # With as many edges as before each would have fewer.
        more = dataclasses.replace(more, edges=times * size.edges)
        # And as many to a fold, which fill batches of one size.
        trainer = dataclasses.replace(trainer, training=TrainingConfig(max_batch=10))
    ways = [cost_in_memory, *([cost_streamed] if trainer.system in ("gnn", "dnn") else [])]
    for way in ways:
        before, after = (way(one, BuildConfig(), trainer) for one in (size, more))
        for name, less in dataclasses.asdict(before).items():
            # Up to folds, which are whole.
            assert getattr(after, name) >= less * 0.999, name
