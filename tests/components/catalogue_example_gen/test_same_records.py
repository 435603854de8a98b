"""The same rows give the same records, whichever files and order they come in."""

from __future__ import annotations

import random

import pytest

from components.catalogue_example_gen.config import BuildConfig
from tests.components.catalogue_example_gen import split_pairs
from tests.components.catalogue_example_gen.building import SPLITS, built


def dealt(name, text, generator):
    """The rows of a CSV table in random order, dealt to two files."""
    header, *rows = text.splitlines()
    generator.shuffle(rows)
    middle = len(rows) // 2
    return {
        f"{name}-{place}.csv": "\n".join([header, *part]) + "\n"
        for place, part in enumerate((rows[:middle], rows[middle:]))
    }


def test_shuffled_rows_in_several_files_and_shards(pairs, tmp_path):
    generator = random.Random(7)
    files = {"catalogue.yaml": split_pairs.SPEC}
    for name, text in split_pairs.FILES.items():
        if name.endswith(".csv"):
            files |= dealt(name.removesuffix(".csv"), text, generator)
    other = built(tmp_path, files, BuildConfig(shards=3))
    for split in (*SPLITS, "hidden_val", "hidden_test"):
        assert other.records(split) == pairs.records(split)
    assert len(list((other.folder / "Split-train").glob("*.gz"))) == 3
    assert other.summary["read"] == pairs.summary["read"]
    for mine, theirs in zip(other.content["modalities"], pairs.content["modalities"], strict=True):
        # Moments may differ in the last bits: floats are added in the order of the bundles.
        assert mine == {
            key: pytest.approx(value, rel=1e-12) if key in ("mean", "deviation") else value
            for key, value in theirs.items()
        }
