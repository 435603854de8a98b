"""Plays become vectors: the fit, and what of them stands in the ego graphs."""

from __future__ import annotations

import dataclasses
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import threadpoolctl
from implicit.cpu import als

from components.catalogue_example_gen.config import BuildConfig, ListeningConfig
from components.catalogue_example_gen.details import Play, plays_by_listener
from components.catalogue_example_gen.listening import TrainingRow, fit, known_plays
from tests.components.catalogue_example_gen.building import SPLITS, built, feature_values
from tests.components.catalogue_example_gen.listened_rows import random_rows
from tests.trainer.blas_threads import blas_threads
from trainer.listener_factors import ListenerFactors, texts

SPEC = """\
name: listened
artists: {table: artists.csv, id: id, split: split}
edges: {table: edges.csv, source: a, target: b}
plays: {table: 'plays*.csv', listener: who, artist: artist, plays: n}
"""
# t5 has no plays, t6 only of zero; 'guest' plays judged artists alone, 'fan' one training artist.
ARTISTS = "id,split\n" + "".join(
    f"{name},{split}\n"
    for split, names in {"train": ("t1", "t2", "t3", "t4", "t5", "t6"), "val": ("v1", "v2")}.items()
    for name in names
)
ARTISTS += "x1,test\nx2,test\n"
EDGES = "a,b\nt1,t2\nt3,t4\nt1,v1\nv1,v2\nx1,x2\n"
PLAYS = (
    "who,artist,n\n"
    "ann,t1,10\nann,t2,3\nann,t3,1\n"
    "bob,t1,5\nbob,t2,1\nbob,t4,7\n"
    "cat,t3,50\ncat,t4,2\n"
    "dan,t2,4\ndan,t4,4\n"
    "fan,t4,9\n"
    "ann,t6,0\n"
    "ann,v1,10\ncat,v1,2\nguest,v1,99\nann,v1,6\n"
    "guest,v2,1\n"
    "guest,x1,30\nann,x2,3\nfan,x2,5\n"
)
FILES = {"catalogue.yaml": SPEC, "artists.csv": ARTISTS, "edges.csv": EDGES, "plays.csv": PLAYS}
LISTENING = ListeningConfig(factors=3, iterations=4, max_listeners=4, regularization=0.5, alpha=2.0)
CONFIG = BuildConfig(listening=LISTENING)
TWO_PROCESSES = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")

# In a process of its own: how many threads BLAS and OpenMP have is decided once.
THREADS_PROBE = """
import hashlib
from tests.components.catalogue_example_gen.listened_rows import random_rows
from components.catalogue_example_gen.config import ListeningConfig
from components.catalogue_example_gen.listening import fit
rows, listeners = random_rows(300, 150, 0.1)
found = fit(rows, listeners, ListeningConfig(factors=40, iterations=3))
print(hashlib.sha256(found.to_bytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def listened(tmp_path_factory):
    return built(tmp_path_factory.mktemp("listened"), FILES, CONFIG)


def archive(found) -> bytes:
    return (found.folder / "listening.npz").read_bytes()


def vector(found, artist):
    """An artist's vector, None where it misses the modality."""
    for split in SPLITS:
        values = found.examples(split).get(artist)
        if values:
            given = np.array(values["nodes/artist.listening"], np.float32)
            assert values["nodes/artist.listening_present"] == [int(given.any())]
            return given if given.any() else None
    raise AssertionError(artist)


def slow_fit(plays: np.ndarray, config: ListeningConfig) -> tuple[np.ndarray, np.ndarray]:
    """Alternating least squares with every matrix written out.

    Args:
      plays: [num_listeners, num_artists].

    Returns:
      The listeners' and the artists' vectors.
    """
    rng = np.random.default_rng(config.seed)
    # The library's own beginning: first the listeners', then the artists'.
    listeners = rng.random((plays.shape[0], config.factors)) * 0.01
    artists = rng.random((plays.shape[1], config.factors)) * 0.01

    def half_step(played, fixed):
        found = []
        for counts in played:
            c = np.diag([1 + config.alpha * math.log(1 + r / config.epsilon) for r in counts])
            p = (counts > 0).astype(float)
            matrix = fixed.T @ c @ fixed + config.regularization * np.eye(config.factors)
            found.append(np.linalg.inv(matrix) @ fixed.T @ c @ p)
        return np.array(found)

    for _ in range(config.iterations):
        listeners = half_step(plays, artists)
        artists = half_step(plays.T, listeners)
    return listeners, artists


def rows_of(plays: np.ndarray) -> list[TrainingRow]:
    """[num_listeners, num_artists] plays as training rows."""
    rows = []
    for artist, counts in enumerate(plays.T):
        place = np.flatnonzero(counts)
        data = counts[place].astype(np.float64)
        rows.append(TrainingRow(f"{artist}", place.astype(np.int32).tobytes(), data.tobytes()))
    return rows


