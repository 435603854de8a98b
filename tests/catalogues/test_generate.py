"""The synthetic catalogue: its statistics, its bytes and its memory."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogues.check import check
from catalogues.errors import InputError
from catalogues.generate import generate
from catalogues.spec import load_catalogue
from catalogues.synthetic.edges import sample_edges
from catalogues.synthetic.listening import sample_plays
from catalogues.synthetic.names import artist_name
from catalogues.synthetic.world import World

NUM_ARTISTS = 3000


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("generated") / "cat"
    generate(target, artists=NUM_ARTISTS, seed=7)
    return target


def table(folder, pattern):
    return ds.dataset(sorted(map(str, folder.glob(pattern)))).to_table().to_pandas()


def all_edges(world):
    pieces = [sample_edges(world, place) for place in range(world.num_communities)]
    return [
        (source, target)
        for piece in pieces
        for source, target in zip(piece["source"], piece["target"])
    ]


def test_the_check_finds_nothing_wrong(catalogue):
    report = check(load_catalogue(catalogue))
    assert report.problems == []
    assert report.num_artists == NUM_ARTISTS
    assert set(report.coverage) == {"popularity", "audio", "neural_audio", "tags", "plays"}


def test_degrees_are_as_top_heavy_as_a_real_graphs(catalogue):
    report = check(load_catalogue(catalogue))
    low, middle, high = report.degree_quartiles
    assert 2 <= low <= 4
    assert 6 <= middle <= 9
    assert 13 <= high <= 19
    assert report.largest_degree > 130


@settings(max_examples=25, deadline=None)
@given(num_artists=st.integers(2, 2500), seed=st.integers(0, 2**32))
def test_every_artist_is_there_once_and_no_edge_twice(num_artists, seed):
    world = World(num_artists, seed)
    numbers = [
        number
        for place in range(world.num_communities)
        for number in world.community(place).numbers.tolist()
    ]
    assert sorted(numbers) == list(range(num_artists))
    edges = all_edges(world)
    undirected = {frozenset(edge) for edge in edges}
    assert len(undirected) == len(edges)
    assert all(len(edge) == 2 for edge in undirected)


@settings(max_examples=50, deadline=None)
@given(num_artists=st.integers(2, 50_000), seed=st.integers(0, 99))
def test_partners_are_partners_of_each_other(num_artists, seed):
    world = World(num_artists, seed)
    for place in range(world.num_communities):
        assert place not in world.partners(place)
        for partner in world.partners(place):
            assert place in world.partners(partner)


def test_a_community_is_the_same_whenever_it_is_asked_for():
    first, second = World(20_000, 3), World(20_000, 3)
    for place in range(first.num_communities):
        first.community(place)
    # The first world has forgotten community 0 by now and makes it again.
    np.testing.assert_array_equal(first.community(0).taste, second.community(0).taste)


def hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_same_seed_gives_the_same_bytes(tmp_path, catalogue):
    generate(tmp_path / "again", artists=NUM_ARTISTS, seed=7)
    generate(tmp_path / "other", artists=NUM_ARTISTS, seed=8)
    assert hashes(tmp_path / "again") == hashes(catalogue)
    same = hashes(tmp_path / "other").items() & hashes(catalogue).items()
    assert same == set()


def test_the_hidden_taste_is_no_input(catalogue):
    assert "taste" not in (catalogue / "catalogue.yaml").read_text()
    taste = table(catalogue, "taste.parquet")
    assert sorted(taste["artist_id"]) == sorted(table(catalogue, "artists-*")["artist_id"])
    np.testing.assert_allclose(np.linalg.norm(np.stack(taste["taste"]), axis=1), 1, rtol=1e-5)


def test_edges_follow_taste_and_weights_are_their_similarity(catalogue):
    taste = table(catalogue, "taste.parquet").set_index("artist_id")["taste"]
    edges = table(catalogue, "edges-*")
    assert ((edges["weight"] > 0) & (edges["weight"] <= 1)).all()
    cosine = np.sum(np.stack(taste[edges["source"]]) * np.stack(taste[edges["target"]]), axis=1)
    strangers = np.sum(
        np.stack(taste[edges["source"]]) * np.stack(taste.sample(len(edges), replace=True)), axis=1
    )
    assert cosine.mean() > strangers.mean() + 0.3
    assert np.corrcoef(cosine, edges["weight"])[0, 1] > 0.9


def test_content_carries_part_of_the_taste(catalogue):
    """Audio neighbours have closer tastes than strangers have, but not as close as can be."""
    artists = table(catalogue, "artists-*").set_index("artist_id")
    taste = table(catalogue, "taste.parquet").set_index("artist_id")["taste"]
    heard = artists[artists["neural_audio"].notna()]
    audio = np.stack(heard["neural_audio"])
    audio = audio / np.linalg.norm(audio, axis=1, keepdims=True)
    tastes = np.stack(taste[heard.index])
    likeness = audio @ audio.T
    np.fill_diagonal(likeness, -1)
    nearest = likeness.argmax(axis=1)
    of_audio = (tastes * tastes[nearest]).sum(axis=1).mean()
    truth = tastes @ tastes.T
    strangers = truth.mean()
    np.fill_diagonal(truth, -1)
    assert strangers + 0.2 < of_audio < truth.max(axis=1).mean() - 0.05


def test_the_unknown_lack_more_and_different_artists_lack_different_things(catalogue):
    artists = table(catalogue, "artists-*")
    no_audio, no_neural = artists["tempo"].isna(), artists["neural_audio"].isna()
    assert 0.15 < no_audio.mean() < 0.4
    assert 0.3 < no_neural.mean() < 0.55
    assert (no_audio & ~no_neural).any() and (~no_audio & no_neural).any()
    famous = artists["popularity"] > artists["popularity"].median()
    assert no_audio[famous].mean() < 0.7 * no_audio[~famous].mean()


def test_popularity_goes_along_with_degree(catalogue):
    artists = table(catalogue, "artists-*").set_index("artist_id")
    edges = table(catalogue, "edges-*")
    degree = edges["source"].value_counts().add(edges["target"].value_counts(), fill_value=0)
    degree = degree.reindex(artists.index, fill_value=0)
    assert artists["popularity"].corr(degree, method="spearman") > 0.5


def test_no_listener_is_counted_twice_with_an_artist():
    plays = sample_plays(World(1000, 1), 2)
    pairs = list(zip(plays["listener_id"], plays["artist_id"]))
    assert len(set(pairs)) == len(pairs) > 0
    assert plays["plays"].min() >= 1


def test_names_do_not_repeat():
    assert len({artist_name(number) for number in range(5000)}) == 5000


def test_the_smallest_catalogue_and_no_smaller(tmp_path):
    assert generate(tmp_path / "two", artists=2, seed=0)["artists"] == 2
    with pytest.raises(InputError, match="at least 2 artists"):
        generate(tmp_path / "one", artists=1, seed=0)
    with pytest.raises(InputError, match="seed"):
        generate(tmp_path / "one", artists=10, seed=-1)
    assert not (tmp_path / "one").exists()


def test_memory_does_not_grow_with_the_artists(tmp_path):
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from catalogues.generate import generate\n"
        "generate(Path(sys.argv[1]), artists=int(sys.argv[2]), seed=1)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
    )

    def peak_mebibytes(artists):
        command = [sys.executable, "-c", code, str(tmp_path / str(artists)), str(artists)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    # The largest buffers fill up at 33,000 artists (some 30 MiB more than at 10,000). Twice as
    # many artists as that must not need more; held in memory, their tables would be 100 MiB.
    assert peak_mebibytes(66_000) < peak_mebibytes(33_000) + 25
