"""The importers on the real data: the counts that are known of it."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from catalogues.check import check
from catalogues.importers import import_catalogue
from catalogues.spec import load_catalogue


@pytest.fixture(scope="module")
def imported(real_data, tmp_path_factory):
    made: dict[str, tuple[Path, object]] = {}

    def importing(format):
        if format not in made:
            target = tmp_path_factory.mktemp("imported") / format
            made[format] = target, import_catalogue(format, real_data, target)
        return made[format]

    return importing


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("format", ["olga", "allmusic-influence", "lastfm-2k"])
def test_nothing_is_wrong_with_what_was_imported(imported, format):
    folder, _ = imported(format)
    report = check(load_catalogue(folder))
    assert report.problems == []


def test_olga_counts(imported):
    folder, result = imported("olga")
    report = check(load_catalogue(folder))
    assert report.num_artists == 17_673
    assert report.num_edges == result.counts["edges"] == 101_029
    assert report.splits == {"train": 14_139, "val": 1_767, "test": 1_767}
    assert report.num_isolated == 201
    assert report.degree_quartiles == (3, 7, 16)
    assert report.coverage["tags"] == 8_232
    assert report.coverage["audio"] == report.coverage["popularity"] == 3_274
    assert report.coverage["plays"] == 4_159


def test_olga_edges_by_pair_of_splits(imported):
    folder, _ = imported("olga")
    split = {row["artist_id"]: row["split"] for row in rows(folder / "artists.csv")}
    pairs = Counter(
        "-".join(sorted((split[row["source"]], split[row["target"]])))
        for row in rows(folder / "edges.csv")
    )
    assert pairs == {
        "train-train": 64_595,
        "train-val": 17_183,
        "test-train": 15_180,
        "test-val": 2_063,
        "val-val": 1_124,
        "test-test": 884,
    }


def test_olga_names_follow_the_rank_of_the_row(imported):
    """Row 1 is the smallest mapped row, so it has the JSONs' key 0; a row-keyed read is off."""
    folder, _ = imported("olga")
    artists = {row["artist_id"]: row for row in rows(folder / "artists.csv")}
    assert artists["olga:0"]["name"] == "OLGA artist 0"
    assert artists["olga:1"]["name"] == "Tracy + the Plastics"
    assert artists["olga:3"]["name"] == "Amesoeurs"
    tags = [row["tag"] for row in rows(folder / "tags.csv") if row["artist_id"] == "olga:3"]
    assert tags == ["black metal", "blackgaze", "post-punk"]
    unnamed = [row for row in artists.values() if row["name"].startswith("AllMusic artist mn")]
    assert len(unnamed) == 2_743 - 787


def test_olga_alone_says_what_it_leaves_out(real_data, tmp_path):
    result = import_catalogue("olga", real_data / "olga", tmp_path / "olga")
    assert result.counts["edges"] == 101_029
    assert [modality.name for modality in load_catalogue(tmp_path / "olga").content] == ["tags"]
    assert any("Audio descriptors and plays left out" in note for note in result.notes)


def test_influence_counts_and_repairs(imported):
    folder, _ = imported("allmusic-influence")
    report = check(load_catalogue(folder))
    assert report.num_edges == 42_770
    assert report.num_artists == 5_855
    assert report.coverage["audio"] == 5_854
    assert load_catalogue(folder).edges.directed
    artists = rows(folder / "artists.csv")
    names = {row["name"] for row in artists}
    assert {"Beyoncé", "Motörhead", "Blue Öyster Cult", "Rocío Dúrcal"} <= names
    assert "R&B" in {row["main_genre"] for row in artists}
    assert "Unknown" not in {row["main_genre"] for row in artists}


def test_lastfm_counts(imported):
    folder, result = imported("lastfm-2k")
    report = check(load_catalogue(folder))
    assert report.num_artists == 17_632
    assert report.rows["plays.csv"] == 92_834
    assert report.coverage["plays"] == 17_632
    tags = rows(folder / "tags.csv")
    # Of the 186,478 taggings 1,538 are of an artist that artists.dat does not have.
    assert sum(int(row["count"]) for row in tags) == 186_478 - 1_538
    assert "tropicália" in {row["tag"] for row in tags}
    assert result.counts["artists with an edge"] == report.num_artists - report.num_isolated


def test_lastfm_edges_obey_their_rule(imported):
    """A slow reference in plain loops for the neighbours of one artist."""
    import math

    folder, _ = imported("lastfm-2k")
    listens: dict[str, dict[str, float]] = {}
    for row in rows(folder / "plays.csv"):
        loved = math.log1p(int(row["plays"]))
        listens.setdefault(row["artist_id"], {})[row["listener_id"]] = loved
    names = {row["name"]: row["artist_id"] for row in rows(folder / "artists.csv")}
    artist = names["Megadeth"]

    def norm(artist):
        return math.sqrt(sum(loved**2 for loved in listens[artist].values()))

    comparisons = {}
    for other in listens:
        common = listens[artist].keys() & listens[other].keys()
        if other != artist and len(common) >= 3:
            product = sum(listens[artist][one] * listens[other][one] for one in common)
            comparisons[other] = product / norm(artist) / norm(other)
    best = sorted(comparisons.values(), reverse=True)[:25]
    found = {
        row["target"] if row["source"] == artist else row["source"]: float(row["weight"])
        for row in rows(folder / "edges.csv")
        if artist in (row["source"], row["target"])
    }
    assert sorted(found.values(), reverse=True)[:25] == pytest.approx(best, abs=1e-6)
    assert found == pytest.approx({other: comparisons[other] for other in found}, abs=1e-6)
