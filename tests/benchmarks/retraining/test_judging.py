"""What is served is judged against the truth of the day."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from benchmarks.retraining.judging import Truth, scores_of, served_scorer
from components.retrieval_evaluator.saved_model import Embedded
from trainer.graph import ArtistGraph


class ByTable:
    """A model that embeds artists as a table of each catalogue says, by its size."""

    def __init__(self, tables):
        self.tables = tables

    def embed(self, graph, edges):
        return Embedded(np.array(self.tables[len(graph)], np.float32))


def graph_of(ids):
    return ArtistGraph(
        artist_id=np.array(ids, object),
        name=np.array(ids, object),
        popularity=np.full(len(ids), np.nan, np.float32),
        split=np.full(len(ids), 2, np.int8),
        content={},
        neighbors=sp.csr_matrix((len(ids), len(ids)), dtype=np.float32),
        weighted=False,
    )


THEN, TODAY = graph_of(["a", "c", "d"]), graph_of(["a", "b", "c", "d"])
# Of the day of the training a is beside c; today's vectors say that a is beside b and then d.
MODEL = ByTable(
    {3: [[1, 0], [0.9, 0.1], [0, 1]], 4: [[0, 1], [0.6, 0.8], [-1, 0], [0, 0.7]]},
)


def test_known_artists_are_served_with_their_pushed_vectors_and_new_ones_ask_with_todays():
    score = served_scorer(MODEL, THEN, TODAY)
    everybody = np.arange(4)
    found = score(everybody, everybody)
    # a: beside c 0.9 and d 0; b, who is new, is behind all of them.
    assert found[0, [0, 2, 3]] == pytest.approx([1, 0.9, 0])
    # b asks with (0.6, 0.8): a 0.6, c 0.62, d 0.8.
    assert found[1, [0, 2, 3]] == pytest.approx([0.6, 0.62, 0.8])
    assert (found[:, 1] < found[:, [0, 2, 3]].min()).all()


def test_scores_worked_by_hand():
    # Hidden: a is similar to c, and so is b.
    hidden = sp.csr_matrix(
        np.array([[0, 0, 1, 0], [0, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]], np.float32)
    )
    found = scores_of(MODEL, THEN, Truth(TODAY, hidden, frozenset("acd")))
    third, second = 1 / np.log2(4), 1 / np.log2(3)
    # As served: a ranks c first; b ranks d, c, a; c ranks a first and b, whom nobody finds, last.
    ideal = 1 + second
    assert found["served"][0] == pytest.approx((1 + second + (1 + third) / ideal) / 3, abs=1e-4)
    assert found["newcomers"] == pytest.approx([second] * 3, abs=1e-4)
    assert (found["queries"], found["newcomer_queries"]) == (3, 1)
    # Today's vectors: a ranks b 0.8, d 0.7, c 0; b ranks a 0.8, d 0.56, c -0.6; c ranks a and d,
    # both 0, and b last.
    low = (third + third + (second + third) / ideal) / 3
    high = (third + third + (1 + third) / ideal) / 3
    assert any(found["connected"][0] == pytest.approx(value, abs=1e-4) for value in (low, high))
    settled = scores_of(MODEL, THEN, Truth(TODAY, hidden, frozenset("abcd")))
    assert settled["newcomers"] is None and settled["newcomer_queries"] == 0
