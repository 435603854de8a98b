"""What travels with a model for the explorer: all that may be seen, and no hidden edge."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from serving.explorer.data import ExplorerData, Vectors, Words, read_explorer_data
from tests.trainer.graphs import (
    HiddenGraph,
    awkward,
    graph_of,
    two_communities,
    vectors,
    words,
)
from tests.trainer.small_systems import statistics_of
from tests.trainer.test_leaks import with_hidden_edges_moved
from trainer.explorer_data import MOST_DIMENSIONS, MOST_WORDS, write_explorer_data
from trainer.graph import ArtistGraph


def embedding_of(graph: ArtistGraph) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(len(graph), 4)).astype(np.float32)


def written(case: HiddenGraph, folder: Path, modalities=None) -> bytes:
    graph = case.graph
    read = list(graph.content) if modalities is None else modalities
    write_explorer_data(str(folder), graph, statistics_of(graph), read, embedding_of(graph), "umap")
    assert [path.name for path in (folder / "assets.extra").iterdir()] == ["explorer.npz"]
    return (folder / "assets.extra" / "explorer.npz").read_bytes()


def read(case: HiddenGraph, folder: Path, modalities=None) -> ExplorerData:
    written(case, folder, modalities)
    data = read_explorer_data(folder)
    assert data is not None
    return data


def links(data: ExplorerData) -> set[tuple[int, int]]:
    return {(row, int(other)) for row in range(len(data)) for other in data.neighbors(row)}


@pytest.mark.parametrize("split", ["val", "test"])
def test_hidden_edges_change_no_byte(split, tmp_path):
    case = two_communities()
    moved = with_hidden_edges_moved(case, split)
    assert written(case, tmp_path / "a") == written(moved, tmp_path / "b")


def test_no_hidden_edge_is_among_the_links(tmp_path):
    case = two_communities()
    found = links(read(case, tmp_path))
    hidden = set(zip(*(ends.tolist() for ends in case.hidden.nonzero())))
    assert hidden
    assert not found & hidden
    assert found == set(zip(*(ends.tolist() for ends in case.graph.served_edges().nonzero())))


def test_an_edge_between_two_judged_artists_that_is_made_visible_is_among_the_links(tmp_path):
    """The tests above can fail: the very same edge, visible, is written."""
    edges = [(0, 1), (1, 2), (0, 2)]
    hidden = read(graph_of(edges, [0, 2, 2]), tmp_path / "hidden")
    shown = read(graph_of(edges, [0, 0, 0]), tmp_path / "shown")
    assert links(shown) - links(hidden) == {(1, 2), (2, 1)}
    assert not links(hidden) - links(shown)


def test_the_same_catalogue_gives_the_same_bytes(tmp_path):
    assert written(two_communities(60), tmp_path / "a") == written(
        two_communities(60), tmp_path / "b"
    )


def test_all_that_is_known_of_an_artist_comes_back(tmp_path):
    case = two_communities()
    case.graph.name[3] = "Sigur Rós 💿"
    graph = case.graph
    data = read(case, tmp_path)
    assert list(data.artist_id) == graph.artist_id.tolist()
    assert list(data.name) == graph.name.tolist()
    np.testing.assert_array_equal(data.popularity, graph.popularity)
    assert np.abs([data.x, data.y]).max() == 1
    assert list(data.modalities) == ["audio", "tags"]
    audio, tags = data.modalities["audio"], data.modalities["tags"]
    assert isinstance(audio, Vectors)
    assert isinstance(tags, Words)
    [entry] = [one for one in statistics_of(graph)["modalities"] if one["name"] == "audio"]
    for row in range(len(graph)):
        content = graph.content["audio"]
        vector = audio.of(row)
        assert (vector is not None) == content.present[row] == ("audio" in data.has(row))
        if vector is not None:
            expected = (content.values[row] - entry["mean"]) / entry["deviation"]
            np.testing.assert_allclose(vector, expected, rtol=2e-3, atol=1e-3)
            np.testing.assert_allclose(audio.standardised(content.values[row]), vector, atol=1e-2)
        bag = graph.content["tags"]
        span = slice(bag.offsets[row], bag.offsets[row + 1])
        expected = dict(zip(bag.words[span].tolist(), bag.weights[span].tolist()))
        found = {tags.vocabulary[word]: weight for word, weight in tags.of(row).items()}
        assert found == expected
        assert list(found.values()) == sorted(found.values(), reverse=True)
    assert tags.count[tags.column["dub"]] == 11
    assert tags.count[tags.column["live"]] == 22


def test_words_that_the_model_does_not_read_are_marked(tmp_path):
    case = two_communities()
    training = {f"{row}" for row in case.graph.artists("train")} | {"dub", "polka", "live"}
    tags = read(case, tmp_path / "a").modalities["tags"]
    unread = set(tags.vocabulary) - training
    assert unread
    assert {word for word, known in zip(tags.vocabulary, tags.read) if not known} == unread
    assert not read(case, tmp_path / "b", ["audio"]).modalities["tags"].read.any()


def test_the_strongest_words_are_kept_and_all_are_counted(tmp_path):
    many = {f"word {place:02d}": float(place // 2) for place in range(40)}
    case = graph_of([(0, 1)], [0, 0], {"tags": words([many, {"word 00": 1.0}])})
    tags = read(case, tmp_path).modalities["tags"]
    kept = [tags.vocabulary[word] for word in tags.of(0)]
    assert kept == sorted(many, key=lambda word: (-many[word], word))[:MOST_WORDS]
    assert [tags.vocabulary[word] for word in tags.of(1)] == ["word 00"]
    assert tags.count[tags.column["word 00"]] == 2
    assert tags.count[tags.column["word 01"]] == 1


def test_wide_vectors_keep_their_cosines(tmp_path):
    rng = np.random.default_rng(0)
    # Of rank 40, with noise: the leading components have nearly all of it.
    wide = rng.normal(size=(30, 40)) @ rng.normal(size=(40, 200)) + 0.1 * rng.normal(size=(30, 200))
    case = graph_of([(0, 1)], [0] * 30, {"audio": vectors(wide.tolist())})
    audio = read(case, tmp_path).modalities["audio"]
    assert (audio.dim, audio.values.shape) == (200, (30, MOST_DIMENSIONS))
    plain = (wide - audio.mean) / audio.deviation
    kept = audio.values.astype(np.float64)
    for values in (plain, kept):
        values /= np.linalg.norm(values, axis=1, keepdims=True)
    np.testing.assert_allclose(kept @ kept.T, plain @ plain.T, atol=0.02)
    np.testing.assert_allclose(audio.standardised(wide[4]), audio.of(4), rtol=2e-3, atol=0.02)


def test_odd_content_and_a_catalogue_without_any_travel(tmp_path):
    data = read(awkward(), tmp_path / "awkward")
    assert list(data.modalities) == ["audio", "mood", "country"]
    assert not data.modalities["mood"].present.any()
    assert np.isnan(data.popularity).all()
    assert not len(data.neighbors(4))
    # Artist 5 lists artist 0, which does not list it back.
    assert {(0, 5), (5, 0)} <= links(data)
    bare = read(graph_of([], [0]), tmp_path / "bare")
    assert (len(bare), bare.modalities, len(bare.edges)) == (1, {}, 0)


def test_the_most_popular_are_the_most_prominent_then_the_most_connected(tmp_path):
    case = graph_of([(0, 1), (1, 2), (2, 3), (2, 4)], [0] * 5, popularity=[np.nan, 1, np.nan, 7, 1])
    assert read(case, tmp_path).prominence.tolist() == [3, 1, 4, 2, 0]


def test_another_file_at_its_place_is_replaced(tmp_path):
    case = two_communities()
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "explorer.npz").write_bytes(b"older")
    assert len(read(case, tmp_path)) == len(case.graph)
    renamed = dataclasses.replace(case.graph, name=case.graph.artist_id)
    data = read(HiddenGraph(renamed, case.hidden), tmp_path)
    assert list(data.name) == list(data.artist_id)
