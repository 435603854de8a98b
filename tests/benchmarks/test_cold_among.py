"""The cold score among those who have a modality, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.cold_among import cold_scores
from catalogues.errors import InputError
from tests.trainer.graphs import graph_of
from trainer.graph import SPLITS, VectorContent
from trainer.systems.base import dot_products

TEST = SPLITS.index("test")


def case():
    """Artists 1 to 4 are judged; 4 has no vector, and would come first for 1."""
    split = np.array([0, TEST, TEST, TEST, TEST])
    vectors = np.array([[0, 0], [1, 0], [0.5, 0], [0, 1], [9, 0]], np.float32)
    present = np.array([True, True, True, True, False])
    content = {"audio": VectorContent(vectors, present)}
    found = graph_of([(1, 2), (1, 4)], split, content)
    return found.graph, found.truth("test"), dot_products(vectors)


def test_only_those_who_have_it_ask_and_answer():
    graph, truth, scorer = case()
    scores, num_queries = cold_scores(graph, truth, "test", "audio", {"model": scorer})
    # 1 and 2 find each other first: 3 is at right angles, 4 does not take part.
    assert num_queries == 2
    assert scores["model"].value == pytest.approx(1.0)


def test_a_worse_order_scores_less():
    graph, truth, _ = case()
    worse = dot_products(np.array([[0, 0], [1, 0], [0.5, 0], [2, 1], [0, 0]], np.float32))
    scores, _ = cold_scores(graph, truth, "test", "audio", {"model": worse})
    # Each finds the other in the second place.
    assert scores["model"].value == pytest.approx(1 / np.log2(3))


def test_mistakes_are_told():
    graph, truth, scorer = case()
    with pytest.raises(InputError, match="no modality 'tags'; it has: audio"):
        cold_scores(graph, truth, "test", "tags", {"model": scorer})
    with pytest.raises(InputError, match="No two artists of the split 'val' with 'audio'"):
        cold_scores(graph, truth * 0, "val", "audio", {"model": scorer})
