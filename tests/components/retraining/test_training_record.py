"""What a model was trained on: what is kept of it, and what is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.retraining.drift import only_content
from components.retraining.training_record import (
    NoRecordError,
    read_record,
    record_of,
    write_record,
)
from tests.components.retraining.tagged_artists import CONFIGURATION, ring, statistics
from tests.trainer.graphs import graph_of

TRAIN, VAL, TEST = 0, 1, 2


@pytest.fixture(scope="module")
def told():
    return statistics(["rock", "jazz"])


def test_it_comes_back_as_it_was_written(tmp_path, told):
    record = ring(12, told, span=7)
    write_record(record, str(tmp_path))
    found = read_record(str(tmp_path))
    assert (found.span, found.configuration) == (7, CONFIGURATION)
    np.testing.assert_array_equal(found.artists, record.artists)
    np.testing.assert_array_equal(found.edges, record.edges)
    # Neither names nor ids travel with the statistics.
    (dataset,) = found.statistics.datasets
    assert [feature.path.step[0] for feature in dataset.features] == ["nodes/artist.tags"]
    assert found.statistics == only_content(told)
    assert len(found.artists) == len(found.edges) == 12
    (file,) = (tmp_path / "assets.extra").iterdir()
    before = file.read_bytes()
    write_record(record, str(tmp_path))
    assert file.read_bytes() == before


def test_edges_that_a_split_hides_leave_no_trace(told):
    split = [TRAIN, TRAIN, VAL, VAL, TEST, TEST]
    visible = [(0, 1), (0, 2), (1, 4)]
    hidden = [(2, 3), (4, 5), (3, 4)]

    def record(edges):
        return record_of(graph_of(edges, split).graph, told, CONFIGURATION, 1)

    np.testing.assert_array_equal(record(visible + hidden).edges, record(visible).edges)
    assert len(record(visible).edges) == 3
    assert len(np.intersect1d(record(visible).edges, record(visible[1:]).edges)) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"no archive at all"),
        lambda file: file.write_bytes(file.read_bytes()[:-40]),
        lambda file: file.write_bytes(file.read_bytes()[:200]),
        lambda file: np.savez(file, told=np.frombuffer(b"[]", np.uint8)),
        lambda file: np.savez(file, told=np.frombuffer(b'{"format": 2}', np.uint8)),
        lambda file: np.savez(
            file,
            **{**np.load(file), "statistics": np.frombuffer(b"\xff\xff\xff", np.uint8)},
        ),
    ],
)
def test_a_broken_file_is_one_clause(tmp_path: Path, told, spoil):
    write_record(ring(12, told), str(tmp_path))
    (file,) = (tmp_path / "assets.extra").iterdir()
    spoil(file)
    with pytest.raises(NoRecordError, match="its trained_on.npz cannot be read"):
        read_record(str(tmp_path))


def test_models_of_older_versions_have_none(tmp_path):
    with pytest.raises(NoRecordError, match="does not say what it was trained on"):
        read_record(str(tmp_path))
