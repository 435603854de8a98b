"""The SavedModel, asked in a bare TensorFlow process, against the network itself."""

from __future__ import annotations

import dataclasses
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf

from components.retrieval_evaluator.saved_model import JudgedModel
from tests.trainer.ego_graphs import spec_of
from tests.trainer.export_questions import NEIGHBORS, NEW, PAIRS, UNWEIGHTED, questions_to
from tests.trainer.graphs import HiddenGraph, rows_of
from tests.trainer.saved_models import FAN_OUT, NUM_ARTISTS, Served, save, weighted_case
from tests.trainer.small_systems import (
    small_config,
    small_contrastive_config,
    small_diffusion_config,
    small_pretrained_config,
    with_network,
)
from trainer.export import ServedModel

PROBE = Path(__file__).with_name("served_probe.py")


def gated_config(**options):
    """Gates, and a layer for each modality; learnt with all that a training step can draw."""
    config = small_config(sampling="uniform", anchors="one", connection_dropout=0.2, **options)
    return with_network(config, layer="gated_gcn", modality_units=8, modality_dropout=0.2)


def gin_config(**options):
    return with_network(small_config(**options), layer="gin")


def embedded_in_the_graph(served: Served, row: int, neighbors) -> np.ndarray:
    """Embedding of a new artist with the content of `row`, as a node that nobody lists."""
    graph = served.graph
    rows = np.append(np.arange(len(graph)), row)
    more = dataclasses.replace(
        graph,
        artist_id=np.append(graph.artist_id, NEW),
        name=np.append(graph.name, NEW),
        popularity=graph.popularity[rows],
        split=graph.split[rows],
        content={name: rows_of(content, rows) for name, content in graph.content.items()},
    )
    own = np.zeros((1, len(graph)), np.float32)
    for name, weight in neighbors:
        own[0, graph.artist_id.tolist().index(name)] = weight
    edges = sp.bmat([[graph.served_edges(), None], [sp.csr_matrix(own), sp.csr_matrix((1, 1))]])
    return served.system.embed(more, edges.tocsr().astype(np.float32))[-1]


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> dict[str, Served]:
    folder = tmp_path_factory.mktemp("models")
    case = weighted_case()
    bare = dataclasses.replace(case.graph, content={}, weighted=False)
    bare.neighbors.data[:] = 1
    return {
        "gnn": save(weighted_case(), folder / "gnn"),
        "random": save(HiddenGraph(bare, case.hidden), folder / "random", random=True),
        "dnn": save(weighted_case(), folder / "dnn", convolutions=0),
        "mixed": save(weighted_case(), folder / "mixed", mixed_precision=True),
        "gated": save(weighted_case(), folder / "gated", gated_config),
        "gin": save(weighted_case(), folder / "gin", gin_config),
        # Without weights everybody's neighbours count, also those beyond the fan-out.
        "gin, all": save(HiddenGraph(bare, case.hidden), folder / "all", gin_config, random=True),
        "diffusion": save(weighted_case(), folder / "diffusion", small_diffusion_config),
        "contrastive": save(weighted_case(), folder / "contrastive", small_contrastive_config),
        "pretrained": save(weighted_case(), folder / "pretrained", small_pretrained_config),
        "pairwise": save(
            weighted_case(), folder / "pairwise", small_diffusion_config, pairwise=(1, 0.5, 0.2)
        ),
    }


@pytest.fixture(scope="module")
def told(served, tmp_path_factory):
    """What a bare process answers, by the same names, and the modules that it has loaded."""
    folder = tmp_path_factory.mktemp("probe")
    questions = questions_to(served)
    asked = [(served[model].path, *rest) for model, *rest in questions.values()]
    (folder / "questions").write_bytes(pickle.dumps(asked))
    hidden = ("PYTHONPATH", "TF_USE_LEGACY_KERAS")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        [sys.executable, str(PROBE), str(folder / "questions"), str(folder / "answers")],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = pickle.loads((folder / "answers").read_bytes())
    return {**dict(zip(questions, found["answers"], strict=True)), "modules": found["modules"]}


