"""A file that is broken, or of another format, is refused; it never reaches a request."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from serving.explorer.data import DATA, BrokenData, read_explorer_data
from serving.explorer.explorable import load_explorable
from tests.trainer.graphs import two_communities
from tests.trainer.test_explorer_data import written


@pytest.fixture
def version(tmp_path: Path) -> Path:
    written(two_communities(), tmp_path / "7")
    return tmp_path / "7"


def change(version: Path, **members: object) -> None:
    """Writes some members anew; None takes one away."""
    with np.load(version / DATA) as file:
        found = {name: file[name] for name in file.files}
    found.update(members)
    kept = {name: value for name, value in found.items() if value is not None}
    np.savez(version / DATA, **kept)


def test_a_version_without_a_file_brings_nothing(tmp_path, caplog):
    assert read_explorer_data(tmp_path) is None
    assert load_explorable(tmp_path) is None
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


@pytest.mark.parametrize("kept", [0, 10, 1000, -30])
def test_a_file_that_is_cut_short_is_refused(version, kept):
    whole = (version / DATA).read_bytes()
    (version / DATA).write_bytes(whole[:kept])
    with pytest.raises(BrokenData):
        read_explorer_data(version)


def test_a_byte_that_has_changed_is_noticed(version):
    whole = bytearray((version / DATA).read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    (version / DATA).write_bytes(whole)
    with pytest.raises(BrokenData):
        read_explorer_data(version)


def test_nothing_pickled_is_read(version):
    change(version, x=np.array([object()] * 24, object))
    with pytest.raises(BrokenData):
        read_explorer_data(version)


@pytest.mark.parametrize(
    "members",
    [
        {"x": None},
        {"header": None},
        {"x": np.zeros(23, np.float32)},
        {"x": np.full(24, np.nan, np.float32)},
        {"popularity": np.zeros(25, np.float32)},
        {"edges": np.full(2, 24, np.int32)},
        {"edges": np.full(180, 24, np.int32)},
        {"edges": np.full(180, -1, np.int32)},
        {"edge_offsets": np.zeros(25, np.int64)},
        {"name_offsets": np.zeros(25, np.int64)},
        {"artist_id": np.zeros(0, np.uint8)},
        {"artist_id": np.frombuffer(b"a" * 24 * 11, np.uint8)},
        {"artist_id": np.frombuffer(b"\xff" * 24 * 11, np.uint8)},
        {"content0_values": np.zeros((20, 4), np.float16)},
        {"content0_present": np.zeros(24, bool)},
        {"content0_mean": np.zeros(3, np.float32)},
        {"content1_weight": np.zeros(3, np.float32)},
        {"content1_word": np.full(66, 99, np.int32)},
        {"content1_count": np.zeros(3, np.int32)},
        {"content1_offsets": np.arange(25)[::-1]},
        {"header": np.frombuffer(b"{}", np.uint8)},
        {"header": np.frombuffer(b"[", np.uint8)},
    ],
    ids=lambda members: "".join(members),
)
def test_members_that_do_not_fit_together_are_refused(version, members):
    change(version, **members)
    with pytest.raises(BrokenData):
        read_explorer_data(version)


def test_the_sizes_of_the_cases_above_are_right(version):
    """So that each breaks one thing alone."""
    with np.load(version / DATA) as file:
        assert file["content0_values"].shape == (21, 4)
        assert file["content1_word"].shape == (66,)
        assert len(file["artist_id"]) == 24 * 11
        assert len(file["edge_offsets"]) == 25


def test_a_later_format_is_told_and_logged_without_a_path(version, caplog):
    header = np.frombuffer(json.dumps({"format": 2}).encode(), np.uint8)
    change(version, header=header)
    assert load_explorable(version) is None
    [record] = caplog.records
    assert record.getMessage() == ("the explorer data of version 7 has format 2, where 1 is known")
