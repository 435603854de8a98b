"""`similar`, `similar_filtered` and `nearest`, against rankings in plain loops."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.ego_graphs import spec_of
from tests.trainer.graphs import HiddenGraph, graph_of
from tests.trainer.small_systems import small_config, small_diffusion_config, small_system
from tests.trainer.test_export import given as new_artist
from tests.trainer.test_export import save, strings, weighted_case
from trainer.export import ServedModel
from trainer.similar_signatures import Candidates, SimilarSignatures

NUM_ARTISTS, DIM, SHORTLIST = 9, 2, 3
IDS = [f"artist:{row}" for row in range(NUM_ARTISTS)]
MODALITIES = ("audio", "tags")
NOBODY = "nobody"


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a catalogue knows; whole numbers, so that sums are exact and many scores tie."""

    embedding: list[list[int]]
    pair: list[list[int]]
    present: list[list[bool]]
    popularity: list[float]


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is asked beside artists or embeddings."""

    k: int
    modality: list[str]
    min_popularity: float
    exclude: list[list[str]]

    def tensors(self) -> dict[str, tf.Tensor]:
        width = max((len(row) for row in self.exclude), default=0)
        padded = [row + [""] * (width - len(row)) for row in self.exclude]
        return {
            "k": tf.constant(self.k, tf.int32),
            "modality": tf.constant(self.modality, tf.string),
            "min_popularity": tf.constant(self.min_popularity, tf.float32),
            "exclude_id": tf.constant(padded, tf.string, [len(padded), width]),
        }


NO_FILTER = {
    "modality": tf.constant([""]),
    "min_popularity": tf.constant(0.0),
    "exclude_id": tf.constant([[""]]),
}


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


def passing(facts: Facts, asked: Asked, row: int) -> list[int]:
    """Who is left for an answer, artist by artist and filter by filter."""
    left = []
    for other in range(NUM_ARTISTS):
        if IDS[other] in asked.exclude[row]:
            continue
        if any(
            name and not facts.present[other][MODALITIES.index(name)] for name in asked.modality
        ):
            continue
        known = facts.popularity[other] == facts.popularity[other]
        if asked.min_popularity > 0 and not (
            known and facts.popularity[other] >= asked.min_popularity
        ):
            continue
        left.append(other)
    return left


def dot(one, other) -> int:
    return sum(x * y for x, y in zip(one, other, strict=True))


def padded(best: list[int], scores: list[float], width: int):
    best, scores = best[:width], scores[:width]
    rest = width - len(best)
    return (
        [IDS[row].encode() for row in best] + [b""] * rest,
        [IDS[row].upper().encode() for row in best] + [b""] * rest,
        scores + [0.0] * rest,
    )


def similar_by_loops(facts: Facts, asked: Asked, artist: str, row: int, scores_pairs: bool):
    width = min(max(asked.k, 0), NUM_ARTISTS - 1)
    if artist not in IDS:
        return padded([], [], width)
    query = IDS.index(artist)
    near = [other for other in passing(facts, asked, row) if other != query]
    # Sorting is stable: of those who tie, the one that came first comes first.
    near.sort(key=lambda other: -dot(facts.embedding[query], facts.embedding[other]))
    if not scores_pairs:
        return padded(
            near, [dot(facts.embedding[query], facts.embedding[other]) for other in near], width
        )
    near = near[: max(width, SHORTLIST)]
    near.sort(key=lambda other: -facts.pair[query][other])
    return padded(near, [facts.pair[query][other] for other in near], width)


def nearest_by_loops(facts: Facts, asked: Asked, vector: list[int], row: int):
    width = min(max(asked.k, 0), NUM_ARTISTS)
    near = passing(facts, asked, row)
    near.sort(key=lambda other: -dot(vector, facts.embedding[other]))
    return padded(near, [dot(vector, facts.embedding[other]) for other in near], width)


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