@pytest.fixture(scope="module")
def embedding(served):
    """The catalogue's served embeddings, computed by the system."""
    return served["gnn"].system.embed(served["gnn"].graph, served["gnn"].graph.served_edges())


def close(actual, expected, atol=1e-5):
    np.testing.assert_allclose(actual, expected, atol=atol)


def test_the_process_knows_nothing_but_tensorflow(told):
    ours = {"trainer", "components", "catalogues", "pipeline", "serving", "tests"}
    assert not {*ours, "tensorflow_gnn", "tf_keras"} & set(told["modules"])


def test_known_artists_have_their_embedding_and_others_none(told, embedding):
    answer = told["known"]
    assert answer["known"].tolist() == [True, False, True, True]
    close(answer["embedding"], [embedding[3], np.zeros(8), embedding[13], embedding[3]])
    assert answer["embedding"].dtype == np.float32


def test_nobody_may_be_asked_about(told):
    assert told["known, of nobody"]["embedding"].shape == (0, 8)
    assert told["no batch"]["embedding"].shape == (0, 8)
    assert told["example, no batch"]["embedding"].shape == (0, 8)
    assert told["similar, of nobody"]["similar_id"].shape == (0, 3)
    assert told["similar, of nobody, of pairwise"]["similar_id"].shape == (0, 3)


@pytest.mark.parametrize("k, expected", [(-1, 0), (0, 0), (3, 3), (13, 13), (500, 13)])
def test_the_most_similar_artists_without_the_artist_itself(told, served, embedding, k, expected):
    answer, graph = told[f"similar, {k}"], served["gnn"].graph
    assert answer["similar_id"].shape == answer["score"].shape == (4, expected)
    for i, row in ((0, 3), (2, 13), (3, 3)):
        score = embedding @ embedding[row]
        score[row] = -np.inf
        best = np.argsort(-score)[:expected]
        assert [x.decode() for x in answer["similar_id"][i]] == graph.artist_id[best].tolist()
        assert [x.decode() for x in answer["name"][i]] == graph.name[best].tolist()
        close(answer["score"][i], score[best])
    assert answer["known"].tolist() == [True, False, True, True]
    assert set(answer["similar_id"][1]) | set(answer["name"][1]) <= {b""}
    assert not answer["score"][1].any()


@pytest.mark.parametrize(
    "name, model",
    [("own", "gnn")]
    + [
        (f"own, of {model}", model)
        for model in ("dnn", "random", "gated", "gin", "gin, all", "contrastive", "pretrained")
    ],
)
def test_a_catalogue_artist_is_embedded_from_its_content_and_neighbors(told, served, name, model):
    close(told[name]["embedding"], served[model].model.embedding)
    one = served[model]
    degrees = [len(one.listed(row)) for row in range(NUM_ARTISTS)]
    assert told[name]["known_neighbors"].tolist() == degrees


def test_mixed_precision_serves_nearly_what_it_computes(told, served):
    stored = served["mixed"].model.embedding
    assert stored.dtype == np.float32
    close(told["own, of mixed"]["embedding"], stored, atol=0.05)


def test_the_served_embeddings_are_those_of_the_system(served, embedding):
    close(served["gnn"].model.embedding, embedding)


def test_a_new_artist_is_embedded_as_a_node_that_nobody_lists(told, served):
    close(told["new"]["embedding"][0], embedded_in_the_graph(served["gnn"], 1, NEIGHBORS))
    assert told["new"]["known_neighbors"].tolist() == [3]
    close(
        told["new, of random"]["embedding"][0],
        embedded_in_the_graph(served["random"], 1, NEIGHBORS_OF_ONE),
    )


NEIGHBORS_OF_ONE = [(name, 1.0) for name, _ in NEIGHBORS]


@pytest.mark.parametrize("model", ["gated", "gin", "gin, all"])
def test_so_it_is_by_a_layer_that_sums(told, served, model):
    neighbors = NEIGHBORS_OF_ONE if model in UNWEIGHTED else NEIGHBORS
    for what, heard in (("new", neighbors), ("alone", [])):
        found = told[f"{what}, of {model}"]["embedding"][0]
        close(found, embedded_in_the_graph(served[model], 1, heard))
        close(np.linalg.norm(found), 1)


