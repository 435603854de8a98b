"""A model is judged on vectors of plays that it made itself."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.catalogue_example_gen.config import BuildConfig, ListeningConfig
from components.retrieval_evaluator.config import GateConfig, JudgeConfig
from components.retrieval_evaluator.executor import Executor
from components.retrieval_evaluator.judgement import judge_model
from components.retrieval_evaluator.metrics_file import read_metrics
from components.retrieval_evaluator.names import CONDITIONS
from components.retrieval_evaluator.own_listening import OwnView, own_view
from components.retrieval_evaluator.page.judged import page_contents
from components.retrieval_evaluator.page.rendering import html_page
from components.retrieval_evaluator.report import markdown_report
from components.retrieval_evaluator.saved_model import JudgedModel
from tests.components.catalogue_example_gen.building import built
from tests.components.rings import BAD, CASE, GOOD, Fixed
from tests.trainer.graphs import graph_of, vectors
from tests.trainer.small_systems import small_config
from tests.trainer.test_kept_plays import write
from tests.trainer.test_listener_factors import factors_of
from trainer.config import FeatureConfig
from trainer.export import ServedModel
from trainer.graph import VectorContent
from trainer.listening_signature import ListeningSignature
from trainer.loading import (
    load_graph,
    load_hidden_edges,
    read_content_statistics,
    read_graph_spec,
    read_listener_factors,
)
from trainer.systems.registry import make_system

COMMUNITIES, SIZE, COUNTRIES, NUM_LISTENERS = 3, 20, 4, 120
LEFT_OUT = (3, 20, 41, 62, 80, 101)
"""Listeners whom yesterday's catalogue does not have yet: about 5%."""
SPEC = """\
name: listened
artists: {table: artists.csv, id: id, split: split}
edges: {table: edges.csv, source: a, target: b}
plays: {table: plays.csv, listener: who, artist: artist, plays: n}
"""
BUILD = BuildConfig(listening=ListeningConfig(factors=6))


def plays_of_communities() -> dict[str, dict[str, float]]:
    """By artist and listener: half of them listen to a community, half to a country.

    Only artists of a community are similar. A model has to learn which directions of the vectors
    tell it, so that it is lost where they are others.
    """
    rng = np.random.default_rng(5)
    plays: dict[str, dict[str, float]] = {}
    for row in range(COMMUNITIES * SIZE):
        found = plays[f"a{row:02d}"] = {}
        for listener in range(NUM_LISTENERS):
            taste, by_community = divmod(listener, 2)
            if by_community:
                chance = 0.5 if taste % COMMUNITIES == row // SIZE else 0.04
            else:
                chance = 0.8 if taste % COUNTRIES == row % COUNTRIES else 0.04
            if rng.random() < chance:
                found[f"l{listener:03d}"] = float(rng.integers(1, 40))
    return plays


PLAYS = plays_of_communities()


def catalogue(left_out: tuple[int, ...] = ()) -> dict[str, str]:
    gone = {f"l{listener:03d}" for listener in left_out}
    split = ("train", "train", "train", "val", "test")
    artists = [f"{artist},{split[row % 5]}" for row, artist in enumerate(PLAYS)]
    edges = [
        f"a{u:02d},a{v:02d}"
        for u in range(COMMUNITIES * SIZE)
        for v in range(u)
        if u // SIZE == v // SIZE
    ]
    rows = [
        f"{who},{artist},{count:g}"
        for artist, found in PLAYS.items()
        for who, count in found.items()
        if who not in gone
    ]
    tables = {"artists": ("id,split", artists), "edges": ("a,b", edges)}
    tables["plays"] = ("who,artist,n", rows)
    files = {f"{name}.csv": "\n".join([head, *of]) + "\n" for name, (head, of) in tables.items()}
    return files | {"catalogue.yaml": SPEC}


