"""A dated or numbered catalogue folder: the newest is picked, and any change is seen."""

from __future__ import annotations

import os

import pytest
from tfx.orchestration import data_types
from tfx.types import standard_artifacts

from components.catalogue_example_gen.component import CatalogueExampleGen, Driver
from components.catalogue_example_gen.config import BuildConfig
from components.catalogue_example_gen.executor import catalogue_address
from tests.components.catalogue_example_gen import split_pairs
from tests.components.catalogue_example_gen.building import write_catalogue


def resolved(catalogue):
    """The execution properties once the component's driver has seen the files."""
    component = CatalogueExampleGen(
        catalogue=str(catalogue), build=BuildConfig(), on_bad_rows="error", code_fingerprint="1"
    )
    assert component.DRIVER_CLASS is Driver
    nothing = data_types.PipelineInfo("", "")
    return Driver(None).resolve_exec_properties(
        dict(component.exec_properties), nothing, data_types.ComponentInfo("", "", nothing)
    )


@pytest.mark.parametrize(
    ("pattern", "folders", "newest", "span"),
    [
        ("span-{SPAN}", ["span-2", "span-10", "span-9"], "span-10", 10),
        ("{YYYY}-{MM}-{DD}", ["2023-12-31", "2024-02-01", "2024-01-30"], "2024-02-01", 19754),
        ("{YYYY}-{MM}-{DD}/tables", ["2024-02-01/tables"], "2024-02-01/tables", 19754),
        ("mine", ["mine", "other"], "mine", 0),
    ],
)
def test_the_newest_span_is_read(tmp_path, pattern, folders, newest, span):
    for folder in folders:
        write_catalogue(tmp_path / folder, split_pairs.FILES)
    found = resolved(tmp_path / pattern)
    assert found["span"] == span
    examples = standard_artifacts.Examples()
    examples.set_int_custom_property("span", span)  # As the driver does.
    assert catalogue_address(found, examples, "") == str(tmp_path / newest)
    assert examples.get_int_custom_property("span") == span


def test_an_unchanged_folder_has_the_same_fingerprint(tmp_path):
    write_catalogue(tmp_path / "mine", split_pairs.FILES)
    assert (
        resolved(tmp_path / "mine")["input_fingerprint"]
        == resolved(f"{tmp_path / 'mine'}/")["input_fingerprint"]
    )


@pytest.mark.parametrize("changed", ["artists.csv", "tracks/1.csv", "tracks/deep/er/2.csv"])
def test_a_change_of_any_file_is_seen(tmp_path, changed):
    """A table may lie in a folder of the catalogue, at which TFX's own driver does not look."""
    files = {"tracks/1.csv": "a\n1\n", "tracks/deep/er/2.csv": "a\n1\n"}
    write_catalogue(tmp_path, split_pairs.FILES | files)
    before = resolved(tmp_path)["input_fingerprint"]
    assert resolved(tmp_path)["input_fingerprint"] == before
    path = tmp_path / changed
    path.write_text(path.read_text() + "2\n")
    os.utime(path, (2e9, 2e9))
    assert resolved(tmp_path)["input_fingerprint"] != before
