"""Rows are counted of each table that is read, and of the newest span."""

from __future__ import annotations

import pytest

from catalogues.errors import InputError
from components.catalogue_example_gen.table_rows import all_rows, newest_catalogue, table_rows
from tests.components.catalogue_example_gen.building import write_catalogue
from tests.components.catalogue_example_gen.counted_catalogue import FILES, ROWS


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