def model_of(folder: Path, examples: str) -> standard_artifacts.Model:
    """A small model that knows what plays become and nothing else, as `run_fn` exports it."""
    graph = load_graph(examples)
    config = dataclasses.replace(
        small_config(0, epochs=12), features=FeatureConfig(modalities=("listening",))
    )
    system = make_system(config, read_content_statistics(examples), None)
    system.fit(graph, load_hidden_edges(examples, "val", graph.artist_id))
    listeners = read_listener_factors(examples)
    artifact = standard_artifacts.Model()
    artifact.uri = str(folder)
    served = ServedModel(system, graph, read_graph_spec(examples), listeners=listeners)
    served.save(path_utils.serving_model_path(artifact.uri))
    return artifact


@dataclasses.dataclass(frozen=True)
class Days:
    """Yesterday's and today's examples, and the models that were trained on them."""

    yesterday: str
    today: str
    blessed: standard_artifacts.Model
    new: standard_artifacts.Model


@pytest.fixture(scope="module")
def days(tmp_path_factory) -> Days:
    folder = tmp_path_factory.mktemp("days")
    yesterday = str(built(folder / "yesterday", catalogue(LEFT_OUT), BUILD).folder)
    today = str(built(folder / "today", catalogue(), BUILD).folder)
    blessed, new = (model_of(folder / uri[-18:-9], uri) for uri in (yesterday, today))
    return Days(yesterday, today, blessed, new)


def judged(folder: Path, days: Days) -> dict:
    """`metrics.json` of the new model beside the blessed one, as the pipeline writes it."""
    outputs = {
        "evaluation": standard_artifacts.ModelEvaluation(),
        "blessing": standard_artifacts.ModelBlessing(),
    }
    for name, artifact in outputs.items():
        artifact.uri = str(folder / name)
        Path(artifact.uri).mkdir(parents=True)
    examples = standard_artifacts.Examples()
    examples.uri = days.today
    Executor().Do(
        {"examples": [examples], "model": [days.new], "baseline_model": [days.blessed]},
        {name: [artifact] for name, artifact in outputs.items()},
        {"config": json.dumps(dataclasses.asdict(JudgeConfig()))},
    )
    return read_metrics(folder / "evaluation" / "metrics.json")


def scores_of_blessed(days: Days, listening: VectorContent) -> dict[str, float]:
    """The blessed model's mean nDCG@200 by condition, where it is given these vectors."""
    graph = load_graph(days.today)
    graph = dataclasses.replace(graph, content={"listening": listening})
    model = JudgedModel(path_utils.serving_model_path(days.blessed.uri), 25)
    truths = [load_hidden_edges(days.today, split, graph.artist_id) for split in ("val", "test")]
    found = judge_model(graph, *truths, "test", model, None, GateConfig())
    return {condition: found.scores[condition]["model"].ndcg.mean() for condition in CONDITIONS}


def test_the_blessed_model_is_judged_on_vectors_of_its_own_listeners(days, tmp_path):
    """It once read today's vectors, which are noise to it, and any model was better."""
    graph = load_graph(days.today)
    known = read_listener_factors(days.yesterday)
    place = {name: row for row, name in enumerate(known.listener_id)}
    folded = []
    for artist in graph.artist_id:
        found = {place[who]: count for who, count in PLAYS[artist].items() if who in place}
        folded.append(known.fold_in(np.array([*found]), np.array([*found.values()])).tolist())
    expected = scores_of_blessed(days, vectors(folded))
    noise = scores_of_blessed(days, graph.content["listening"])
    metrics = judged(tmp_path, days)
    for condition in CONDITIONS:
        score = metrics["scores"][condition]["blessed_model"]["ndcg@200"]["value"]
        assert score == pytest.approx(expected[condition], abs=1e-6)
        assert score > noise[condition] + 0.15
    assert metrics["warnings"] == []


