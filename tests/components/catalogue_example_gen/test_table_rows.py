"""Rows are counted of each table that is read, and of the newest span."""

from __future__ import annotations

import pytest

from catalogues.errors import InputError
from components.catalogue_example_gen.table_rows import all_rows, newest_catalogue, table_rows
from tests.components.catalogue_example_gen.building import write_catalogue

SPEC = """
name: counted
artists: {table: artists.csv, id: id}
content: {tags: {table: tags-*.csv, artist: id, categories: tag}}
plays: {table: plays.csv, listener: listener, artist: id, plays: plays}
edges: {table: edges.csv, source: a, target: b}
"""
FILES = {
    "catalogue.yaml": SPEC,
    "artists.csv": "id\n1\n2\n3\n",
    "tags-0.csv": "id,tag\n1,jazz\n",
    "tags-1.csv": "id,tag\n2,folk\n2,jazz\n",
    "plays.csv": "listener,id,plays\nme,1,5\n",
    "edges.csv": "a,b\n1,2\n2,3\n",
    "notes.csv": "of no table\n" * 50,
}
ROWS = 3 + 1 + 2 + 1 + 2


def test_rows_of_all_tables_count(tmp_path):
    catalogue = newest_catalogue(str(write_catalogue(tmp_path / "catalogue", FILES)))
    assert all_rows(catalogue) == ROWS
    assert table_rows(catalogue, "tags-*.csv") == 3


def test_the_newest_span_counts(tmp_path):
    more = FILES | {"artists.csv": FILES["artists.csv"] + "4\n"}
    write_catalogue(tmp_path / "span-2", FILES)
    write_catalogue(tmp_path / "span-10", more)
    assert all_rows(newest_catalogue(str(tmp_path / "span-{SPAN}"))) == ROWS + 1


def test_a_catalogue_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="There is no catalogue folder 'nowhere'"):
        newest_catalogue(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="No folder of the catalogue matches"):
        newest_catalogue(str(tmp_path / "span-{SPAN}"))
