"""Every kind of bad row is counted once, with its reason, file and row; no other row is lost."""

from __future__ import annotations

import collections
import io
import json

import pandas as pd
import pytest

from catalogues.errors import InputError
from components.catalogue_example_gen.executor import check_summary, summary_lines
from tests.components.catalogue_example_gen.building import built

SPEC = """\
name: bad
artists: {table: 'artists.*', id: id, name: name, popularity: fame, split: split}
content:
  audio: {columns: [tempo, energy]}
  clap: {column: clap}
  tags: {table: 'tags.*', artist: artist, categories: tag, weight: count}
  sound: {table: tracks.jsonl, artist: artist, column: sound}
edges: {table: 'edges.*', source: a, target: b, weight: w}
plays: {table: plays.csv, listener: who, artist: artist, plays: n}
"""
ARTISTS_CSV = b"""\
id,name,fame,split,tempo,energy,clap
a,Ann,1,train,1,2,1;2
b,Bo,,val,,,3;4
c,,3,test,5,6,
a,Ann again,1,train,1,2,1;2
n1,NaN,1,train,nan,2,1;2
n2,infinity,1,train,1,inf,1;2
n3,too large,1e39,train,1,2,1;2
n4,wrong length,1,train,1,2,1;2;3
n5,no split,1,dev,1,2,1;2
n6,no split,1,,1,2,1;2
n7,\xff\xfe,1,train,1,2,1;2
n8,partly empty,1,train,1,,1;2
n9,partly empty list,1,train,1,2,1;
,no id,1,train,1,2,1;2
n10,no number,many,train,1,2,1;2
n11,negative,-1,train,1,2,1;2
n12,too few
n13,in a list,1,train,1,2,1;NaN
"""
ARTISTS_JSONL = [
    '{"id": "d", "name": null, "fame": 2, "split": "train", "tempo": 1, "energy": 1, "clap": null}',
    '{"id": "j1", "name": "J", "fame": 2, "split": "train", "tempo": 1, "energy": 1}',
    '{"id": "j2", "name": "J", "fame": 1, "split": "train", "tempo": NaN, "energy": 1, "clap": 1}',
    '{"id": "j3", ',
    "[1, 2]",
    '{"id": 1%s, "name": "J", "fame": 2, "split": "train", "tempo": 1, "energy": 1, "clap": null}'
    % ("0" * 400),
]
EDGES_CSV = """\
a,b,w
a,b,1
a,c,2
c,a,2
b,a,1
b,c,3
c,b,4
a,a,1
a,ghost,1
ghost,spirit,1
a,d,0
a,d,1e-50
a,d,
a,d,nan
"""
TAGS_JSONL = [
    {"artist": "a", "tag": ["rock", "pop"], "count": 2},
    {"artist": "ghost", "tag": "rock", "count": 2},
    {"artist": "b", "tag": "rock", "count": -1},
    {"artist": "b", "tag": None, "count": 1},
    {"artist": "b", "tag": "so\u0007ul", "count": 1},
]
TRACKS_JSONL = [
    {"artist": "a", "sound": [1, 2]},
    {"artist": "a", "sound": [3, 6]},
    {"artist": "a", "sound": [3, 6, 9]},
    {"artist": "ghost", "sound": [1, 2]},
    {"artist": "b", "sound": None},
]
PLAYS_CSV = "who,artist,n\nu,a,3\nu,ghost,3\nu,b,-3\n,b,3\nu,b,\n"


def parquet(rows):
    stream = io.BytesIO()
    pd.DataFrame(rows).to_parquet(stream)
    return stream.getvalue()


def lines(rows):
    return "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    files = {
        "catalogue.yaml": SPEC,
        "artists.csv": ARTISTS_CSV,
        "artists.jsonl": lines(ARTISTS_JSONL),
        "artists.parquet": parquet({"id": ["p1", "p2"], "name": ["P", "Q"]}),
        "edges.csv": EDGES_CSV,
        "edges.parquet": parquet({"a": ["d", "a"], "b": ["a", None], "w": [0.5, 0.5]}),
        "tags.jsonl": lines(TAGS_JSONL),
        "tags.csv": "artist,tag\na,rock\n",
        "tracks.jsonl": lines(TRACKS_JSONL),
        "plays.csv": PLAYS_CSV,
    }
    return built(tmp_path_factory.mktemp("bad"), files)


