"""The quick check: every fault is found, and where."""

import pytest

from catalogues.check import check
from catalogues.spec import load_catalogue
from tests.catalogues.conftest import SMALLEST


def checked(folder):
    report = check(load_catalogue(folder))
    return report, {problem.what: problem for problem in report.problems}


def test_counts_worked_out_by_hand(make_catalogue):
    report, problems = checked(make_catalogue(edges__csv="source,target\na,b\nb,c\n"))
    assert problems == {}
    assert report.rows == {"artists.csv": 3, "edges.csv": 2}
    assert (report.num_artists, report.num_edges) == (3, 2)
    # Degrees 1, 2, 1.
    assert report.degree_quartiles == (1, 1, 1.5)
    assert (report.largest_degree, report.num_isolated) == (2, 0)


@pytest.mark.parametrize(
    ("edge", "what", "example"),
    [
        ("a,z", "dangling edge", "edges.csv row 2: no artist z"),
        ("a,a", "self-loop", "edges.csv row 2: a"),
        ("b,a", "duplicate edge", "edges.csv row 2: b and a"),
        (",a", "column source: empty id", "edges.csv row 2"),
        ("a", "1 fields where the header has 2", "edges.csv row 2"),
    ],
)
def test_bad_edges(make_catalogue, edge, what, example):
    report, problems = checked(make_catalogue(edges__csv=f"source,target\na,b\n{edge}\n"))
    assert not report.ok
    assert problems[what].examples == [example]
    assert report.num_edges == 1


def test_contradicting_weights_and_bad_weights(make_catalogue):
    spec = SMALLEST + "  weight: weight\n"
    edges = "source,target,weight\na,b,1\nb,a,2\nb,c,0\na,c,NaN\na,c,\n"
    _, problems = checked(make_catalogue(catalogue__yaml=spec, edges__csv=edges))
    assert set(problems) == {
        "contradicting edge",
        "edges: weight not above zero",
        "edges: NaN",
        "edges: no weight",
    }


def test_a_directed_pair_is_no_duplicate(make_catalogue):
    spec = SMALLEST + "  directed: true\n"
    edges = "source,target\na,b\nb,a\n"
    report, problems = checked(make_catalogue(catalogue__yaml=spec, edges__csv=edges))
    assert problems == {}
    assert (report.num_edges, report.largest_degree, report.num_isolated) == (2, 1, 1)


def test_bad_artists(make_catalogue):
    spec = SMALLEST.replace("name: name", "popularity: fame\n  split: split")
    spec += "content:\n  audio: {columns: [x, y]}\n  neural: {column: v}\n"
    artists = (
        "artist_id,fame,split,x,y,v\n"
        "a,1,train,1,2,1;2\n"
        "a,1,train,1,2,1;2\n"
        "b,-1,valid,inf,2,1;2;3\n"
        "c,,test,1,,\n"
        "d,abc,val,,,x\n"
    )
    report, problems = checked(make_catalogue(catalogue__yaml=spec, artists__csv=artists))
    assert {what: problem.count for what, problem in problems.items()} == {
        "duplicate id": 1,
        "popularity: negative popularity": 1,
        "popularity: not a number: 'abc'": 1,
        "artist in no split": 1,
        "audio: infinite": 1,
        "audio: some of the vector's columns are empty": 1,
        "neural: wrong vector length": 1,
        "neural: not a number: 'x'": 1,
    }
    assert report.coverage == {"popularity": 1, "audio": 1, "neural": 1}
    assert report.splits == {"train": 1, "test": 1, "val": 1}


def test_bad_tags_and_plays(make_catalogue):
    spec = SMALLEST + (
        "content:\n"
        "  tags: {table: tags.csv, artist: id, categories: tag, weight: n}\n"
        "plays: {table: plays.csv, listener: u, artist: id, plays: n}\n"
    )
    report, problems = checked(
        make_catalogue(
            catalogue__yaml=spec,
            tags__csv="id,tag,n\na,rock,2\na,rock,1\nz,rock,1\nb,pop,-1\nc,,1\nc,pop,\n",
            plays__csv="u,id,n\n1,a,3\n1,z,3\n,a,1\n1,b,-3\n1,b,\n",
        )
    )
    assert set(problems) == {
        "tags: empty",
        "tags: no weight",
        "tags of an artist that does not exist",
        "tags: weight not above zero",
        "plays of an artist that does not exist",
        "plays: empty id",
        "plays: negative plays",
        "plays: no number of plays",
    }
    assert report.notes == [
        "1 rows of tags repeat a label of the same artist; their weights are added up."
    ]
    assert report.coverage == {"tags": 1, "plays": 1}


def test_empty_tables_and_missing_columns(make_catalogue):
    _, problems = checked(make_catalogue(edges__csv="source,target\n"))
    assert set(problems) == {"the table 'edges.csv' is empty"}
    _, problems = checked(make_catalogue(edges__csv="sauce,target\na,b\n"))
    assert problems["missing column source"].examples == ["edges.csv row 1"]