@pytest.mark.parametrize("same", ["new, padded", "new, turned", "new, five"])
def test_padding_order_and_neighbors_beyond_the_fan_out_do_not_matter(told, same):
    close(told[same]["embedding"], told["new"]["embedding"], atol=1e-6)
    assert told[same]["known_neighbors"].tolist() == [5 if same == "new, five" else 3]


def test_unknown_neighbors_are_ignored_and_not_counted(told):
    close(told["new, some unknown"]["embedding"], told["new"]["embedding"], atol=1e-6)
    assert told["new, some unknown"]["known_neighbors"].tolist() == [3]
    close(told["new, all unknown"]["embedding"], told["new, alone"]["embedding"], atol=1e-6)
    assert told["new, all unknown"]["known_neighbors"].tolist() == [0]


@pytest.mark.parametrize("name", ["new, no weights", "new, unknown weighs"])
def test_weights_of_zero_are_no_weights(told, name):
    close(told[name]["embedding"], told["new, weights of one"]["embedding"], atol=1e-6)
    assert np.abs(told[name]["embedding"] - told["new"]["embedding"]).max() > 1e-4


def test_without_neighbors_content_alone_speaks(told, served):
    close(told["new, alone"]["embedding"][0], embedded_in_the_graph(served["gnn"], 1, []))
    close(np.linalg.norm(told["new, alone"]["embedding"]), 1)


def test_serialized_ego_graphs_are_embedded_as_the_same_given_piece_by_piece(told):
    close(told["example, own"]["embedding"], told["own"]["embedding"], atol=1e-6)
    close(told["example, some unknown"]["embedding"], told["new, some unknown"]["embedding"], 1e-6)
    for example, same in (("example, own", "own"), ("example, some unknown", "new")):
        np.testing.assert_array_equal(
            told[example]["known_neighbors"], told[same]["known_neighbors"]
        )


@pytest.mark.parametrize(
    "name", ["gnn", "random", "dnn", "gated", "gin", "gin, all", "contrastive", "pretrained"]
)
def test_the_judge_gets_the_embeddings_of_the_system(told, served, name):
    one = served[name]
    expected = one.system.embed(one.graph, one.graph.visible_edges("test"))
    close(told[f"graph, {name}"]["embedding"], expected)


def test_the_diffusion_embeds_a_new_artist_as_a_node_that_nobody_lists(told, served):
    five = [*NEIGHBORS, ("artist:0005", 0.5), ("artist:0007", 0.25)]
    one = served["diffusion"]
    # Its walks go to all, also beyond the fan-out.
    expected = embedded_in_the_graph(one, 1, five)
    close(told["new, of diffusion"]["embedding"][0], expected)
    close(told["new, alone, of diffusion"]["embedding"][0], embedded_in_the_graph(one, 1, []))
    assert np.linalg.norm(told["new, alone, of diffusion"]["embedding"][0]) > 0
    assert told["no batch, of diffusion"]["embedding"].shape == (0, 8)


def test_the_diffusions_most_similar_are_by_dot_product(told, served):
    """Also where all scores are negative, the artist itself is left out."""
    one = served["diffusion"]
    embedding, ids = one.model.embedding, one.graph.artist_id
    answer = told["similar, of diffusion"]
    for i, row in ((0, 3), (3, 3)):
        score = embedding @ embedding[row]
        score[row] = -np.inf
        close(answer["score"][i], np.sort(score)[::-1][:13])
        assert ids[row] not in [name.decode() for name in answer["similar_id"][i]]
    assert np.isfinite(answer["score"]).all()


def pair_scores(served) -> np.ndarray:
    """Of all pairs of the served catalogue, as the system scores them."""
    one, everyone = served["pairwise"], np.arange(NUM_ARTISTS)
    return one.system.scorers(one.graph, one.graph.served_edges())["pairwise"](everyone, everyone)


