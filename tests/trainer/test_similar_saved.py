"""`similar_filtered` and `nearest` of saved models, which know their catalogue."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.graphs import HiddenGraph
from tests.trainer.saved_models import save, weighted_case
from tests.trainer.signature_inputs import given as new_artist
from tests.trainer.signature_inputs import strings
from tests.trainer.slow_similar import NO_FILTER, NOBODY
from tests.trainer.small_systems import small_config, small_diffusion_config


def popular_case() -> HiddenGraph:
    """`weighted_case`, where artist v has the popularity 10 v and that of artist 4 is unknown."""
    case = weighted_case()
    popularity = 10 * np.arange(len(case.graph), dtype=np.float32)
    popularity[4] = np.nan
    return HiddenGraph(dataclasses.replace(case.graph, popularity=popularity), case.hidden)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Saved models as a server loads them, with what they were made of."""
    folder: Path = tmp_path_factory.mktemp("models")
    made = {
        # Reads random vectors alone, and knows the catalogue's content nevertheless.
        "random": save(popular_case(), folder / "random", random=True),
        "pairwise": save(
            popular_case(), folder / "pairwise", small_diffusion_config, pairwise=(1, 0.5, 0.2)
        ),
        "gnn": save(popular_case(), folder / "gnn", small_config),
    }
    return {name: (one, tf.saved_model.load(one.path)) for name, one in made.items()}


@pytest.mark.parametrize("kind", ["random", "gnn", "pairwise"])
@pytest.mark.parametrize("k", [-1, 0, 3, 13, 500])
def test_without_filters_the_answer_is_that_of_similar_to_the_bit(saved, kind, k):
    _, model = saved[kind]
    inputs = {
        "artist_id": tf.constant([*(f"artist:{row:04d}" for row in (3, 13, 0)), NOBODY, ""]),
        "k": tf.constant(k),
    }
    expected = model.signatures["similar"](**inputs)
    for no_filter in ({"modality": [""], "exclude_id": [[""]] * 5, "min_popularity": 0.0},
                      {"modality": ["", ""], "exclude_id": [["", NOBODY]] * 5,
                       "min_popularity": -3.0}):  # fmt: skip
        given_too = {name: tf.constant(value) for name, value in no_filter.items()}
        answer = model.signatures["similar_filtered"](**inputs, **given_too)
        assert set(answer) == set(expected)
        for name, value in expected.items():
            assert answer[name].dtype == value.dtype
            assert answer[name].shape == value.shape
            assert answer[name].numpy().tobytes() == value.numpy().tobytes() or (
                value.dtype == tf.string and (answer[name].numpy() == value.numpy()).all()
            )


@pytest.mark.parametrize("kind", ["random", "gnn", "pairwise"])
def test_a_saved_model_knows_the_content_and_popularity_of_its_catalogue(saved, kind):
    one, model = saved[kind]
    graph = one.graph
    everyone = tf.constant(graph.artist_id.astype(str))

    def found(**filters) -> set[str]:
        asked = {**NO_FILTER, "exclude_id": tf.fill([len(graph), 1], ""), **filters}
        ask = model.signatures["similar_filtered"]
        answer = ask(artist_id=everyone, k=tf.constant(99), **asked)
        # Each artist is left out of its own answer alone.
        return {name.decode() for name in answer["similar_id"].numpy().ravel()} - {""}

    audio, tags = (graph.content[name].present for name in ("audio", "tags"))
    assert not audio.all() and not tags.all() and set(graph.content) == {"audio", "tags"}
    assert found(modality=tf.constant(["audio"])) == set(graph.artist_id[audio])
    assert found(modality=tf.constant(["tags"])) == set(graph.artist_id[tags])
    assert found(modality=tf.constant(["tags", "audio"])) == set(graph.artist_id[audio & tags])
    assert found(min_popularity=tf.constant(30.0)) == set(graph.artist_id[[3, *range(5, 14)]])


@pytest.mark.parametrize("kind", ["gnn", "pairwise"])
def test_a_new_artist_is_embedded_and_its_nearest_are_found(saved, kind):
    one, model = saved[kind]
    near = [("artist:0002", 4.0), ("artist:0011", 2.0)]
    inputs = new_artist(one.graph, [1], [near], ["somebody:new"])
    new = model.signatures["embed_new"](**{key: tf.constant(x) for key, x in inputs.items()})
    vector = new["embedding"]
    exclude = tf.constant(strings([[name for name, _ in near]]))
    answer = model.signatures["nearest"](
        embedding=vector, k=tf.constant(5), **{**NO_FILTER, "exclude_id": exclude}
    )
    score = one.model.embedding @ vector.numpy()[0]
    score[[2, 11]] = -np.inf
    best = np.argsort(-score)[:5]
    found = [name.decode() for name in answer["similar_id"].numpy()[0]]
    assert found == one.graph.artist_id[best].tolist()
    np.testing.assert_allclose(answer["score"][0], score[best], atol=1e-5)


def test_all_artists_of_the_catalogue_are_near_an_embedding(saved):
    """Also the one whose own it is: an embedding does not say whose."""
    one, model = saved["gnn"]
    answer = model.signatures["nearest"](
        embedding=tf.constant(one.model.embedding[:1]), k=tf.constant(99), **NO_FILTER
    )
    found = [name.decode() for name in answer["similar_id"].numpy()[0]]
    assert found[0] == "artist:0000"
    assert sorted(found) == one.graph.artist_id.tolist()
