"""The closer look measures the right artists, and its sections can be written as JSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from components.retrieval_evaluator import closer_look as module
from components.retrieval_evaluator.closer_look import CloserLook
from components.retrieval_evaluator.closer_look_report import closer_look_lines
from components.retrieval_evaluator.names import BLESSED_MODEL, COLD, CONDITIONS, MODEL
from components.retrieval_evaluator.saved_model import Embedded
from tests.trainer.graphs import graph_of, vectors, words
from trainer.ranking.evaluation import evaluate_ranking
from trainer.systems.base import dot_products

NUM_ARTISTS = 50
DIM = 6


def catalogue(seed=0, weighted=True):
    """Edges, and the catalogue that they make; 49 has no edge, 48 only a training neighbour."""
    rng = np.random.default_rng(seed)
    split = rng.integers(0, 3, NUM_ARTISTS)
    split[48:], split[0] = 2, 0
    edges = [(u, v) for u in range(48) for v in range(u) if rng.random() < 0.15] + [(48, 0)]
    if weighted:
        edges = [(u, v, float(1 + (u * v) % 5)) for u, v in edges]
    genre = rng.choice(["dub", "ska"], NUM_ARTISTS)
    content = {
        "audio": vectors([None if i % 3 == 0 else rng.random(2) for i in range(NUM_ARTISTS)]),
        "genre": words([{} if i % 4 == 0 else {genre[i]: 1.0} for i in range(NUM_ARTISTS)]),
    }
    return edges, graph_of(edges, split, content, rng.permutation(NUM_ARTISTS).astype(float))


EDGES, CASE = catalogue()
TEST = CASE.graph.artists("test")


class Content:
    """A model that embeds the sum of its modalities, each by a matrix of its own."""

    artist_id = None

    def __init__(self, broken: bool = False):
        self.seen: list[tuple[list[str], int]] = []
        self.broken = broken

    def reads(self, graph):
        return tuple(name for name in ("audio", "genre") if name in graph.content)

    def embed(self, graph, edges):
        self.seen.append((sorted(graph.content), edges.nnz))
        rng = np.random.default_rng(1)
        embedding = np.zeros((len(graph), DIM), np.float32)
        for name in ("audio", "genre"):
            direction = rng.standard_normal(DIM)
            if name in graph.content:
                embedding[graph.content[name].present] += direction
        return Embedded(embedding / (0 if self.broken else 1))


def embedding_of(seed):
    return np.random.default_rng(seed).standard_normal((NUM_ARTISTS, DIM)).astype(np.float32)


def looked(systems, case=CASE, k=(3, 10)):
    """A look at systems, {name: (embedding connected, embedding cold)}."""
    truth, graph = case.truth("test"), case.graph
    look = CloserLook(graph, truth, "test", k=k, seed=0)
    for name, embeddings in systems.items():
        for condition, embedding in zip(CONDITIONS, embeddings):
            scorer = dot_products(embedding)
            scores = evaluate_ranking(
                scorer, truth, graph.artists("test"), np.zeros(len(graph)), k=k, places=look.places
            )
            look.add(condition, name, scorer, scores, embedding)
    return look


def sections(look, model=None):
    return json.loads(json.dumps(look.sections(model or Content()), allow_nan=False))


def test_the_cold_start_protocol_takes_all_known_edges_and_artists():
    embedding = embedding_of(3)
    found = sections(looked({MODEL: (embedding_of(2), embedding)}))["cold_start_protocol"]
    split = CASE.graph.split
    catalogue_rows = [v for v in range(NUM_ARTISTS) if split[v] != 1]
    recalls, gains, skipped = [], [], 0
    for query in np.flatnonzero(split == 2):
        weight = {v: 0.0 for v in catalogue_rows}
        for u, v, w in EDGES:
            for one, other in ((u, v), (v, u)):
                if one == query and other in weight:
                    weight[other] = w
        if not any(weight.values()):
            skipped += 1
            continue
        ranking = sorted(
            (v for v in catalogue_rows if v != query),
            key=lambda v, query=query: -float(embedding[query] @ embedding[v]),
        )
        hits = [v for v in ranking[:20] if weight[v]]
        recalls.append(len(hits) / sum(1 for w in weight.values() if w))
        gain = sum(weight[v] / math.log2(r + 1) for r, v in enumerate(ranking[:20], 1))
        best = sorted(weight.values(), reverse=True)[:20]
        gains.append(gain / sum(w / math.log2(r + 1) for r, w in enumerate(best, 1)))
    assert skipped >= 1
    assert found["num_candidates"] == len(catalogue_rows)
    assert found["num_without_edge"] == skipped and found["num_with_edge"] == len(recalls)
    assert found["graded"]
    figures = found["scores"][MODEL]
    assert figures["recall@20"]["value"] == pytest.approx(np.mean(recalls))
    assert figures["graded_ndcg@20"]["value"] == pytest.approx(np.mean(gains))
    assert figures["recall@20"]["num_queries"] == len(recalls)
    assert figures["recall@20"]["low"] <= np.mean(recalls) <= figures["recall@20"]["high"]


def test_many_cold_artists_are_sampled(monkeypatch):
    monkeypatch.setattr(module, "COLD_START_QUERIES", 4)
    found = sections(looked({MODEL: (embedding_of(2), embedding_of(3))}))["cold_start_protocol"]
    assert found["scores"][MODEL]["map@100"]["num_queries"] == 4
    assert found["num_with_edge"] > 4


def test_consistency_is_of_all_artists_and_of_the_long_tail():
    embedding = embedding_of(5)
    found = sections(looked({MODEL: (embedding, embedding_of(6))}))["consistency"]
    assert found["kinds"]["genre"] == {
        "read_by_model": True,
        "num_tags": 2,
        "num_artists": int(CASE.graph.content["genre"].present[TEST].sum()),
    }
    assert not found["kinds"]["popularity_band"]["read_by_model"]
    genre = CASE.graph.content["genre"]
    tags = [set(genre.words[genre.offsets[v] : genre.offsets[v + 1]]) for v in range(NUM_ARTISTS)]
    visible = {v: 0 for v in TEST}
    for u, v, _ in EDGES:
        for one, other in ((u, v), (v, u)):
            if one in visible and CASE.graph.split[other] == 0:
                visible[one] += 1
    shares = {"all": [], "long_tail": [], "no_edges": []}
    for query in TEST:
        if not tags[query]:
            continue
        others = sorted(
            (v for v in TEST if v != query),
            key=lambda v, query=query: -float(embedding[query] @ embedding[v]),
        )[:10]
        share = np.mean([tags[v] == tags[query] for v in others])
        shares["all"].append(share)
        if visible[query] <= 1:
            shares["long_tail"].append(share)
        if visible[query] == 0:
            shares["no_edges"].append(share)
    assert 0 < len(shares["no_edges"]) < len(shares["long_tail"]) < len(shares["all"])
    for name, values in shares.items():
        figure = found["scores"]["connected"][MODEL]["genre"][name]
        assert figure["num_queries"] == len(values)
        assert figure["value"] == pytest.approx(np.mean(values), abs=1e-6)
    assert found["scores"][COLD][MODEL]["genre"] != found["scores"]["connected"][MODEL]["genre"]


def test_modality_groups_are_of_all_judged_artists():
    found = sections(looked({MODEL: (embedding_of(2), embedding_of(3))}))["modality_groups"]
    assert sum(group["num_artists"] for group in found["groups"]) == len(TEST)
    assert {group["name"] for group in found["groups"]} == {"audio", "genre", "audio+genre", "none"}
    matrix = np.array(found["scores"][COLD][MODEL]["matrix"])
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    assert 0 < found["scores"][COLD][MODEL]["entropy"] <= math.log(4)
    shares = np.array([group["share"] for group in found["groups"]])
    assert found["entropy_of_shares"] == pytest.approx(-(shares * np.log(shares)).sum())


def test_the_space_is_that_of_single_modalities_without_edges():
    model = Content()
    found = sections(looked({MODEL: (embedding_of(2), embedding_of(3))}), model)["space"]
    assert model.seen == [(["audio"], 0), (["genre"], 0)]
    assert set(found["rankme"]["connected"]) == {MODEL}
    assert 1 < found["rankme"]["connected"][MODEL] <= DIM + 0.01
    space = found["modalities"]
    assert space["names"] == ["audio", "genre"]
    # All artists with both are at the same two places.
    both = np.all([CASE.graph.content[name].present[TEST] for name in space["names"]], axis=0)
    assert space["expected_contrastive_loss"]["num_queries"] == both.sum()
    assert space["expected_contrastive_loss"]["value"] == pytest.approx(0, abs=1e-6)
    assert space["inter_cluster_distance"]["value"] == pytest.approx(0, abs=1e-6)
    assert space["intra_cluster_distance"]["value"] > 0.01


def test_stability_compares_the_lists_of_all_judged_artists():
    same, cold = embedding_of(2), embedding_of(3)
    look = looked({MODEL: (same, cold), BLESSED_MODEL: (same, embedding_of(4))}, k=(3, 500))
    found = sections(look)["stability"]
    assert found["connected"]["overlap@3"] == {
        "value": 1,
        "low": 1,
        "high": 1,
        "num_queries": len(TEST),
        "chance": 3 / (len(TEST) - 1),
    }
    assert 0 < found[COLD]["overlap@3"]["value"] < 0.6
    # Longer lists than MAX_PLACES are not compared.
    assert list(found[COLD]) == ["overlap@3"]
    look.forget(BLESSED_MODEL)
    after = sections(look)
    assert after["stability"] == {"not_measured": "there is no blessed model to compare with"}
    for part in (after["cold_start_protocol"]["scores"], after["space"]["rankme"][COLD]):
        assert list(part) == [MODEL]
    for name in ("consistency", "modality_groups"):
        assert list(after[name]["scores"][COLD]) == [MODEL]


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_is_not_finite_is_not_measured():
    broken = embedding_of(2)
    look = looked({MODEL: (embedding_of(2), embedding_of(3))})
    broken[TEST[0]] = np.nan
    scorer = dot_products(embedding_of(2))
    scores = evaluate_ranking(
        scorer, CASE.truth("test"), TEST, np.zeros(NUM_ARTISTS), k=[3], places=look.places
    )
    look.add(COLD, MODEL, dot_products(broken), scores, broken)
    found = sections(look, Content(broken=True))
    assert found["space"]["rankme"][COLD][MODEL] is None
    assert "not finite" in found["space"]["modalities"]["not_measured"]


@pytest.mark.parametrize(
    "case",
    [
        graph_of([(0, 1)], [0, 0, 1, 2, 2]),
        graph_of([(0, 1)], [0, 0, 1]),
        graph_of([(0, 1)], [0, 0, 2], {"genre": words([{}, {}, {"dub": 1.0}])}),
    ],
    ids=["no edge", "nobody", "alone"],
)
def test_little_or_nothing_to_look_at(case):
    embedding = np.eye(len(case.graph), DIM, dtype=np.float32)
    found = sections(looked({MODEL: (embedding, embedding)}, case))
    assert found["cold_start_protocol"]["scores"][MODEL]["recall@20"]["value"] is None
    assert "fewer than two" in found["space"]["modalities"]["not_measured"]
    assert closer_look_lines(found)


def test_the_report_says_what_the_sections_say():
    systems = {name: (embedding_of(i), embedding_of(9)) for i, name in enumerate((MODEL, "knn"))}
    found = sections(looked(systems))
    text = "\n".join(closer_look_lines(found))
    values = [found["cold_start_protocol"]["scores"][name]["recall@20"] for name in systems]
    assert "| cold start | new model | nearest content |" in text
    assert f"| recall@20 | {values[0]['value']:.3f} | {values[1]['value']:.3f} |" in text
    figures = [found["consistency"]["scores"]["connected"][name]["genre"] for name in systems]
    cells = [f"{each['all']['value']:.3f} ({each['long_tail']['value']:.3f})" for each in figures]
    assert f"| genre* | {cells[0]} | {cells[1]} |" in text
    assert "| popularity_band | " in text
    row = found["modality_groups"]["scores"][COLD][MODEL]["matrix"][0]
    name = found["modality_groups"]["groups"][0]["name"]
    cells = " | ".join(f"{100 * share:.0f}%" for share in row)
    assert f"| queries with {name} | {cells} |" in text
    assert "expected contrastive loss" in text and "(audio, genre)" in text
    assert "Neighbours that stay: not measured, there is no blessed model" in text
    assert closer_look_lines({"scores": {}}) == []


def test_the_report_shows_stability():
    same = embedding_of(2), embedding_of(3)
    text = "\n".join(closer_look_lines(sections(looked({MODEL: same, BLESSED_MODEL: same}))))
    chance = 3 / (len(TEST) - 1)
    assert f"| overlap@3 | 1.000 [1.000, 1.000] | 1.000 [1.000, 1.000] | {chance:.3f} |" in text