@pytest.mark.parametrize(
    "plays",
    [[[5, 0], [1, 3]], [[1, 4, 0, 0], [0, 2, 9, 0], [3, 0, 1, 7]]],
    ids=["two by two", "fewer listeners than factors"],
)
def test_the_fit_is_the_papers_alternation(plays):
    plays = np.array(plays, float)
    config = ListeningConfig(factors=4, iterations=5, alpha=3.0, epsilon=2.0, regularization=0.3)
    found = fit(rows_of(plays), texts("abc"[: len(plays)]), config)
    listeners, artists = slow_fit(plays, config)
    np.testing.assert_allclose(found.factors, listeners, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.gram, listeners.T @ listeners, rtol=1e-4, atol=1e-5)
    # What folds in is what the last half-step of the fit itself found.
    for artist, counts in enumerate(plays.T):
        place = np.flatnonzero(counts)
        folded = found.fold_in(place, counts[place])
        np.testing.assert_allclose(folded, artists[artist], rtol=1e-4, atol=1e-5)


def test_the_order_of_the_rows_does_not_matter():
    rows, listeners = random_rows(40, 30, 0.2)
    config = ListeningConfig(factors=5, iterations=3)
    once = fit(rows, listeners, config).to_bytes()
    assert fit(rows, listeners, config).to_bytes() == once
    assert fit(rows[::-1], listeners, config).to_bytes() == once
    assert fit(rows, listeners, dataclasses.replace(config, seed=1)).to_bytes() != once


def test_the_same_bits_on_any_number_of_threads():
    digests = set()
    for threads in ("1", "2"):
        environment = os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        probe = [sys.executable, "-c", THREADS_PROBE]
        found = subprocess.run(probe, env=environment, capture_output=True, text=True, check=True)
        digests.add(found.stdout)
    assert len(digests) == 1


def test_blas_has_one_thread_while_the_fit_runs(monkeypatch):
    """What more threads change are last bits of 64, which the 32-bit vectors seldom show."""
    seen, fitted = [], als.AlternatingLeastSquares.fit

    def watched(model, *given, **options):
        seen.append(blas_threads())
        return fitted(model, *given, **options)

    monkeypatch.setattr(als.AlternatingLeastSquares, "fit", watched)
    with threadpoolctl.threadpool_limits(3, user_api="blas"):
        fit(*random_rows(10, 8, 0.5), ListeningConfig(factors=2, iterations=1))
        assert blas_threads() == {3}
    assert seen == [{1}]


def test_plays_of_a_listener_are_added_up():
    plays = [Play("b", 0.1), Play("a", 0.0), Play("b", 0.2), Play("b", 0.3), Play("aa", 2.0)]
    expected = (Play("aa", 2.0), Play("b", math.fsum([0.1, 0.2, 0.3])))
    assert plays_by_listener(plays) == plays_by_listener(plays[::-1]) == expected


def test_known_plays_leaves_out_who_is_not_known():
    place, plays = known_plays(texts("bdf"), [("a", 1.0), ("b", 2.0), ("e", 3.0), ("f", 4.0)])
    assert (place.tolist(), plays.tolist()) == ([0, 2], [2.0, 4.0])
    place, plays = known_plays(texts(""), [("a", 1.0)])
    assert (place.tolist(), plays.tolist()) == ([], [])


def test_the_most_active_listeners_are_kept(listened):
    # ann and bob played three training artists, cat and dan two, fan one; guest none.
    factors = ListenerFactors.from_bytes(archive(listened))
    assert factors.listener_id.tolist() == ["ann", "bob", "cat", "dan"]
    assert factors.factors.shape == (4, 3)
    assert (factors.alpha, factors.epsilon, factors.regularization) == (2.0, 1.0, 0.5)


def test_the_builders_factors_are_of_the_training_artists_plays(listened):
    plays = [[10, 3, 1, 0], [5, 1, 0, 7], [0, 0, 50, 2], [0, 4, 0, 4]]
    listeners, artists = slow_fit(np.array(plays, float), LISTENING)
    found = ListenerFactors.from_bytes(archive(listened)).factors
    np.testing.assert_allclose(found, listeners, rtol=1e-4, atol=1e-5)
    for name, expected in zip(("t1", "t2", "t3", "t4"), artists, strict=True):
        np.testing.assert_allclose(vector(listened, name), expected, rtol=1e-4, atol=1e-5)


def test_every_artist_is_folded_in_by_its_plays_of_kept_listeners(listened):
    factors = ListenerFactors.from_bytes(archive(listened))
    # 10 and 6 plays of ann are 16; guest is not kept.
    v1 = factors.fold_in(np.array([0, 2]), np.array([16.0, 2.0]))
    np.testing.assert_array_equal(vector(listened, "v1"), v1)
    x2 = factors.fold_in(np.array([0]), np.array([3.0]))
    np.testing.assert_array_equal(vector(listened, "x2"), x2)


