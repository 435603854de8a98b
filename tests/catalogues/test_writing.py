"""A catalogue folder is written whole or not at all."""

import os
import signal
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from catalogues.errors import InputError
from catalogues.writing import ParquetTable, new_catalogue_folder, write_csv, write_spec


def finish(target, text="name: x\n", force=False):
    with new_catalogue_folder(target, force=force) as folder:
        (folder / "catalogue.yaml").write_text(text)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_folder_is_there_only_when_it_is_whole(tmp_path):
    target = tmp_path / "deep" / "cat"
    with new_catalogue_folder(target) as folder:
        (folder / "catalogue.yaml").write_text("x")
        assert not target.exists()
    assert names_in(target) == ["catalogue.yaml"]
    assert names_in(target.parent) == ["cat"]


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), new_catalogue_folder(tmp_path / "cat") as folder:
        (folder / "half").write_text("x")
        raise RuntimeError
    assert names_in(tmp_path) == []


def test_an_occupied_folder_is_kept_without_force(tmp_path):
    target = tmp_path / "cat"
    finish(target, "old")
    with pytest.raises(InputError, match="not empty.*--force"):
        finish(target)
    with pytest.raises(RuntimeError), new_catalogue_folder(target, force=True):
        raise RuntimeError
    assert (target / "catalogue.yaml").read_text() == "old"
    finish(target, "new", force=True)
    assert (target / "catalogue.yaml").read_text() == "new"
    assert names_in(tmp_path) == ["cat"]


def test_force_replaces_catalogues_only(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters.txt").write_text("dear")
    with pytest.raises(InputError, match="--force will not replace"):
        finish(tmp_path / "home", force=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        finish(tmp_path / "file", force=True)


def test_an_empty_folder_is_no_obstacle(tmp_path):
    (tmp_path / "cat").mkdir()
    finish(tmp_path / "cat")
    assert names_in(tmp_path / "cat") == ["catalogue.yaml"]


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    target = tmp_path / "cat"
    code = (
        "import sys, time; from pathlib import Path\n"
        "from catalogues.writing import new_catalogue_folder\n"
        "with new_catalogue_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'half').write_text('x'); print('writing', flush=True); time.sleep(60)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout.readline() == "writing\n"
    # One that still writes is left alone.
    finish(target)
    assert len(names_in(tmp_path)) == 2
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    finish(target, force=True)
    assert names_in(tmp_path) == ["cat"]
    assert names_in(target) == ["catalogue.yaml"]


def test_csv_cells(tmp_path):
    assert write_csv(tmp_path / "t.csv", ("a", "b"), [(1, None), ("x,y", "é")]) == 2
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == 'a,b\n1,\n"x,y",é\n'


def test_a_spec_reads_back_as_it_was_written(tmp_path):
    spec = {"name": "no", "artists": {"meta": ["a", "b"]}, "content": {"x": {"columns": ["1"]}}}
    write_spec(tmp_path, spec)
    text = (tmp_path / "catalogue.yaml").read_text()
    assert yaml.safe_load(text) == spec
    assert "meta: [a, b]" in text


def test_parquet_shards_hold_all_rows_in_order(tmp_path):
    schema = pa.schema([("x", pa.int64())])
    with ParquetTable(tmp_path, "t", schema, rows_a_shard=10, rows_a_group=4) as table:
        for start in range(0, 30, 3):
            table.append({"x": list(range(start, start + 3))})
    assert (table.num_rows, table.pattern) == (30, "t-*.parquet")
    # Groups close at 6 rows, a shard at the first group that finds 10 or more in it.
    files = sorted(tmp_path.glob(table.pattern))
    assert [pq.read_metadata(file).num_rows for file in files] == [12, 12, 6]
    read = [x for file in files for x in pq.read_table(file)["x"].to_pylist()]
    assert read == list(range(30))


def test_an_empty_parquet_table_has_its_columns(tmp_path):
    with ParquetTable(tmp_path, "t", pa.schema([("x", pa.int64())])):
        pass
    assert pq.read_table(tmp_path / "t.parquet").schema.names == ["x"]
