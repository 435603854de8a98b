"""The judge scores every system in both conditions, and finds what is wrong with a model."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf

from components.retrieval_evaluator.config import GateConfig
from components.retrieval_evaluator.executor import Unloadable
from components.retrieval_evaluator.judgement import embedding_faults, judge_model
from components.retrieval_evaluator.names import CONDITIONS
from components.retrieval_evaluator.report import markdown_report
from components.retrieval_evaluator.saved_model import Embedded, JudgedModel
from tests.trainer.graphs import graph_of, vectors, words
from trainer.ranking.evaluation import METRIC
from trainer.systems.base import dot_products
from trainer.systems.baselines import BASELINES

# Two rings of eight artists that share nothing; of each ring two are of val and two of test.
RING = 8
NUM_ARTISTS = 2 * RING
EDGES = [
    (ring * RING + i, ring * RING + (i + step) % RING)
    for ring in range(2)
    for i in range(RING)
    for step in (1, 2, 3)
]
SPLIT = [0, 0, 1, 1, 2, 2, 0, 0] * 2
SOUND = [[1.0, 0.0] if i < RING else [0.0, 1.0] for i in range(NUM_ARTISTS)]
CASE = graph_of(EDGES, SPLIT, {"audio": vectors(SOUND), "tags": words([{"a": 1.0}] * NUM_ARTISTS)})
GOOD = np.array(SOUND, np.float32)
# Each artist sits with the other ring's.
BAD = np.array([SOUND[(i + 1) % 2 * RING] for i in range(NUM_ARTISTS)], np.float32)
GATE = GateConfig(floor=0.3, slack=0.02)


class Fixed:
    """A model that knows its embeddings by heart; counts the edges that it is shown."""

    def __init__(
        self,
        embedding: np.ndarray,
        cold: np.ndarray | None = None,
        artist_id: np.ndarray | None = None,
    ):
        self.artist_id = artist_id
        self._embeddings = [embedding, embedding if cold is None else cold]
        self.num_edges: list[int] = []

    def embed(self, graph, edges):
        self.num_edges.append(edges.nnz)
        return Embedded(self._embeddings[len(self.num_edges) - 1])


class Raising:
    artist_id = None

    def embed(self, graph, edges):
        raise tf.errors.InvalidArgumentError(None, None, "another day's signature")


def judged(model, blessed=None, gate=GATE):
    validation, truth = CASE.truth("val"), CASE.truth("test")
    return judge_model(CASE.graph, validation, truth, "test", model, blessed, gate)


def with_value(value: float) -> np.ndarray:
    embedding = GOOD.copy()
    embedding[4] = value  # A test artist.
    return embedding


def test_every_system_is_scored_on_the_same_queries_in_both_conditions():
    asked = []
    judgement = judge_model(
        CASE.graph,
        CASE.truth("val"),
        CASE.truth("test"),
        "test",
        Fixed(GOOD),
        Fixed(BAD),
        GATE,
        tell=asked.append,
    )
    names = ["model", "blessed_model", *BASELINES]
    assert asked == [*names, "slices"]
    for condition in CONDITIONS:
        assert list(judgement.scores[condition]) == names
        for scores in judgement.scores[condition].values():
            # Rows 4 and 5 are hidden neighbours of each other, as are 12 and 13.
            assert scores.queries.tolist() == [4, 5, 12, 13]
    assert judgement.artists.tolist() == [4, 5, 12, 13]
    # The right neighbour comes first, or last of three.
    assert judgement.scores["connected"]["model"].ndcg.tolist() == [1, 1, 1, 1]
    assert judgement.verdict.blessed


def test_a_pairwise_ranking_is_judged_beside_the_vectors_and_does_not_pass_the_gate():
    class Both(Fixed):
        def embed(self, graph, edges):
            right = dot_products(GOOD)
            # What cannot be ranked counts as nothing.
            nothing = np.float32(np.nan)
            return Embedded(
                super().embed(graph, edges).embedding,
                lambda q, c: np.where(right(q, c) > 0, right(q, c), nothing),
            )

    judgement = judged(Both(BAD))
    assert not judgement.verdict.blessed
    for condition in CONDITIONS:
        systems = judgement.scores[condition]
        assert list(systems)[:2] == ["model", "model_pairwise"]
        assert systems["model_pairwise"].ndcg.tolist() == [1, 1, 1, 1]
        assert systems["model"].ndcg.max() < 1
    assert judgement.verdict.rules[0].value == judgement.scores["connected"]["model"].ndcg.mean()


def test_pairs_without_a_finite_score_keep_a_model_from_being_blessed():
    class Broken(Fixed):
        def embed(self, graph, edges):
            return Embedded(
                super().embed(graph, edges).embedding,
                lambda q, c: np.full((len(q), len(c)), np.inf, np.float32),
            )

    assert judged(Fixed(GOOD)).verdict.blessed
    verdict = judged(Broken(GOOD)).verdict
    assert not verdict.blessed
    assert "scores of pairs are not finite" in verdict.reason


def test_the_cold_condition_shows_training_edges_only():
    model = Fixed(GOOD)
    judged(model)
    graph = CASE.graph
    assert model.num_edges == [graph.visible_edges("test").nnz, graph.training_edges().nnz]
    assert model.num_edges[0] > model.num_edges[1]


def test_the_gate_looks_at_the_condition_it_is_told():
    model = Fixed(GOOD, np.random.default_rng(0).normal(size=GOOD.shape).astype(np.float32) * BAD)
    connected = judged(model)
    assert connected.verdict.rules[0].value == 1
    cold = judged(
        Fixed(GOOD, model._embeddings[1]), gate=GateConfig(floor=0.3, slack=0.0, condition="cold")
    )
    expected = cold.scores["cold"]["model"].ndcg.mean()
    assert expected < 1
    assert cold.verdict.rules[0].value == pytest.approx(expected)
    assert "cold nDCG@200" in cold.verdict.reason


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_embedding_that_is_not_finite_is_never_blessed(value):
    judgement = judged(Fixed(with_value(value)))
    assert not judgement.verdict.blessed
    assert judgement.verdict.reason == (
        "Not blessed: the connected embeddings of 1 artists are not finite; the cold embeddings "
        "of 1 artists are not finite."
    )


def test_a_training_artist_without_a_finite_embedding_is_not_judged():
    embedding = GOOD.copy()
    embedding[0] = np.nan
    assert judged(Fixed(embedding)).verdict.blessed


def test_equal_embeddings_are_never_blessed():
    judgement = judged(Fixed(np.ones_like(GOOD)), gate=GateConfig(floor=0.0, slack=1.0))
    assert not judgement.verdict.blessed
    assert judgement.verdict.reason == "Not blessed: all connected embeddings are equal."


def test_equal_embeddings_of_cold_artists_are_no_fault():
    assert embedding_faults(np.ones((5, 2)), "cold") == []
    assert embedding_faults(np.ones((5, 2)), "connected") == ["all connected embeddings are equal"]
    # One artist has nobody to differ from; none at all has nothing that could be wrong.
    assert embedding_faults(np.ones((1, 2)), "connected") == []
    assert embedding_faults(np.zeros((0, 2)), "connected") == []


@pytest.mark.parametrize(
    ("blessed", "kind"),
    [(Raising(), "InvalidArgumentError"), (Unloadable(OSError("gone")), "OSError")],
)
def test_a_blessed_model_that_cannot_be_judged_keeps_the_new_one_out(blessed, kind):
    judgement = judged(Fixed(GOOD), blessed)
    assert not judgement.verdict.blessed
    assert f"the blessed model cannot be judged ({kind})" in judgement.verdict.reason
    # The new model is measured all the same.
    assert judgement.verdict.rules[0].value == 1
    assert "blessed_model" not in judgement.metrics()["scores"]["connected"]


def test_a_blessed_model_with_nan_is_told_as_such():
    judgement = judged(Fixed(GOOD), Fixed(with_value(np.nan)))
    assert not judgement.verdict.blessed
    assert "the blessed model cannot be judged" in judgement.verdict.reason


def test_a_blessed_model_that_fails_in_one_condition_has_no_scores_in_the_other():
    judgement = judged(Fixed(GOOD), Fixed(GOOD, with_value(np.nan)))
    assert not judgement.verdict.blessed
    for condition in CONDITIONS:
        assert "blessed_model" not in judgement.scores[condition]


def test_metrics_can_be_written_as_json_even_without_a_query():
    empty = graph_of([(0, 1)], [0, 0, 1, 2, 2])
    judgement = judge_model(
        empty.graph,
        empty.truth("val"),
        empty.truth("test"),
        "test",
        Fixed(np.eye(5, dtype=np.float32)),
        None,
        GATE,
    )
    entry = json.loads(json.dumps(judgement.metrics(), allow_nan=False))["scores"]["cold"]["model"][
        METRIC
    ]
    assert entry == {
        "value": None,
        "low": None,
        "high": None,
        "num_queries": 0,
        "num_skipped": 2,
    }
    assert not judgement.verdict.blessed
    assert "no query to judge by" in judgement.verdict.reason
    assert "–" in markdown_report(judgement.metrics(), judgement.verdict.as_json())


class TestJudgedModel:
    """A SavedModel of another day is given what it knows, and lacks what the graph lacks."""

    class Echo(tf.Module):
        """Embeds as (audio or 9, words of 'tags', edges into the artist)."""

        def __init__(self, audio: str = "audio", dim: int = 2, tags: str = "tags"):
            super().__init__()
            self._names = (audio, tags)
            text, whole, number = tf.string, tf.int64, tf.float32
            self.signature = {
                "artist_id": tf.TensorSpec([None], text, "artist_id"),
                "source": tf.TensorSpec([None], whole, "source"),
                "target": tf.TensorSpec([None], whole, "target"),
                "weight": tf.TensorSpec([None], number, "weight"),
                audio: tf.TensorSpec([None, dim], number, audio),
                f"{audio}_present": tf.TensorSpec([None], whole, f"{audio}_present"),
                tags: tf.TensorSpec([None], text, tags),
                f"{tags}_weight": tf.TensorSpec([None], number, f"{tags}_weight"),
                f"{tags}_length": tf.TensorSpec([None], whole, f"{tags}_length"),
            }

        def save(self, path: str) -> None:
            audio, tags = self._names

            def embed_graph(**given):
                present = given[f"{audio}_present"][:, None] > 0
                number = tf.math.unsorted_segment_sum(
                    given["weight"], given["target"], tf.size(given["artist_id"])
                )
                # Every input must be read, or the signature would lose it.
                unread = 0.0 * (
                    tf.cast(tf.size(given[tags]), tf.float32)
                    + tf.reduce_sum(given[f"{tags}_weight"])
                    + tf.cast(tf.reduce_sum(given["source"]), tf.float32)
                )
                columns = [
                    tf.where(present, given[audio], 9.0),
                    tf.cast(given[f"{tags}_length"], tf.float32)[:, None],
                    number[:, None] + unread,
                ]
                return {"embedding": tf.concat(columns, axis=1)}

            function = tf.function(embed_graph).get_concrete_function(**self.signature)
            tf.saved_model.save(self, path, signatures={"embed_graph": function})

    def embed(self, tmp_path, fan_out=25, **names):
        self.Echo(**names).save(str(tmp_path / "model"))
        graph = CASE.graph
        model = JudgedModel(str(tmp_path / "model"), fan_out)
        embedding, pairwise = model.embed(graph, graph.training_edges())
        assert pairwise is None
        return embedding

    def test_it_is_given_content_and_edges(self, tmp_path):
        embedding = self.embed(tmp_path)
        assert embedding[:, :2].tolist() == SOUND
        assert embedding[:, 2].tolist() == [1.0] * NUM_ARTISTS
        degrees = np.diff(CASE.graph.training_edges().indptr)
        assert embedding[:, 3].tolist() == degrees.tolist()

    def test_modalities_that_the_graph_lacks_are_missing(self, tmp_path):
        embedding = self.embed(tmp_path, audio="melody", tags="moods")
        assert (embedding[:, :2] == 9).all()
        assert (embedding[:, 2] == 0).all()

    def test_a_modality_of_another_length_is_missing(self, tmp_path):
        assert (self.embed(tmp_path, dim=3)[:, :3] == 9).all()

    def test_a_modality_of_another_kind_is_missing(self, tmp_path):
        embedding = self.embed(tmp_path, audio="tags", tags="audio")
        assert (embedding[:, :2] == 9).all()
        assert (embedding[:, 2] == 0).all()

    def test_a_model_with_other_modalities_is_judged(self, tmp_path):
        self.Echo(audio="melody").save(str(tmp_path / "model"))
        judgement = judged(Fixed(GOOD), JudgedModel(str(tmp_path / "model"), 25))
        assert "the blessed model's: difference" in judgement.verdict.reason
        assert "blessed_model" in judgement.metrics()["scores"]["cold"]

    def test_a_folder_without_a_model_does_not_load(self, tmp_path):
        with pytest.raises(OSError):
            JudgedModel(str(tmp_path), 25)
