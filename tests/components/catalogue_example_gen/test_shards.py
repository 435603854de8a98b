"""Records in a given number of files: all of them, each once, and nothing else left behind."""

from __future__ import annotations

import gzip
import zlib

import apache_beam as beam
import pytest
import tensorflow as tf
from apache_beam.io.tfrecordio import ReadFromTFRecord
from apache_beam.testing.util import assert_that, equal_to

from components.catalogue_example_gen import shards
from components.catalogue_example_gen.shards import WriteShards, shard_paths, write_line

RECORDS = [f"record {place}".encode() * (place % 7) for place in range(200)]


@pytest.fixture
def paths(tmp_path):
    return shard_paths(f"{tmp_path}/out/data", ".gz", 3)


def write(records, paths, folder, write=shards.write_tfrecord):
    with beam.Pipeline() as pipeline:
        written = (
            pipeline | beam.Create(records, False) | WriteShards("Some", paths, str(folder), write)
        )
        assert_that(written, equal_to([len(records)]))


def read(path):
    dataset = tf.data.TFRecordDataset(str(path), compression_type="GZIP")
    return list(dataset.as_numpy_iterator())


def test_each_record_is_in_the_file_that_its_checksum_tells(paths, tmp_path):
    write(RECORDS, paths, tmp_path)
    for place, path in enumerate(paths):
        wanted = sorted(record for record in RECORDS if zlib.crc32(record) % 3 == place)
        assert wanted
        assert sorted(read(path)) == wanted
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert sorted(map(str, (tmp_path / "out").iterdir())) == paths


def test_a_file_without_records_is_there_all_the_same(paths, tmp_path):
    write([RECORDS[1]], paths, tmp_path)
    assert [len(read(path)) for path in paths].count(0) == 2
    write([], [f"{tmp_path}/lines"], tmp_path, write_line)
    assert (tmp_path / "lines").read_bytes() == b""
    assert not list(tmp_path.glob(".parts-*"))


def test_lines_are_lines(tmp_path):
    write([b"b", b"", b"a"], [f"{tmp_path}/lines"], tmp_path, write_line)
    assert sorted((tmp_path / "lines").read_bytes().split(b"\n")) == [b"", b"", b"a", b"b"]


def test_another_run_puts_its_files_in_place_of_the_last_ones(paths, tmp_path):
    write(RECORDS, paths, tmp_path)
    write(RECORDS[:10], paths, tmp_path)
    assert sorted(record for path in paths for record in read(path)) == sorted(RECORDS[:10])


def parts_of(bundles, paths, folder):
    """What the bundles give, each in its own worker."""
    found = []
    for records in bundles:
        do_fn = shards._WriteParts(paths, str(folder), shards.write_tfrecord)
        do_fn.setup()
        do_fn.start_bundle()
        for record in records:
            assert not list(do_fn.process(record))
        found += [value.value for value in do_fn.finish_bundle()]
        do_fn.teardown()
    return found


def test_parts_of_several_workers_are_one_file(tmp_path):
    path = f"{tmp_path}/out.gz"
    parts = parts_of([RECORDS[:50], RECORDS[50:], []], [path], tmp_path / "parts")
    # A bundle without records writes nothing.
    assert [whose for whose, _ in parts] == [path, path]
    given = path, {"parts": [part for _, part in parts], "file": [None]}
    assert list(shards._JoinParts(f"{tmp_path}/parts").process(given)) == [len(RECORDS)]
    assert sorted(read(path)) == sorted(RECORDS)
    # Beam, by which TFX reads statistics, goes on after the first part as well.
    with beam.Pipeline() as pipeline:
        assert_that(pipeline | ReadFromTFRecord(path), equal_to(RECORDS))


def test_a_file_is_joined_again_as_long_as_its_parts_are_there(tmp_path):
    path = f"{tmp_path}/out.gz"
    ((_, part),) = parts_of([RECORDS], [path], tmp_path / "parts")
    joining = shards._JoinParts(f"{tmp_path}/parts")
    for _ in range(2):
        assert list(joining.process((path, {"parts": [part]}))) == [len(RECORDS)]
    assert shards._clear_up(200, f"{tmp_path}/parts") == 200
    assert shards._clear_up(200, f"{tmp_path}/parts") == 200
    assert not (tmp_path / "parts").exists()
    # The runner lost the news, and asks once more.
    assert list(joining.process((path, {"parts": [part]}))) == [len(RECORDS)]
    assert sorted(read(path)) == sorted(RECORDS)


def test_parts_that_are_lost_before_they_are_joined_are_no_empty_file(tmp_path):
    with pytest.raises(OSError, match="lost"):
        list(
            shards._JoinParts(str(tmp_path)).process((f"{tmp_path}/out", {"parts": [("lost", 1)]}))
        )
    assert not (tmp_path / "out").exists()


def test_a_bundle_that_failed_leaves_nothing_to_the_next(tmp_path):
    path = f"{tmp_path}/out.gz"
    do_fn = shards._WriteParts([path], f"{tmp_path}/parts", shards.write_tfrecord)
    do_fn.setup()
    do_fn.start_bundle()
    do_fn.process(b"of the bundle that failed")
    do_fn.start_bundle()
    do_fn.process(b"good")
    ((_, part),) = [value.value for value in do_fn.finish_bundle()]
    assert part[1] == 1
    list(shards._JoinParts(f"{tmp_path}/parts").process((path, {"parts": [part]})))
    assert read(path) == [b"good"]


def test_files_tell_neither_names_nor_times(tmp_path):
    (_, part), (_, other) = parts_of([[b"1"], [b"1"]], ["some.gz"], tmp_path)
    with open(part[0], "rb") as one, open(other[0], "rb") as two:
        content = one.read()
        assert content == two.read()
    assert content[4:8] == bytes(4)
    assert len(gzip.decompress(content)) == 17