@pytest.mark.parametrize("k, expected", [(-1, 0), (0, 0), (3, 3), (13, 13), (500, 13)])
def test_similar_ranks_by_the_pairwise_term_where_there_is_one(told, served, k, expected):
    answer, ids = told[f"similar, {k}, of pairwise"], served["pairwise"].graph.artist_id
    assert answer["similar_id"].shape == answer["score"].shape == (4, expected)
    for i, row in ((0, 3), (2, 13), (3, 3)):
        score = pair_scores(served)[row].copy()
        score[row] = -np.inf
        close(answer["score"][i], np.sort(score)[::-1][:expected])
        found = [name.decode() for name in answer["similar_id"][i]]
        close(score[np.searchsorted(ids.astype(str), found)], answer["score"][i])
    assert answer["known"].tolist() == [True, False, True, True]


def test_a_short_list_of_the_nearest_vectors_is_scored_as_pairs(tmp_path, served, monkeypatch):
    monkeypatch.setattr("trainer.similar_signatures.SHORTLIST", 4)
    one = served["pairwise"]
    model = ServedModel(one.system, one.graph, spec_of(one.graph))
    answer = model._similar.similar()(tf.constant(["artist:0003"]), tf.constant(2))
    near = model.embedding @ model.embedding[3]
    near[3] = -np.inf
    shortlist = np.argsort(-near)[:4]
    score = pair_scores(served)[3]
    best = shortlist[np.argsort(-score[shortlist])[:2]]
    found = [name.decode() for name in answer["similar_id"].numpy()[0]]
    assert found == one.graph.artist_id[best].tolist()
    close(answer["score"][0], score[best])


def test_the_judge_gets_the_pairwise_scores_of_the_system(told, served):
    one = served["pairwise"]
    scorer = one.system.scorers(one.graph, one.graph.visible_edges("test"))["pairwise"]
    expected = [scorer(q[None], c)[0] for q, c in zip(*PAIRS, strict=True)]
    close(told["score"]["score"], expected)
    model = JudgedModel(one.path, one.system.config.fan_out)
    judged = model.embed(one.graph, one.graph.visible_edges("test"))
    everyone = np.arange(NUM_ARTISTS)
    close(judged.pairwise(everyone, everyone), scorer(everyone, everyone))
    assert JudgedModel(served["gnn"].path, FAN_OUT).embed(
        served["gnn"].graph, served["gnn"].graph.training_edges()
    ).pairwise is None  # fmt: skip


def test_walks_are_kept_only_where_pairs_are_scored(told, served):
    assert set(told["graph, pairwise"]) == {"embedding", "visited", "visits", "count"}
    assert set(told["graph, diffusion"]) == {"embedding"}


@pytest.mark.parametrize("name", ["gnn", "diffusion"])
def test_a_model_is_judged_with_the_fan_out_that_it_carries(served, name):
    one = served[name]
    edges = one.graph.visible_edges("test")
    # What is handed over is another model's.
    close(
        JudgedModel(one.path, 1).embed(one.graph, edges).embedding,
        one.system.embed(one.graph, edges),
    )
    assert int(tf.saved_model.load(one.path).fan_out.numpy()) == one.system.config.fan_out


def test_no_signature_makes_tensorflow_copy_the_vectors_at_every_read(tmp_path):
    """A ResourceGather does; it stands in the graph under that name."""
    served = save(
        weighted_case(), tmp_path / "1", small_diffusion_config, pairwise=(0.5, 0.25, 0.1)
    )
    loaded = tf.saved_model.load(served.path)
    for name in ("serving_default", "similar", "similar_filtered", "nearest"):
        # The text has the nodes of the functions that a signature calls, too.
        text = str(loaded.signatures[name].graph.as_graph_def())
        gathered = re.findall(
            r'op: "ResourceGather".*?key: "dtype"\s+value \{\s+type: (\w+)', text, re.DOTALL
        )
        assert "DT_STRING" in gathered or name == "serving_default"
        assert "DT_FLOAT" not in gathered, name
