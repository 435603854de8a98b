"""The explorer's API through a started server, compared with the graph and the SavedModel."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.serving.explorer.bad_requests import BAD_BODIES, BAD_QUERIES
from tests.trainer.small_systems import statistics_of

API = "/explorer/api/"
UNKNOWN = {"error": "The catalogue has no artist 'nobody'."}


def artist(row: int) -> str:
    return f"artist:{row:04d}"


@pytest.fixture(scope="session")
def get(explorer):
    def get(path: str, status: int = 200, **params: Any) -> Any:
        answer = explorer.address.get(API + path, params=params)
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"].startswith("application/json")
        assert answer.headers.get("Cache-Control") == ("no-store" if status == 200 else None)
        return answer.json()

    return get


@pytest.fixture(scope="session")
def post(explorer):
    def post(body: Any, status: int = 200) -> Any:
        answer = explorer.address.post(API + "new", body)
        assert answer.status_code == status, answer.text
        return answer.json()

    return post


@pytest.fixture(scope="session")
def model(served):
    return tf.saved_model.load(served.path)


@pytest.fixture(scope="session")
def links(served) -> set[tuple[str, str]]:
    ends = served.graph.served_edges().nonzero()
    return {(artist(u), artist(v)) for u, v in zip(*(one.tolist() for one in ends))}


def ranked(model, row: int, k: int, modality=("",), min_popularity=0.0, exclude=("",)):
    found = model.signatures["similar_filtered"](
        artist_id=tf.constant([artist(row)]),
        k=tf.constant(k),
        modality=tf.constant(modality),
        min_popularity=tf.constant(min_popularity),
        exclude_id=tf.constant([exclude]),
    )
    return [
        (key.decode(), pytest.approx(float(score), rel=1e-5))
        for key, score in zip(found["similar_id"].numpy()[0], found["score"].numpy()[0])
        if key
    ]


def scores(answer: dict[str, Any]) -> list[tuple[str, float]]:
    return [(one["id"], one["score"]) for one in answer["similar"]]


def standardised(graph) -> dict[int, np.ndarray]:
    """The audio vectors of those who have one."""
    [entry] = [one for one in statistics_of(graph)["modalities"] if one["name"] == "audio"]
    audio = graph.content["audio"]
    return {
        int(row): (audio.values[row] - entry["mean"]) / entry["deviation"]
        for row in np.flatnonzero(audio.present)
    }


def test_about_counts_what_there_is(get, served):
    popularity = np.array([10 * (row % 6) for row in range(13)])
    assert get("about") == {
        "model": "artist_sim",
        "version": "7",
        "explorable": True,
        "takes_plays": False,
        "most_k": 100,
        "num_artists": 14,
        "num_known_links": served.graph.served_edges().nnz // 2,
        "has_popularity": True,
        "popularity_quantiles": np.quantile(popularity, np.linspace(0, 1, 11)).tolist(),
        "modalities": [
            {"name": "audio", "kind": "vector", "dim": 3, "num_artists": 12},
            {"name": "tags", "kind": "words", "dim": None, "num_artists": 13},
        ],
    }


def test_search_finds_by_name_and_lists_the_most_popular_of_an_empty_query(get):
    [found] = get("search", q="SIGUR ros")["artists"]
    assert found == {
        "id": artist(4),
        "name": "Sigur Rós",
        "popularity": 40.0,
        "modalities": ["audio", "tags"],
    }
    popular = get("search", limit=4)["artists"]
    assert [one["popularity"] for one in popular] == [50.0, 50.0, 40.0, 40.0]
    assert get("search", q="", limit=4) == {"artists": popular}
    last = get("search", limit=100)["artists"][-1]
    assert (last["id"], last["popularity"]) == (artist(13), None)


def test_an_artist_has_its_words_strongest_first_and_its_place(get, served):
    found = get("artist", id=artist(2))
    assert found["words"] == {"tags": [["dub", 3.0], ["live", 2.0]]}
    assert found["num_neighbors"] == len(served.listed(2))
    assert -1 <= found["x"] <= 1
    assert -1 <= found["y"] <= 1
    assert get("artist", id=artist(6))["words"] == {}
    assert get("artist", 404, id="nobody") == UNKNOWN


@pytest.mark.parametrize(
    ("params", "filters"),
    [
        ({}, {}),
        ({"modality": ["audio"]}, {"modality": ["audio"]}),
        ({"modality": ["tags", "audio"]}, {"modality": ["tags", "audio"]}),
        ({"min_popularity": 20}, {"min_popularity": 20.0}),
        ({"exclude": [artist(1), artist(3)]}, {"exclude": [artist(1), artist(3)]}),
        ({"exclude": ["a name of an older version"]}, {}),
        ({"min_popularity": -3}, {}),
        (
            {"modality": ["audio"], "min_popularity": "2e1", "exclude": [artist(4)]},
            {"modality": ["audio"], "min_popularity": 20.0, "exclude": [artist(4)]},
        ),
    ],
)
def test_similar_is_what_the_model_answers(get, model, params, filters):
    for k in (3, 100):
        answer = get("similar", id=artist(0), k=k, **params)
        assert answer["artist"] == get("artist", id=artist(0))
        assert scores(answer) == ranked(model, 0, k, **filters)
    assert len(answer["similar"]) <= 13


def test_each_similar_artist_comes_with_reasons(get, served, links):
    answer = get("similar", id=artist(2), k=13)
    by_id = {one["id"]: one for one in answer["similar"]}
    assert len(by_id) == 13
    neighbors = {one: {v for u, v in links if u == one} for one in [artist(2), *by_id]}
    for one, found in by_id.items():
        described = get("artist", id=one)
        for name in ("id", "name", "popularity", "modalities", "x", "y"):
            assert found[name] == described[name]
        assert found["known"] == ((artist(2), one) in links)
        both = neighbors[artist(2)] & neighbors[one]
        assert found["shared_neighbors"]["count"] == len(both)
        assert {other["id"] for other in found["shared_neighbors"]["artists"]} <= both
    # Dub has 3 of 3 and 6 of 6, live 2 of 3 and 2 of 6.
    assert by_id[artist(5)]["shared_words"] == {"tags": ["dub", "live"]}
    assert by_id[artist(0)]["shared_words"] == {}
    audio = standardised(served.graph)
    for one, found in by_id.items():
        row = int(one[-4:])
        cosines = {}
        if row in audio:
            product = audio[2] @ audio[row]
            cosines["audio"] = product / np.linalg.norm(audio[2]) / np.linalg.norm(audio[row])
        if found["shared_words"]:
            logs = np.log1p([[3, 2], [1 + row, 2]])
            cosines["tags"] = logs[0] @ logs[1] / np.prod(np.linalg.norm(logs, axis=1))
        elif "tags" in found["modalities"]:
            cosines["tags"] = 0.0
        if not cosines:
            assert found["nearest_modality"] is None
            continue
        name = max(cosines, key=cosines.__getitem__)
        assert found["nearest_modality"] == {
            "name": name,
            "similarity": pytest.approx(cosines[name], abs=2e-3),
        }
    assert any(one["known"] for one in by_id.values())
    assert not all(one["known"] for one in by_id.values())


def test_nobody_may_be_left(get):
    assert get("similar", id=artist(0), min_popularity=1000)["similar"] == []
    answer = get("neighborhood", id=artist(0), min_popularity=1000)
    assert [one["id"] for one in answer["nodes"]] == [artist(0)]
    assert answer["links"] == []


@pytest.mark.parametrize("params", [{}, {"min_popularity": 20}, {"modality": "audio"}])
def test_a_neighbourhood_links_what_is_similar_and_what_is_known(get, links, model, params):
    answer = get("neighborhood", id=artist(0), k=6, **params)
    similar = get("similar", id=artist(0), k=6, **params)["similar"]
    nodes = {one["id"]: one for one in answer["nodes"]}
    assert list(nodes) == [artist(0), *(one["id"] for one in similar)]
    assert nodes[artist(0)]["score"] is None
    for one in similar:
        assert nodes[one["id"]] == {name: one[name] for name in ("id", "name", "score", "x", "y")}
    ten = {one: dict(ranked(model, int(one[-4:]), 10)) for one in nodes}
    expected = {frozenset((artist(0), one["id"])): one["score"] for one in similar}
    for one in nodes:
        for other in nodes:
            if artist(0) not in (one, other) and other in ten[one]:
                expected.setdefault(frozenset((one, other)), None)
    found = {"similar": [], "known": []}
    for link in answer["links"]:
        found[link["kind"]].append(frozenset((link["source"], link["target"])))
        assert (link["score"] is None) == (link["kind"] == "known")
    for pairs in found.values():
        assert len(pairs) == len(set(pairs))
    assert set(found["similar"]) == set(expected)
    pairs = {frozenset(pair) for pair in links}
    assert set(found["known"]) == {pair for pair in pairs if pair <= set(nodes)}
    for link in answer["links"]:
        if link["kind"] == "similar" and artist(0) in (link["source"], link["target"]):
            other = link["target"] if link["source"] == artist(0) else link["source"]
            assert link["score"] == nodes[other]["score"]


def test_the_map_has_a_column_for_each_thing(get):
    answer = get("map")
    assert {name: len(answer[name]) for name in ("id", "name", "x", "y", "group")} == (
        dict.fromkeys(("id", "name", "x", "y", "group"), 14)
    )
    assert answer["groups"] == ["dub", "polka", "unheard", "other"]
    group = {one: answer["groups"][place] for one, place in zip(answer["id"], answer["group"])}
    assert (group[artist(0)], group[artist(5)], group[artist(6)]) == ("polka", "dub", "other")
    assert np.abs([answer["x"], answer["y"]]).max() == 1
    place = get("artist", id=answer["id"][3])
    assert answer["x"][3] == pytest.approx(place["x"], abs=1e-4)


def test_words_are_completed_with_those_that_the_model_reads(get):
    assert get("words", modality="tags", q="d") == {"words": [{"word": "dub", "count": 8}]}
    counts = [("dub", 8), ("live", 8), ("polka", 4)]
    assert get("words", modality="tags") == {
        "words": [{"word": word, "count": count} for word, count in counts]
    }
    assert get("words", modality="tags", q="unheard") == {"words": []}
    assert get("words", 400, modality="audio")["error"] == (
        "The modality 'audio' has vectors, not words."
    )
    assert get("words", 400, modality="tag")["error"] == (
        "The catalogue has no modality 'tag' (did you mean 'tags'?); it has: audio, tags."
    )


def test_a_new_artist_is_embedded_and_ranked_by_the_model(post, get, model):
    content = {"tags": {"dub": 3, "live": 1.5}, "audio": [0.5, -1, 2]}
    neighbors = [artist(2), artist(5), "nobody"]
    answer = post({"content": content, "neighbors": neighbors, "k": 6})
    embedded = model.signatures["embed_new"](
        artist_id=tf.constant([""]),
        neighbor_id=tf.constant([neighbors]),
        neighbor_weight=tf.zeros([1, 3]),
        audio=tf.constant([[0.5, -1, 2]]),
        audio_present=tf.constant([1], tf.int64),
        tags=tf.constant([["dub", "live"]]),
        tags_weight=tf.constant([[3, 1.5]]),
    )
    nearest = model.signatures["nearest"](
        embedding=embedded["embedding"],
        k=tf.constant(6),
        modality=tf.constant([""]),
        min_popularity=tf.constant(0.0),
        exclude_id=tf.constant([[""]]),
    )
    assert scores(answer) == [
        (key.decode(), pytest.approx(float(score), rel=1e-4))
        for key, score in zip(nearest["similar_id"].numpy()[0], nearest["score"].numpy()[0])
    ]
    assert answer["known_neighbors"] == 2
    for one in answer["similar"]:
        assert one["known"] == (one["id"] in neighbors)
        assert "shared_words" in one
    weight = np.maximum([one["score"] for one in answer["similar"]], 0)
    for axis in "xy":
        places = [one[axis] for one in answer["similar"]]
        expected = np.average(places, weights=weight if weight.any() else None)
        assert answer[axis] == pytest.approx(expected, abs=1e-6)


def test_a_new_artist_is_filtered(post):
    body = {"neighbors": [artist(0)], "min_popularity": 20, "modality": ["audio"], "k": 100}
    found = post(body)["similar"]
    assert found
    assert all(one["popularity"] >= 20 and "audio" in one["modalities"] for one in found)
    fewer = post({**body, "exclude": [found[0]["id"]]})["similar"]
    assert [one["id"] for one in fewer] == [one["id"] for one in found[1:]]
    nobody = post({**body, "min_popularity": 1e6})
    assert (nobody["similar"], nobody["x"], nobody["y"]) == ([], None, None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": {}, "neighbors": []},
        {"neighbors": ["nobody"]},
        {"content": {"tags": {"unheard": 1}}},
        {"content": {"tags": {"never used": 1}}},
        {"content": {"tags": {"dub": 0}}},
    ],
)
def test_nothing_known_of_a_new_artist_is_a_400(post, body):
    assert post(body, 400)["error"] == (
        "Nothing is known of this artist: give words that the model knows, a vector, plays of "
        "listeners that it knows, or similar artists of the catalogue."
    )


@pytest.mark.parametrize(("path", "query", "sentence"), BAD_QUERIES)
def test_a_bad_query_gets_one_sentence(explorer, path, query, sentence):
    answer = explorer.address.get(f"{API}{path}?{query}")
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})


@pytest.mark.parametrize(("body", "sentence"), BAD_BODIES)
def test_a_bad_new_artist_gets_one_sentence(post, body, sentence):
    told = post(body, 400)["error"]
    assert told.startswith(sentence)
    assert told.endswith(".")


def test_an_unknown_artist_is_a_404(get):
    for path in ("artist", "similar", "neighborhood"):
        assert get(path, 404, id="nobody") == UNKNOWN
    assert len(get("artist", 404, id="n" * 200)["error"]) < 120


def test_other_paths_and_methods_are_refused(explorer):
    assert explorer.address.get(API + "nothing").status_code == 404
    assert explorer.address.get(API + "new").status_code == 405
    assert explorer.address.post(API + "about", {}).status_code == 405


def test_the_longest_lists_that_are_allowed_fit_into_a_request(explorer, get):
    # 200 ids of 200 letters, each of which is nine bytes of the address.
    first = get("search", q="", limit=1)["artists"][0]["id"]
    longest = {"id": first, "k": 3, "exclude": [f"{n:03}" + "丸" * 197 for n in range(200)]}
    assert len(get("similar", **longest)["similar"]) == 3


def test_requests_are_counted_as_the_explorer_s(explorer, get):
    get("about")
    get("artist", 404, id="nobody")
    page = explorer.address.get("/metrics").text
    for code in (200, 404):
        assert (
            f'artist_sim_requests_total{{asked="explorer",code="{code}",protocol="rest"}}' in page
        )


def test_no_answer_has_a_number_that_json_does_not_know(explorer):
    def refuse(text: str) -> None:
        raise AssertionError(text)

    for query in ("artist?id=artist:0013", "map", "similar?id=artist:0013&k=13", "search"):
        text = explorer.address.get(API + query).text
        json.loads(text, parse_constant=refuse)
