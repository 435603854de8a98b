"""What is kept survives an interruption."""

from __future__ import annotations

import os

import numpy as np
import pytest

from benchmarks.store import Store, write_json, write_whole


def test_interrupted_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    write_whole(path, b"old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"new, but only ha")
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["results.json"]


def test_a_training_counts_once_its_record_is_there(tmp_path, monkeypatch):
    store = Store(tmp_path)
    scores = {"connected": np.array([0.25, 1.0]), "cold": np.array([0.0, 0.5])}

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("benchmarks.store.write_json", killed)
        store.write("abc", "gnn-1/random-seed0", {}, scores)
    assert store.find("abc") is None
    store.write("abc", "gnn-1/random-seed0", {"seed": 0}, scores)
    assert store.find("abc") == {"seed": 0}
    kept = store.scores("abc")
    assert kept["connected"].dtype == np.float32
    np.testing.assert_array_equal(kept["cold"], [0.0, 0.5])


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "x.json", {"value": float("nan")})
