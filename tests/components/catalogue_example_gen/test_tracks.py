"""Of many tracks the first ones are averaged, in bounded memory, and the rest is counted."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from components.catalogue_example_gen.config import BuildConfig
from components.catalogue_example_gen.details import Detail
from components.catalogue_example_gen.executor import summary_lines
from components.catalogue_example_gen.tracks import FirstTracks
from tests.components.catalogue_example_gen import split_pairs
from tests.components.catalogue_example_gen.building import built
from tests.components.catalogue_example_gen.bundles import combined
from trainer.graph import VectorContent
from trainer.loading import load_graph

SPEC = split_pairs.SPEC.replace(
    "columns: [low, high]}",
    "columns: [low, high]}\n  mood: {table: 'tracks*.csv', artist: artist, categories: mood}",
)

rows_of_an_artist = st.lists(
    st.tuples(st.sampled_from(["a.csv", "b.csv"]), st.integers(1, 60), st.booleans()),
    unique_by=lambda row: row[:2],
    max_size=40,
).map(
    lambda rows: [
        Detail(file, row, {"mood": (("glad", 1.0),)} | ({"sound": (row,)} if sounds else {}))
        for file, row, sounds in rows
    ]
)


@settings(max_examples=50)
@given(st.data(), rows_of_an_artist, st.integers(1, 6))
def test_the_first_in_the_tables_order_keep_their_vectors(data, rows, most):
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=4))
    tracks = combined(FirstTracks(("sound",), most), rows, cuts)
    in_order = sorted(row for row in rows if "sound" in row.value)
    assert sorted(tracks.first) == in_order[:most]
    assert tracks.num_cut == max(0, len(in_order) - most)
    # Words and places stay, each row once.
    assert sorted(row[:2] for row in tracks.first + tracks.others) == sorted(r[:2] for r in rows)
    assert all(list(row.value) == ["mood"] for row in tracks.others)


@given(rows_of_an_artist, st.integers(1, 6))
def test_no_more_than_twice_as_many_vectors_are_held(rows, most):
    combiner = FirstTracks(("sound",), most)
    held = combiner.create_accumulator()
    for row in rows:
        held = combiner.add_input(held, row)
        assert len(held.first) <= 2 * most


@settings(max_examples=50)
@given(
    st.data(),
    st.lists(st.sampled_from([("sound",), ("clap",), ("sound", "clap")]), max_size=30),
    st.integers(1, 5),
)
def test_each_modality_keeps_the_first_rows_that_have_it(data, has, most):
    """One that only later rows had was lost, though there were places left."""
    rows = [Detail("a", row, dict.fromkeys(names, (row,))) for row, names in enumerate(has)]
    order = data.draw(st.permutations(rows))
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=4))
    tracks = combined(FirstTracks(("sound", "clap"), most), order, cuts)
    for name in ("sound", "clap"):
        wanted = [row for row, names in enumerate(has) if name in names][:most]
        assert sorted(row.row for row in tracks.first if name in row.value) == wanted
    assert all(row.value for row in tracks.first)
    assert not any(row.value for row in tracks.others)
    assert tracks.num_cut == len(tracks.others) == len(rows) - len(tracks.first)


def with_many_tracks(folder, tracks, most):
    header, *known = split_pairs.TRACKS.splitlines()
    rows = [f"{row},{mood}" for row, mood in zip(known, "gssg", strict=True)] + tracks
    files = split_pairs.FILES | {
        "catalogue.yaml": SPEC,
        "tracks.csv": "\n".join([f"{header},mood", *rows]) + "\n",
    }
    return built(folder, files, BuildConfig(max_tracks=most))


def test_an_artist_is_the_centroid_of_its_first_tracks(tmp_path):
    # t1 has (0.1, 1), (0.2, 2), (0.3, 6) and then these, one of them without numbers; the order
    # decides, not the numbers. x1 has two.
    found = with_many_tracks(tmp_path, ["t1,0,0,g", "t1,,,g", "x1,7,7,s", "t1,9,9,s"], 2)
    graph = load_graph(str(found.folder))
    sound = graph.content["sound"]
    assert isinstance(sound, VectorContent)
    rows = {name: row for row, name in enumerate(graph.artist_id)}
    assert sound.values[rows["t1"]].tolist() == [0.15000000596046448, 1.5]
    assert sound.values[rows["x1"]].tolist() == [6, 6]
    # Words add up over all six rows of t1.
    words = found.examples("train")["t1"]
    assert words["nodes/artist.mood"] == ["g", "s"]
    assert words["nodes/artist.mood_weight"] == [3, 3]
    assert found.rejects == []
    assert found.summary["kept"]["sound, mood"] == found.summary["read"]["sound, mood"] == 8
    assert found.summary["cut_tracks"] == {"artists": 1, "tracks": 3}
    line = "tracks not averaged: 3 tracks of 1 artists (`graph.max_tracks`)"
    assert line in summary_lines(found.summary)


def test_tracks_that_nobody_cuts_are_not_spoken_of(pairs):
    assert pairs.summary["cut_tracks"] == {}
    assert "max_tracks" not in summary_lines(pairs.summary)
