"""The importers on small made-up sources: layouts, repairs and refusals."""

import csv
import json

import numpy as np
import pytest
from scipy import sparse

from catalogues.check import check
from catalogues.errors import InputError
from catalogues.importers import FORMATS, import_catalogue
from catalogues.importers.lastfm_2k import co_listening_edges
from catalogues.importers.lastfm_tables import LastfmTables
from catalogues.importers.text import repair_double_encoding
from catalogues.spec import load_catalogue


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def imported(format, source, tmp_path):
    target = tmp_path / "made"
    result = import_catalogue(format, source, target)
    report = check(load_catalogue(target))
    assert report.problems == []
    return target, result, report


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("BeyoncÃ©", "Beyoncé"),
        ("Blue Ã–yster Cult", "Blue Öyster Cult"),
        ("RocÃ\xado DÃºrcal", "Rocío Dúrcal"),
        ("Beyoncé", "Beyoncé"),
        ("近藤等則", "近藤等則"),
        ("Ann", "Ann"),
        # A byte was lost here: that letter stays damaged, the other is mended.
        ("SeÃ¡n Ã\udce2\udc80?Riada", "Seán Ã\ufffd?Riada"),
    ],
)
def test_double_encoding(written, meant):
    assert repair_double_encoding(written) == meant


def test_the_graph_with_masks_and_features(tmp_path):
    source = tmp_path / "olga"
    source.mkdir()
    # The edge 0-1 comes in both directions; 2 is linked to itself, which is no edge.
    matrix = sparse.csr_matrix((np.ones(4, bool), ([0, 1, 2, 2], [1, 0, 2, 3])), shape=(4, 4))
    sparse.save_npz(source / "artist_connections.npz", matrix)
    for split, members in {"train": [0, 1], "val": [2], "test": [3]}.items():
        mask = np.zeros((1, 4), bool)
        mask[0, members] = True
        sparse.save_npz(source / f"{split}_mask.npz", sparse.csr_matrix(mask))
    # Two artists are mapped, in rows 1 and 3: ranks 0 and 1.
    (source / "MsbMapped.json").write_text(json.dumps({"mn03": 3, "mn01": 1}))
    (source / "dizofartist.json").write_text(json.dumps({"0": "MotÃ¶rhead", "1": None}))
    (source / "artist_genres.json").write_text(
        json.dumps({"0": [[{"2": "metal"}, {"1": "rock"}], "Motörhead"], "1": [[], None]})
    )
    features = np.arange(12, dtype=np.float64).reshape(4, 3)
    features[2, 1] = np.nan
    np.save(source / "acousticbrainz.npy", features)
    target, result, report = imported("olga", source, tmp_path)
    names = [row["name"] for row in rows(target / "artists.csv")]
    assert names == ["OLGA artist 0", "Motörhead", "OLGA artist 2", "AllMusic artist mn03"]
    assert [row["split"] for row in rows(target / "artists.csv")] == [
        "train",
        "train",
        "val",
        "test",
    ]
    edges = [(row["source"], row["target"]) for row in rows(target / "edges.csv")]
    assert edges == [("olga:0", "olga:1"), ("olga:2", "olga:3")]
    assert rows(target / "tags.csv") == [
        {"artist_id": "olga:1", "tag": "metal", "count": "2"},
        {"artist_id": "olga:1", "tag": "rock", "count": "1"},
    ]
    assert report.coverage == {"tags": 1, "acousticbrainz": 3}
    assert "1 artists have no usable AcousticBrainz features (all zero or not finite)." in (
        result.notes
    )