def test_who_no_kept_listener_played_misses_the_modality(listened):
    for artist in ("t5", "t6", "v2", "x1"):
        assert vector(listened, artist) is None


def test_the_plays_of_kept_listeners_are_kept_beside_the_examples_of_all_splits(listened):
    found = {}
    for record in listened.plays():
        values = feature_values(record)
        assert set(values) == {"artist_id", "listener_id", "plays"}
        (artist,) = values["artist_id"]
        assert artist not in found
        found[artist] = dict(zip(values["listener_id"], values["plays"], strict=True))
    # fan and guest are not kept; nobody else played v2, x1 and t6.
    assert found == {
        "t1": {"ann": 10, "bob": 5},
        "t2": {"ann": 3, "bob": 1, "dan": 4},
        "t3": {"ann": 1, "cat": 50},
        "t4": {"bob": 7, "cat": 2, "dan": 4},
        "v1": {"ann": 16, "cat": 2},
        "x2": {"ann": 3},
    }


def test_no_ego_graph_has_plays_or_listeners(listened):
    for split in SPLITS:
        for values in listened.examples(split).values():
            assert not [name for name in values if "plays" in name or "listener" in name]
            assert not {"ann", "bob", "cat", "dan", "fan", "guest"} & {
                text for found in values.values() for text in found
            }


def test_plays_of_every_listener_count_for_popularity(listened):
    popularity = listened.examples("val")["v1"]["nodes/artist.popularity"]
    assert popularity == pytest.approx([math.log1p(10 + 2 + 99 + 6)])


def test_statistics_are_of_the_training_artists_vectors(listened):
    (entry,) = listened.content["modalities"]
    found = np.array([vector(listened, name) for name in ("t1", "t2", "t3", "t4")], np.float64)
    assert (entry["name"], entry["kind"], entry["dim"]) == ("listening", "vector", 3)
    assert entry["num_artists"] == 4
    assert entry["mean"] == pytest.approx(found.mean(axis=0))
    assert entry["deviation"] == pytest.approx(found.std(axis=0))


def test_plays_of_judged_artists_teach_nothing(listened, tmp_path):
    """Changed, added and removed: what is learnt, and training records, stay byte for byte."""
    plays = PLAYS.replace("ann,v1,10\n", "ann,v1,1000\n").replace("guest,v2,1\n", "bob,v2,8\n")
    plays = plays.replace("ann,x2,3\nfan,x2,5\n", "".join(f"fan,x{i},5\n" for i in (1, 2)))
    other = built(tmp_path, FILES | {"plays.csv": plays}, CONFIG)
    assert archive(other) == archive(listened)
    assert other.records("train") == listened.records("train")
    for sidecar in ("content.json", "graph_schema.pbtxt"):
        assert (other.folder / sidecar).read_bytes() == (listened.folder / sidecar).read_bytes()
    assert vector(other, "v2") is not None
    assert vector(other, "x2") is None


def test_several_workers_and_files_write_the_same(listened, tmp_path):
    header, *rows = PLAYS.splitlines()
    files = {name: text for name, text in FILES.items() if name != "plays.csv"}
    for place, part in enumerate((rows[::-2], rows[-2::-2])):
        files[f"plays-{place}.csv"] = "\n".join([header, *part]) + "\n"
    other = built(tmp_path, files, CONFIG, TWO_PROCESSES)
    assert archive(other) == archive(listened)
    for split in SPLITS:
        assert other.records(split) == listened.records(split)
    assert other.plays() == listened.plays()


def test_without_it_plays_are_popularity_alone(tmp_path):
    off = BuildConfig(listening=ListeningConfig(enabled=False))
    found = built(tmp_path, FILES, off)
    assert found.content == {"modalities": []}
    assert not (found.folder / "listening.npz").exists()
    assert found.plays() == []
    assert found.examples("train")["t1"]["nodes/artist.popularity"] == pytest.approx([math.log(16)])


@pytest.mark.parametrize("field", ["factors", "iterations", "max_listeners"])
def test_a_number_that_must_be_one_at_least(field):
    with pytest.raises(ValueError, match=f"{field} must be at least 1, not 0"):
        ListeningConfig(**{field: 0})


@pytest.mark.parametrize("field", ["alpha", "epsilon", "regularization"])
def test_a_number_that_must_be_above_zero(field):
    with pytest.raises(ValueError, match=f"{field} must be above 0, not -1"):
        ListeningConfig(**{field: -1.0})


def test_a_seed_below_zero_is_none():
    with pytest.raises(ValueError, match="seed must be at least 0, not -1"):
        ListeningConfig(seed=-1)
