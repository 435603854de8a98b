"""`similar`, `similar_filtered` and `nearest`, against rankings in plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.ego_graphs import spec_of
from tests.trainer.graphs import graph_of
from tests.trainer.slow_similar import (
    DIM,
    IDS,
    MODALITIES,
    NO_FILTER,
    NOBODY,
    NUM_ARTISTS,
    SHORTLIST,
    Asked,
    Facts,
    nearest_by_loops,
    similar_by_loops,
)
from tests.trainer.small_systems import small_config, small_system
from trainer.export import ServedModel
from trainer.similar_signatures import Candidates, SimilarSignatures


class Catalogue:
    """Signatures whose catalogue changes from example to example, and are traced but once."""

    def __init__(self, scores_pairs: bool):
        self._vectors = tf.Variable(tf.zeros([NUM_ARTISTS, DIM]))
        self._longest = tf.Variable(0.0)
        self._pairs = tf.Variable(tf.zeros([NUM_ARTISTS, NUM_ARTISTS]))
        self._present = tf.Variable(tf.zeros([NUM_ARTISTS, len(MODALITIES)], tf.bool))
        self._popularity = tf.Variable(tf.zeros([NUM_ARTISTS]))
        self.scored = tf.Variable(0)

        def pair_score(profile, query, candidate, near):
            self.scored.assign(tf.shape(candidate)[1])
            return tf.gather(tf.gather(self._pairs, query), candidate, batch_dims=1)

        row = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(IDS), tf.range(NUM_ARTISTS, dtype=tf.int64)
            ),
            default_value=-1,
        )
        signatures = SimilarSignatures(
            Candidates(
                artist_id=tf.Variable(IDS),
                artist_name=tf.Variable([name.upper() for name in IDS]),
                row=row,
                profile=lambda: {"embedding": self._vectors.read_value()},
                dim=self._vectors.shape[1],
                longest=self._longest,
                pair_score=pair_score if scores_pairs else None,
                modalities=MODALITIES,
                present=self._present,
                popularity=self._popularity,
            )
        )
        self.similar = signatures.similar()
        self.similar_filtered = signatures.similar_filtered()
        self.nearest = signatures.nearest()

    def learn(self, facts: Facts) -> None:
        self._vectors.assign(facts.embedding)
        self._longest.assign(max(np.linalg.norm(facts.embedding, axis=1)))
        self._pairs.assign(facts.pair)
        self._present.assign(facts.present)
        self._popularity.assign(facts.popularity)


@pytest.fixture(scope="module")
def catalogues():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("trainer.similar_signatures.SHORTLIST", SHORTLIST)
        made = {"dot product": Catalogue(False), "pairs": Catalogue(True)}
        # Traced now, with the short list of the test.
        for one in made.values():
            one.learn(SOME)
            one.similar(tf.constant(IDS[:1]), tf.constant(1))
            one.similar_filtered(tf.constant(IDS[:1]), tf.constant(1), **NO_FILTER)
        yield made


def answers(outputs) -> list[tuple[list[bytes], list[bytes], list[float]]]:
    assert outputs["score"].dtype == tf.float32
    columns = (outputs[name].numpy().tolist() for name in ("similar_id", "name", "score"))
    return list(zip(*columns, strict=True))


small = st.integers(-2, 2)
vector = st.lists(small, min_size=DIM, max_size=DIM)
some_ids = st.lists(st.sampled_from([*IDS, NOBODY, ""]), max_size=4)
facts_drawn = st.builds(
    Facts,
    st.lists(vector, min_size=NUM_ARTISTS, max_size=NUM_ARTISTS),
    st.lists(
        st.lists(small, min_size=NUM_ARTISTS, max_size=NUM_ARTISTS),
        min_size=NUM_ARTISTS,
        max_size=NUM_ARTISTS,
    ),
    st.lists(
        st.lists(st.booleans(), min_size=len(MODALITIES), max_size=len(MODALITIES)),
        min_size=NUM_ARTISTS,
        max_size=NUM_ARTISTS,
    ),
    st.lists(
        st.sampled_from([0.0, 0.5, 1.0, 3.0, float("nan")]),
        min_size=NUM_ARTISTS,
        max_size=NUM_ARTISTS,
    ),
)
SOME = Facts(
    [[row % 3, row] for row in range(NUM_ARTISTS)],
    [[row * other % 5 for other in range(NUM_ARTISTS)] for row in range(NUM_ARTISTS)],
    [[row % 2 == 0, row > 3] for row in range(NUM_ARTISTS)],
    [float("nan"), *map(float, range(1, NUM_ARTISTS))],
)


@st.composite
def questions(draw, of):
    """Some of what is asked for, and the rest of the request."""
    artists = draw(st.lists(of, max_size=4))
    asked = Asked(
        draw(st.integers(-1, NUM_ARTISTS + 2)),
        draw(st.lists(st.sampled_from([*MODALITIES, ""]), max_size=3)),
        draw(st.sampled_from([-1.0, 0.0, 0.5, 2.0, 99.0, float("inf")])),
        draw(st.lists(some_ids, min_size=len(artists), max_size=len(artists))),
    )
    return artists, asked


@pytest.mark.parametrize("kind", ["dot product", "pairs"])
@given(facts=facts_drawn, question=questions(st.sampled_from([*IDS, NOBODY, ""])))
@settings(max_examples=80, deadline=None)
def test_similar_filtered_is_what_loops_find(catalogues, kind, facts, question):
    catalogue, (artists, asked) = catalogues[kind], question
    catalogue.learn(facts)
    outputs = catalogue.similar_filtered(tf.constant(artists, tf.string), **asked.tensors())
    expected = [
        similar_by_loops(facts, asked, artist, row, kind == "pairs")
        for row, artist in enumerate(artists)
    ]
    assert answers(outputs) == expected
    assert outputs["known"].numpy().tolist() == [artist in IDS for artist in artists]


@given(facts=facts_drawn, question=questions(vector))
@settings(max_examples=80, deadline=None)
def test_nearest_is_what_loops_find(catalogues, facts, question):
    catalogue, (embedding, asked) = catalogues["dot product"], question
    catalogue.learn(facts)
    outputs = catalogue.nearest(
        tf.constant(embedding, tf.float32, [len(embedding), DIM]), **asked.tensors()
    )
    expected = [nearest_by_loops(facts, asked, one, row) for row, one in enumerate(embedding)]
    assert answers(outputs) == expected


def test_filters_by_hand(catalogues):
    """Artist v has vector (v % 3, v); audio has every second, tags from 4 on; popularity is v."""
    catalogue = catalogues["dot product"]
    catalogue.learn(SOME)

    def found(**filters):
        asked = {**NO_FILTER, **filters}
        answer = catalogue.similar_filtered(tf.constant(["artist:1"]), tf.constant(4), **asked)
        return [name.decode().removeprefix("artist:") for name in answer["similar_id"].numpy()[0]]

    # Artist 1 is (1, 1): the score of v is v % 3 + v, so 8 has 10, 5 and 7 have 7 and 8, 6 has 6.
    assert found() == ["8", "7", "5", "6"]
    assert found(modality=tf.constant(["audio"])) == ["8", "6", "4", "2"]
    assert found(modality=tf.constant(["tags", "audio"])) == ["8", "6", "4", ""]
    assert found(min_popularity=tf.constant(7.0)) == ["8", "7", "", ""]
    assert found(exclude_id=tf.constant([["artist:7", "", NOBODY]])) == ["8", "5", "6", "4"]


@pytest.mark.parametrize("k", [0, 2, SHORTLIST + 2, 99])
def test_filters_have_no_more_pairs_scored(catalogues, k):
    catalogue = catalogues["pairs"]
    catalogue.learn(SOME)
    artist, count = tf.constant(IDS[:1]), tf.constant(k)
    catalogue.similar(artist, count)
    without = int(catalogue.scored)
    assert without == min(max(k, SHORTLIST), NUM_ARTISTS - 1)
    asked = {**NO_FILTER, "min_popularity": tf.constant(3.0)}
    catalogue.similar_filtered(artist, count, **asked)
    assert int(catalogue.scored) == without


@pytest.mark.parametrize("signature", ["similar_filtered", "nearest"])
def test_what_cannot_be_answered_is_refused_in_a_sentence(catalogues, signature):
    catalogue = catalogues["dot product"]
    catalogue.learn(SOME)

    def refused(**wrong) -> str:
        first = (
            {"embedding": tf.ones([1, DIM])}
            if signature == "nearest"
            else {"artist_id": tf.constant(IDS[:1])}
        )
        inputs = {**first, "k": tf.constant(2), **NO_FILTER, **wrong}
        with pytest.raises(tf.errors.InvalidArgumentError) as found:
            getattr(catalogue, signature)(**inputs)
        return found.value.message

    assert "[The model has no modality lyrics; it has: audio, tags.]" in refused(
        modality=tf.constant(["audio", "lyrics", "mood"])
    )
    # What is quoted is short, and text, whatever was sent.
    assert f"modality {'é' * 40}; it has" in refused(modality=tf.constant(["é" * 9999]))
    assert "modality \ufffd\ufffdx; it has" in refused(modality=tf.constant([b"\xff\nx"]))
    assert "[min_popularity is NaN; give a number, or 0.]" in refused(
        min_popularity=tf.constant(np.nan)
    )
    assert "exclude_id must have a row for each artist" in refused(
        exclude_id=tf.constant([["a"], ["b"]])
    )
    if signature == "nearest":
        for number in (np.nan, np.inf, -np.inf, 1e38):
            message = refused(embedding=tf.constant([[1.0, number]], tf.float32))
            assert "An embedding has numbers that are NaN, infinite or too large" in message


def test_a_catalogue_without_content_has_no_modality_to_ask_for():
    case = graph_of([(0, 1), (1, 2), (2, 3), (0, 3)], [0] * 4)
    system = small_system(case.graph, small_config(random=True, epochs=1))
    system.fit(case.graph, case.truth("val"))
    ask = ServedModel(system, case.graph, spec_of(case.graph))._similar.similar_filtered()
    inputs = {"artist_id": tf.constant(["artist:0000"]), "k": tf.constant(9)}
    assert ask(**inputs, **NO_FILTER)["similar_id"].shape == (1, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="no modality tags; it has none"):
        ask(**inputs, **{**NO_FILTER, "modality": tf.constant(["tags"])})