def test_the_public_release(tmp_path):
    source = tmp_path / "release"
    source.mkdir()
    (source / "olga.csv").write_text(
        "musicbrainz_id,allmusic_id,partition,tracks,neighbor_0,neighbor_1\n"
        "aa,MN1,train,t1 t2,bb,mn3\n"
        "bb,MN2,val,t3,aa,\n"
        "cc,MN3,test,t4,1,unknown\n"
    )
    np.save(source / "acousticbrainz.npy", np.ones((3, 2), np.float32))
    target, result, report = imported("olga", source, tmp_path)
    edges = [(row["source"], row["target"]) for row in rows(target / "edges.csv")]
    assert edges == [("olga:0", "olga:1"), ("olga:0", "olga:2"), ("olga:1", "olga:2")]
    assert report.splits == {"train": 1, "val": 1, "test": 1}
    assert result.counts["artists with AcousticBrainz features"] == 3
    (source / "olga.csv").write_text("musicbrainz_id,partition\naa,train\n")
    with pytest.raises(InputError, match="no edges"):
        import_catalogue("olga", source, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def deezer_source(folder, header=False):
    folder.mkdir()
    lines = []
    for artist in range(1, 11):
        features = [f"{artist}.0", *["0.5"] * 32, *["0"] * 19, "1", *["0.25"] * 4]
        lines.append(",".join(features))
    names = ",".join(["artist_id", *(f"c{place}" for place in range(56))])
    (folder / "deezer_features.csv").write_text("\n".join([names, *lines] if header else lines))
    edges = ["1,1,1.0", "1,2,0.9", "2,1,0.8", "3,4,1.5", "3,99,0.3", "4,3,0"]
    (folder / "deezer_graph.csv").write_text(
        "\n".join(["id_i,id_j,S_ij", *edges] if header else edges)
    )
    return folder


@pytest.mark.parametrize("header", [False, True])
def test_deezer(tmp_path, header):
    source = deezer_source(tmp_path / "source", header)
    target, result, report = imported("deezer", source, tmp_path)
    catalogue = load_catalogue(target)
    assert [(part.name, len(part.columns)) for part in catalogue.content] == [
        ("genre", 32),
        ("country", 20),
        ("mood", 4),
    ]
    assert rows(target / "edges.csv") == [
        {"source": "deezer:1", "target": "deezer:2", "weight": "0.9"},
        {"source": "deezer:2", "target": "deezer:1", "weight": "0.8"},
        {"source": "deezer:3", "target": "deezer:4", "weight": "1.5"},
    ]
    artists = rows(target / "artists.csv")
    assert [row["split"] for row in artists] == ["train"] * 8 + ["test", "val"]
    assert [row["popularity_rank"] for row in artists] == [*"12345678", "", ""]
    assert (artists[0]["genre_0"], artists[0]["country_19"], artists[0]["mood_3"]) == (
        "0.5",
        "1",
        "0.25",
    )
    assert len(result.notes) == 3
    assert report.splits == {"train": 8, "test": 1, "val": 1}


def test_deezer_files_may_have_other_names(tmp_path):
    source = deezer_source(tmp_path / "source")
    (source / "deezer_features.csv").rename(source / "first.csv")
    (source / "deezer_graph.csv").rename(source / "second.csv")
    _, result, _ = imported("deezer", source, tmp_path)
    assert result.counts["edges"] == 3
    (source / "second.csv").unlink()
    with pytest.raises(InputError, match="no CSV file of edges"):
        import_catalogue("deezer", source, tmp_path / "other")


def test_co_listening_by_hand():
    """1 and 2 share three listeners, 3 shares two with both: one edge, cosine 1."""
    plays = [(listener, artist, 4) for listener in (7, 8, 9) for artist in (1, 2)]
    plays += [(7, 3, 4), (8, 3, 4)]
    tables = LastfmTables({1: "a", 2: "b", 3: "c"}, plays, {}, 0)
    ((first, second, weight),) = co_listening_edges(tables)
    assert (first, second) == (1, 2)
    assert weight == pytest.approx(1)


def test_lastfm_lines_are_decoded_each_by_itself(tmp_path):
    source = tmp_path / "lastfm_2k"
    source.mkdir()
    (source / "artists.dat").write_bytes(
        'id\tname\turl\tpictureURL\n1\t"Weird Al"\tu\tp\n2\tMúm\tu\tp\n'.encode()
    )
    (source / "tags.dat").write_bytes(
        b"tagID\ttagValue\r\n1\ttropic\xe1lia\r\n2\t\xc3\xa9t\xc3\xa9\r\n"
    )
    (source / "user_artists.dat").write_bytes(
        b"userID\tartistID\tweight\r\n5\t1\t3\r\n5\t2\t1\r\nbroken\r\n"
    )
    head = b"userID\tartistID\ttagID\tday\tmonth\tyear\r\n"
    (source / "user_taggedartists.part1.dat").write_bytes(
        head + b"5\t1\t1\t1\t1\t2009\r\n6\t1\t1\t1\t1\t2009\r\n\r\n"
    )
    (source / "user_taggedartists.part2.dat").write_bytes(head + b"5\t2\t2\t1\t1\t2009\r\n")
    target = tmp_path / "made"
    result = import_catalogue("lastfm-2k", source, target)
    assert [row["name"] for row in rows(target / "artists.csv")] == ['"Weird Al"', "Múm"]
    assert rows(target / "tags.csv") == [
        {"artist_id": "lastfm:1", "tag": "tropicália", "count": "2"},
        {"artist_id": "lastfm:2", "tag": "été", "count": "1"},
    ]
    assert "1 damaged lines of the source were left out." in result.notes


def test_refusals(tmp_path):
    with pytest.raises(InputError, match=r"no format 'olgo' \(did you mean 'olga'\?\)"):
        import_catalogue("olgo", tmp_path, tmp_path / "made")
    with pytest.raises(InputError, match="no folder 'nowhere'"):
        import_catalogue("olga", tmp_path / "nowhere", tmp_path / "made")
    for format in FORMATS:
        with pytest.raises(InputError):
            import_catalogue(format, tmp_path, tmp_path / "made")
    source = tmp_path / "broken"
    source.mkdir()
    (source / "artist_connections.npz").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"'artist_connections.npz' is no sparse matrix"):
        import_catalogue("olga", source, tmp_path / "made")
    (source / "influence_edges.csv").write_text("influencer_id,follower_id\n1,2\n")
    with pytest.raises(InputError, match="has no column influencer_name"):
        import_catalogue("allmusic-influence", source, tmp_path / "made")
    assert not (tmp_path / "made").exists()
