"""The plays that examples keep come back whole, in batches of bounded size."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer import kept_plays
from trainer.kept_plays import encode_plays, plays_files, read_plays

Plays = dict[str, dict[str, float]]


def write(folder, plays: Plays, shards: int = 1) -> None:
    """Deals the artists to files as the builder names them."""
    for shard in range(shards):
        path = str(folder / f"plays-{shard:05d}-of-{shards:05d}.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for artist, found in list(plays.items())[shard::shards]:
                writer.write(encode_plays(artist, found, np.array([*found.values()], np.float64)))


def read(folder) -> tuple[Plays, list[tuple[int, int]]]:
    """What is kept, and the shape of each batch."""
    found: Plays = {}
    shapes = []
    for batch in read_plays(plays_files(str(folder))):
        names, counts = batch.listener_id.numpy(), batch.plays.numpy()
        assert names.shape == counts.shape == (len(batch.artist_id), counts.shape[1])
        shapes.append(counts.shape)
        for artist, listeners, numbers in zip(batch.artist_id, names, counts, strict=True):
            assert artist not in found
            padding = listeners == b""
            assert (numbers[padding] == 0).all() and (numbers[~padding] > 0).all()
            kept = zip(listeners[~padding].tolist(), numbers[~padding].tolist(), strict=True)
            found[artist] = {name.decode(): number for name, number in kept}
    return found, shapes


text = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=4)
counts = st.floats(0.0078125, 2.0**60, width=32)


@settings(deadline=None, max_examples=25)
@given(
    st.dictionaries(text, st.dictionaries(text, counts, min_size=1, max_size=80), max_size=6),
    st.integers(1, 3),
)
def test_what_is_kept_comes_back(tmp_path_factory, plays, shards):
    folder = tmp_path_factory.mktemp("plays")
    write(folder, plays, shards)
    assert read(folder)[0] == plays


def test_a_batch_is_bounded_and_lists_of_like_length_stand_together(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_plays, "_CELLS", 256)
    lengths = [1] * 20 + [3] * 20 + [40] * 9 + [70, 500]
    plays = {
        f"artist {place}": {f"listener {i}": 1.0 + i for i in range(length)}
        for place, length in enumerate(lengths)
    }
    write(tmp_path, plays)
    found, shapes = read(tmp_path)
    assert found == plays
    assert all(rows == 1 or rows * columns <= 256 for rows, columns in shapes)
    # 8 artists of fewer than 32 plays, 4 of fewer than 64.
    assert sorted(shapes)[::-1] == sorted(
        [(8, 1), (8, 1), (8, 3), (8, 3), (8, 3), (4, 40), (4, 40), (1, 40), (1, 70), (1, 500)]
    )[::-1]  # fmt: skip


def test_numbers_beyond_32_bits_stay_plays(tmp_path):
    write(tmp_path, {"a": {"much": 1e300, "little": 1e-300}})
    bounds = np.finfo(np.float32)
    assert read(tmp_path)[0] == {
        "a": {"much": pytest.approx(bounds.max), "little": pytest.approx(bounds.tiny)}
    }


def test_other_files_are_no_plays(tmp_path):
    (tmp_path / "Split-train").mkdir()
    for name in ("listening.npz", "plays.csv", "Split-train/plays-0.gz"):
        (tmp_path / name).write_text("")
    assert plays_files(str(tmp_path)) == []
    write(tmp_path, {})
    assert len(plays_files(str(tmp_path))) == 1
    assert read(tmp_path) == ({}, [])
