"""A judgement with a blessed model, and names that would break a careless page."""

from __future__ import annotations

import numpy as np

from components.retrieval_evaluator.config import GateConfig
from components.retrieval_evaluator.judgement import Judgement, judge_model
from components.retrieval_evaluator.own_listening import OwnView
from components.retrieval_evaluator.saved_model import Embedded
from tests.trainer.graphs import graph_of, vectors, words

HOSTILE = "</script><script>alert(1)</script> & <b>Söns</b>"
RING = 8
EDGES = [
    (ring * RING + i, ring * RING + (i + step) % RING)
    for ring in range(2)
    for i in range(RING)
    for step in (1, 2, 3)
]
SPLIT = [0, 0, 1, 1, 2, 2, 0, 2] * 2
SOUND = np.array([[1.0, 0.0]] * RING + [[0.0, 1.0]] * RING, np.float32)
TAGS = [{HOSTILE: 2.0, "jazz": 1.0}] * RING + [{"rock": 1.0}] * RING
CASE = graph_of(EDGES, SPLIT, {"audio": vectors(SOUND.tolist()), "tags": words(TAGS)})
CASE.graph.name[4] = HOSTILE


class Fixed:
    """A model that knows its embeddings by heart."""

    def __init__(self, embedding: np.ndarray):
        self._embedding = embedding
        self.artist_id = CASE.graph.artist_id

    def own_view(self, graph):
        return OwnView(graph)

    def embed(self, graph, edges):
        return Embedded(self._embedding)

    def reads(self, graph):
        return ("tags",)


def judged(blessed: bool = True) -> Judgement:
    """The new model finds the rings, the blessed one mixes them up."""
    mixed = SOUND[[(row * 5) % len(SOUND) for row in range(len(SOUND))]]
    return judge_model(
        CASE.graph,
        CASE.truth("val"),
        CASE.truth("test"),
        "test",
        Fixed(SOUND),
        Fixed(mixed) if blessed else None,
        GateConfig(),
    )
