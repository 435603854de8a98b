"""`catalogue.yaml`: what it turns into, and what it is refused for."""

import dataclasses

import pytest

from catalogues.errors import InputError, nearest
from catalogues.spec import ArtistTable, EdgeTable, Modality, PlayTable, load_catalogue
from tests.catalogues.conftest import SMALLEST

FULL = """\
name: sampler
description: free text
artists:
  table: artists.csv
  id: artist_id
  name: name
  popularity: popularity
  split: split
  meta: [country, decade]
content:
  audio:   {columns: [energy, tempo]}
  clap:    {column: clap}
  country: {categories: country}
  tags:    {table: tags.csv, artist: artist_id, categories: tag, weight: count}
  sound:   {table: tracks-*.csv, artist: artist_id, columns: [tempo, energy]}
edges:
  table: edges.csv
  source: source
  target: target
  weight: weight
  directed: true
plays:
  table: plays.csv
  listener: listener_id
  artist: artist_id
  plays: plays
"""


def test_every_key_lands_where_it_belongs(make_catalogue):
    tables = {"tags__csv": "", "tracks-1__csv": "", "tracks-0__csv": "", "plays__csv": ""}
    catalogue = load_catalogue(make_catalogue(catalogue__yaml=FULL, **tables))
    assert (catalogue.name, catalogue.description) == ("sampler", "free text")
    assert catalogue.artists == ArtistTable(
        "artists.csv", "artist_id", "name", "popularity", "split", ("country", "decade")
    )
    assert catalogue.content == (
        Modality("audio", "vector", "artists.csv", "artist_id", ("energy", "tempo")),
        Modality("clap", "vector", "artists.csv", "artist_id", ("clap",), is_list=True),
        Modality("country", "categories", "artists.csv", "artist_id", ("country",)),
        Modality("tags", "categories", "tags.csv", "artist_id", ("tag",), weight="count"),
        Modality("sound", "vector", "tracks-*.csv", "artist_id", ("tempo", "energy")),
    )
    assert catalogue.edges == EdgeTable("edges.csv", "source", "target", "weight", True)
    assert catalogue.plays == PlayTable("plays.csv", "listener_id", "artist_id", "plays")
    files = catalogue.files("tracks-*.csv")
    assert [catalogue.file_name(path) for path in files] == ["tracks-0.csv", "tracks-1.csv"]


def test_the_smallest_catalogue_has_the_defaults(make_catalogue):
    catalogue = load_catalogue(make_catalogue())
    assert catalogue.content == ()
    assert catalogue.plays is None
    assert catalogue.description == ""
    assert not catalogue.edges.directed
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalogue.name = "other"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  source: source\n", "", "'edges.source' is missing"),
        ("source: source", "sorce: source", "unknown key 'edges.sorce' (did you mean 'source'?)"),
        ("name: mine", "nmae: mine", "unknown key 'nmae' (did you mean 'name'?)"),
        ("name: mine", "name: 12", "name must be text, not 12"),
        ("name: mine", "name: [", "line 3 is not valid YAML"),
        ("name: mine", "name: mine\nname: yours", "line 2 gives the key 'name' a second time"),
        ("target: target", "target: target\n  directed: maybe", "edges.directed must be true or"),
        ("id: artist_id", "id: no", "artists.id must be text, not false"),
        ("id: artist_id", "id: artist_id\n  meta: country", "artists.meta must be a list"),
        ("id: artist_id", "id: artist_id\n  meta: [x, x]", "artists.meta names 'x' twice"),
        ("table: edges.csv", "table: edgez-*.csv", "'edgez-*.csv' matches no file"),
        ("table: edges.csv", "table: ../edges.csv", "lies outside the catalogue's folder"),
        ("table: edges.csv", "table: /etc/passwd", "lies outside the catalogue's folder"),
        ("table: edges.csv", "table: catalogue.yaml", "is no table that can be read"),
        ("edges:", "content: [tags]\nedges:", "content must be a list of 'key: value' lines"),
        ("edges:", "content: {Tags: {column: x}}\nedges:", "modality name 'Tags'"),
        ("edges:", "content: {split: {column: x}}\nedges:", "may not be called 'split'"),
        (
            "edges:",
            "content: {listening: {column: x}}\n"
            "plays: {table: edges.csv, listener: l, artist: a, plays: n}\nedges:",
            "may not be called 'listening' where there are plays",
        ),
        ("edges:", "content: {x: {colum: x}}\nedges:", "'content.x.colum' (did you mean 'column'"),
        ("edges:", "content: {x: {}}\nedges:", "content.x must have exactly one of"),
        ("edges:", "content: {x: {column: y, columns: [z]}}\nedges:", "but has columns and column"),
        ("edges:", "content: {x: {columns: []}}\nedges:", "content.x.columns must be a list"),
        ("edges:", "content: {x: {column: y, table: edges.csv}}\nedges:", "needs 'artist' too"),
        ("edges:", "content: {x: {categories: y, weight: z}}\nedges:", "x.weight is only for"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(make_catalogue, old, new, message):
    assert old in SMALLEST
    folder = make_catalogue(catalogue__yaml=SMALLEST.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        load_catalogue(folder)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert str(folder) not in str(error.value)


def test_no_folder_no_file_and_no_text(tmp_path, make_catalogue):
    with pytest.raises(InputError, match="There is no catalogue folder 'nowhere'"):
        load_catalogue(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no catalogue.yaml"):
        load_catalogue(tmp_path)
    folder = make_catalogue()
    (folder / "catalogue.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(InputError, match=r"not UTF-8 text \(byte 9\)"):
        load_catalogue(folder)
    (folder / "catalogue.yaml").write_bytes(b"")
    with pytest.raises(InputError, match="the file must be a list"):
        load_catalogue(folder)


def test_a_file_whose_name_looks_like_a_glob_is_found(make_catalogue):
    folder = make_catalogue(
        catalogue__yaml=SMALLEST.replace("edges.csv", "edges[1].csv"),
        **{"edges[1]__csv": "source,target\na,b\n"},
    )
    assert [path.name for path in load_catalogue(folder).files("edges[1].csv")] == ["edges[1].csv"]


def test_nearest_names_the_close_one_only():
    assert nearest("tabel", ["table", "id"]) == " (did you mean 'table'?)"
    assert nearest("TABLE", ["table", "id"]) == " (did you mean 'table'?)"
    assert nearest("xyz", ["table", "id"]) == ""