EXPECTED = {
    ("artists.csv", 4): "duplicate id",
    ("artists.csv", 5): "NaN",
    ("artists.csv", 6): "infinite",
    ("artists.csv", 7): "infinite",
    ("artists.csv", 8): "wrong vector length",
    ("artists.csv", 9): "artist in no split",
    ("artists.csv", 10): "artist in no split",
    ("artists.csv", 11): "undecodable text",
    ("artists.csv", 12): "partly empty vector",
    ("artists.csv", 13): "a number of the vector is missing",
    ("artists.csv", 14): "empty id",
    ("artists.csv", 15): "not a number",
    ("artists.csv", 16): "negative popularity",
    ("artists.csv", 17): "fields where the header has",
    ("artists.csv", 18): "NaN",
    ("artists.jsonl", 2): "missing column",
    ("artists.jsonl", 3): "NaN",
    ("artists.jsonl", 4): "not valid JSON",
    ("artists.jsonl", 5): "not a JSON object",
    ("artists.jsonl", 6): "int too large to convert to float",
    ("artists.parquet", 1): "missing column",
    ("artists.parquet", 2): "missing column",
    # Of rows that say the same the first is kept; of rows that contradict each other none.
    ("edges.csv", 3): "duplicate edge",
    ("edges.csv", 4): "duplicate edge",
    ("edges.csv", 5): "contradicting edge",
    ("edges.csv", 6): "contradicting edge",
    ("edges.csv", 7): "self-loop",
    ("edges.csv", 8): "dangling edge",
    ("edges.csv", 9): "dangling edge",
    ("edges.csv", 10): "weight not above zero",
    ("edges.csv", 11): "weight not above zero",
    ("edges.csv", 12): "no weight",
    ("edges.csv", 13): "NaN",
    ("edges.parquet", 2): "empty id",
    ("tags.csv", 1): "missing column",
    ("tags.jsonl", 2): "dangling",
    ("tags.jsonl", 3): "weight not above zero",
    ("tags.jsonl", 4): "empty",
    ("tags.jsonl", 5): "control character",
    ("tracks.jsonl", 3): "wrong vector length",
    ("tracks.jsonl", 4): "dangling",
    ("tracks.jsonl", 5): "empty",
    ("plays.csv", 2): "dangling",
    ("plays.csv", 3): "not a number of plays",
    ("plays.csv", 4): "empty id",
    ("plays.csv", 5): "not a number of plays",
}
KEPT = {"artists": 4, "edges": 3, "tags": 1, "sound": 2, "plays": 1}


def test_each_bad_row_is_rejected_once_with_its_reason(bad):
    found = [((reject["file"], reject["row"]), reject["kind"]) for reject in bad.rejects]
    assert sorted(found) == sorted(EXPECTED.items())


def test_the_reason_holds_its_kind(bad):
    for reject in bad.rejects:
        assert reject["kind"] in reject["reason"], reject


def test_rejects_name_what_they_are_about(bad):
    by_place = {(reject["file"], reject["row"]): reject for reject in bad.rejects}
    duplicate = by_place["artists.csv", 4]
    assert duplicate["key"] == "a"
    assert duplicate["reason"] == "duplicate id: first in artists.csv, row 1"
    assert by_place["artists.csv", 5]["reason"] == "tempo: NaN"
    assert by_place["edges.csv", 8]["key"] == "a - ghost"
    assert by_place["edges.csv", 8]["reason"] == "dangling edge: no artist 'ghost'"
    assert by_place["plays.csv", 2]["reason"] == "dangling: no artist 'ghost'"


def test_rows_in_are_rows_kept_and_rejected(bad):
    table_of = {"artists": "artists", "edges": "edges", "tags": "tags", "tracks": "sound"}
    rejected = collections.Counter(
        table_of.get(file.split(".")[0], "plays") for file, _ in EXPECTED
    )
    assert bad.summary["kept"] == KEPT
    for table, kept in KEPT.items():
        assert bad.summary["read"][table] == kept + rejected[table]
        assert sum(bad.summary["rejected"][table].values()) == rejected[table]
    assert bad.summary["read"] == {"artists": 26, "edges": 15, "tags": 6, "sound": 5, "plays": 5}


def test_the_kinds_are_counted_by_table(bad):
    for table, kinds in bad.summary["rejected"].items():
        assert kinds == collections.Counter(
            reject["kind"] for reject in bad.rejects if reject["table"] == table
        )


def test_the_good_rows_are_kept(bad):
    check_summary(bad.summary, "set_aside")
    train = bad.examples("train")
    assert set(train) == {"a", "d"}
    assert set(bad.examples("val")) == {"b"}
    assert set(bad.examples("test")) == {"c"}
    assert train["a"]["nodes/artist.name"] == ["Ann"]
    assert train["a"]["nodes/artist.tags"] == ["pop", "rock"]
    assert train["a"]["nodes/artist.sound"] == [2.0, 4.0]
    assert train["a"]["nodes/neighbor.id"] == ["d"]
    assert bad.neighbors("test") == {"c": ["a"]}


def test_an_error_is_one_sentence_that_names_file_and_row(bad):
    with pytest.raises(InputError) as raised:
        check_summary(bad.summary, "error")
    message = str(raised.value)
    assert f"has {len(EXPECTED)} bad rows" in message
    assert "artists.csv, row 4: duplicate id: first in artists.csv, row 1" in message
    assert f"and {len(EXPECTED) - 5} more" in message
    assert "set_aside" in message
    assert message.endswith(".") and ". " not in message and "\n" not in message
    assert "/" not in message


def test_what_came_in_and_what_became_of_it_is_told(bad):
    text = summary_lines(bad.summary)
    assert "artists: 26 rows in = 4 kept + 22 rejected" in text
    assert "2 artist in no split" in text
    assert "rejects.jsonl" in text
