"""Folds of an epoch: every training artist once, the edges among them hidden and predicted."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.graphs import graph_of
from trainer.batches import epoch_batches, message_edges, num_batches
from trainer.config import TrainingConfig
from trainer.graph import TRAIN

CONFIG = TrainingConfig(pseudo_eval_fraction=0.34, fan_out=3)


@st.composite
def random_graphs(draw):
    """Up to 15 artists of any split, weighted or not."""
    num_artists = draw(st.integers(1, 15))
    artist = st.integers(0, num_artists - 1)
    split = draw(st.lists(st.integers(0, 2), min_size=num_artists, max_size=num_artists))
    edges = draw(st.lists(st.tuples(artist, artist), max_size=60))
    if draw(st.booleans()):
        edges = [(u, v, float(1 + (u * v) % 5)) for u, v in edges]
    return graph_of(edges, split).graph


def batches_of(graph, config=CONFIG, epoch=0, convolutions=2):
    return list(
        epoch_batches(
            graph.training_edges(),
            graph.artists("train"),
            weighted=graph.weighted,
            num_convolutions=convolutions,
            config=config,
            epoch=epoch,
        )
    )


def fold_of(batch):
    traced = batch.trace
    return traced.artists[: traced.blocks[-1].num_targets]


def pairs_of(batch):
    """The pairs that count, as rows of the graph."""
    fold, counts = fold_of(batch), batch.anchor != batch.positive
    return list(
        zip(
            fold[batch.anchor[counts]].tolist(),
            fold[batch.positive[counts]].tolist(),
            strict=True,
        )
    )


def content_of(batches):
    """All numbers of some batches, to be compared."""
    return [
        array.tolist()
        for batch in batches
        for array in (
            batch.trace.artists,
            batch.anchor,
            batch.positive,
            *(
                part
                for block in batch.trace.blocks
                for part in (block.target, block.source, block.weight)
            ),
        )
    ]


@settings(max_examples=50)
@given(random_graphs(), st.booleans(), st.integers(0, 3))
def test_each_training_artist_comes_once_an_epoch(graph, xla, epoch):
    batches = batches_of(graph, dataclasses.replace(CONFIG, xla=xla), epoch)
    folds = [fold_of(batch).tolist() for batch in batches]
    assert sorted(sum(folds, [])) == graph.artists("train").tolist()
    # A fold without an artist has nothing to teach.
    assert all(folds) or not len(graph.artists("train"))


@settings(max_examples=50)
@given(random_graphs(), st.booleans(), st.integers(0, 3))
def test_edges_among_a_fold_are_predicted_and_carry_no_message(graph, xla, epoch):
    edges = graph.training_edges()
    for batch in batches_of(graph, dataclasses.replace(CONFIG, xla=xla), epoch):
        fold, artists = set(fold_of(batch).tolist()), batch.trace.artists
        expected = {(u, v) for u in fold for v in fold if edges[u, v]}
        assert len(pairs_of(batch)) == len(expected)
        assert set(pairs_of(batch)) == expected
        for block in batch.trace.blocks:
            sent = block.weight > 0
            for u, v in zip(artists[block.target[sent]], artists[block.source[sent]], strict=True):
                assert edges[u, v]
                assert not {u, v} <= fold
            assert graph.split[artists].max(initial=TRAIN) == TRAIN


@given(random_graphs())
def test_no_artist_hears_more_than_the_fan_out(graph):
    for batch in batches_of(graph):
        for block in batch.trace.blocks:
            counts = np.bincount(block.target, minlength=block.num_targets)
            assert counts.max(initial=0) <= CONFIG.fan_out
            totals = np.bincount(block.target, weights=block.weight, minlength=block.num_targets)
            np.testing.assert_allclose(totals[counts > 0], 1, rtol=1e-6)


def ring(num_artists=40, **weights):
    return graph_of(
        [(i, (i + step) % num_artists) for i in range(num_artists) for step in (1, 2, 5, 7)],
        [TRAIN] * num_artists,
    ).graph


def test_the_same_seed_and_epoch_give_the_same_batches():
    assert content_of(batches_of(ring())) == content_of(batches_of(ring()))


@pytest.mark.parametrize("epoch, seed", [(1, 0), (0, 1)])
def test_another_epoch_or_seed_gives_others(epoch, seed):
    config = dataclasses.replace(CONFIG, seed=seed)
    first, other = batches_of(ring()), batches_of(ring(), config, epoch)
    assert content_of(first) != content_of(other)
    assert [fold_of(b).tolist() for b in first] != [fold_of(b).tolist() for b in other]


def test_random_neighbors_are_drawn_anew_each_epoch():
    def heard(epoch):
        # The last artist's neighbours, in the batches in which it is only heard.
        return {
            tuple(sorted(batch.trace.artists[block.source[block.target == place]].tolist()))
            for batch in batches_of(ring(), epoch=epoch)
            for block in batch.trace.blocks
            for place in np.flatnonzero(batch.trace.artists[: block.num_targets] == 39)
        }

    assert len(set.union(*(heard(epoch) for epoch in range(6)))) > len(heard(0))


@pytest.mark.parametrize(
    "num_artists, fraction, max_batch, expected",
    [
        (900, 1 / 9, 4096, 9),  # The paper's share.
        (90_000, 1 / 9, 4096, 22),  # 90,000 / 4096 = 21.97.
        (900, 0.5, 4096, 2),
        (5, 1 / 9, 4096, 5),  # Never a fold without an artist.
        (0, 1 / 9, 4096, 1),
    ],
)
def test_the_number_of_batches(num_artists, fraction, max_batch, expected):
    config = TrainingConfig(pseudo_eval_fraction=fraction, max_batch=max_batch)
    assert num_batches(num_artists, config) == expected


def test_for_use_random_neighbors_are_not_cut():
    edges = ring().training_edges()
    assert (message_edges(edges, weighted=False, fan_out=3) != edges).nnz == 0
    assert np.diff(message_edges(edges, weighted=True, fan_out=3).indptr).max() == 3


def test_xla_sees_few_numbers_of_pairs():
    rng = np.random.default_rng(0)
    edges = [(int(u), int(v)) for u, v in rng.integers(0, 300, (3000, 2))]
    graph = graph_of(edges, [TRAIN] * 300).graph
    exact = {len(b.anchor) for epoch in range(8) for b in batches_of(graph, epoch=epoch)}
    config = dataclasses.replace(CONFIG, xla=True)
    few = {len(b.anchor) for epoch in range(8) for b in batches_of(graph, config, epoch)}
    assert len(few) < len(exact) / 2