def test_the_new_models_own_vectors_are_those_of_the_examples(days):
    graph = load_graph(days.today)
    model = JudgedModel(path_utils.serving_model_path(days.new.uri), 25, days.today)
    own, warning = model.own_view(graph)
    ours, theirs = own.content["listening"], graph.content["listening"]
    assert ours is not theirs and not warning
    np.testing.assert_array_equal(ours.present, theirs.present)
    np.testing.assert_allclose(ours.values, theirs.values, rtol=1e-5, atol=1e-5)


KNOWN = factors_of(np.random.default_rng(0).normal(size=(4, 3)))
GRAPH = graph_of([], [0] * 4, {"listening": vectors([[1.0, 2.0], None, None, [3.0, 4.0]])}).graph
ARTISTS = GRAPH.artist_id.tolist()


def test_who_has_plays_of_the_models_listeners_has_a_vector_of_the_models_length(tmp_path):
    signature = ListeningSignature(KNOWN)
    write(
        tmp_path,
        {
            ARTISTS[0]: {"somebody": 3.0},
            ARTISTS[2]: {"000001": 2.0, "000003": 9.0, "somebody": 1.0},
            ARTISTS[3]: {"000000": 5.0},
        },
        shards=2,
    )
    graph, warning = own_view(GRAPH, 3, signature.listening(), str(tmp_path))
    own = graph.content["listening"]
    assert own.present.tolist() == [False, False, True, True]
    assert not own.values[:2].any()
    expected = [KNOWN.fold_in(np.array([1, 3]), np.array([2.0, 9.0]))]
    expected.append(KNOWN.fold_in(np.array([0]), np.array([5.0])))
    np.testing.assert_allclose(own.values[2:], expected, rtol=1e-5, atol=1e-6)
    assert warning == ""
    assert GRAPH.content["listening"].values.shape[1] == 2


GIVEN = "and is given the examples' vectors"


@pytest.mark.parametrize(
    ("reads", "signature", "plays", "learnt", "content", "told"),
    [
        (False, True, False, True, True, ""),
        (True, True, False, True, True, f"since the examples keep no plays, {GIVEN}"),
        (True, True, False, False, True, f"since the examples keep no plays, {GIVEN}"),
        (True, True, False, False, False, "since the examples keep no plays, and goes without"),
        (True, False, True, True, True, f"since it has no such signature, {GIVEN}"),
        (True, False, False, True, True, f"since it has no such signature, {GIVEN}"),
        # Vectors that are called so and were never learnt; and none at all.
        (True, False, False, False, True, ""),
        (True, False, False, False, False, ""),
    ],
)
def test_what_a_model_cannot_make_is_said(tmp_path, reads, signature, plays, learnt, content, told):
    if plays:
        write(tmp_path, {ARTISTS[0]: {"000000": 1.0}})
    if learnt:
        (tmp_path / "listening.npz").write_bytes(KNOWN.to_bytes())
    graph = GRAPH if content else dataclasses.replace(GRAPH, content={})
    fold_in = ListeningSignature(KNOWN).listening() if signature else None
    seen, warning = own_view(graph, 3 if reads else None, fold_in, str(tmp_path))
    assert seen is graph
    assert warning == (told and f"cannot make its own `listening`, {told}")


def test_a_warning_stands_in_every_report():
    class Amiss(Fixed):
        def own_view(self, graph):
            return OwnView(graph, "is amiss")

    validation, truth = CASE.truth("val"), CASE.truth("test")
    judgement = judge_model(
        CASE.graph, validation, truth, "test", Fixed(GOOD), Amiss(BAD), GateConfig(floor=0.3)
    )
    sentence = "The last blessed model is amiss."
    assert judgement.warnings == [sentence]
    metrics = judgement.metrics()
    assert metrics["warnings"] == [sentence]
    assert f"\n\n{sentence}\n\n" in markdown_report(metrics, judgement.verdict.as_json())
    page = html_page(page_contents(judgement, CASE.graph, truth, "", None))
    assert f'<p class="reason">{sentence}</p>' in page
