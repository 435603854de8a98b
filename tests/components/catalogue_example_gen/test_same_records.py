"""The same rows give the same bytes, whichever files, order and bundles they come in."""

from __future__ import annotations

import random

import numpy as np
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
    assert (other.folder / "content.json").read_bytes() == (
        pairs.folder / "content.json"
    ).read_bytes()


@pytest.fixture(scope="module")
def in_process(wide, tmp_path_factory):
    return built(tmp_path_factory.mktemp("in-process"), wide, BuildConfig(pca_dim=3))


@pytest.fixture(scope="module")
def wide():
    """Some artists with vectors whose sums depend on the order, and words, by table."""
    generator = np.random.default_rng(3)
    scales = 10 ** generator.uniform(-3, 3, 5)
    vectors = generator.normal(7, 1, (900, 5)) * scales
    rows = [
        f"a{number},{';'.join(map(repr, vector))},{'x;y' if number % 3 else 'y;z'}"
        for number, vector in enumerate(vectors.tolist())
    ]
    return {
        "catalogue.yaml": "name: wide\nartists: {table: artists-*.csv, id: id}\n"
        "content: {clap: {column: clap}, tags: {categories: tags}}\n"
        "edges: {table: edges-*.csv, source: a, target: b}\n",
        "artists-0.csv": "\n".join(["id,clap,tags", *rows]) + "\n",
        "edges-0.csv": "\n".join(["a,b", *(f"a{n},a{n + 1}" for n in range(899))]) + "\n",
    }


# Several workers take a bundle each.
@pytest.mark.parametrize("mode", ["multi_threading", "multi_processing"])
def test_workers_write_the_same_bytes(wide, in_process, mode, tmp_path):
    generator = random.Random(5)
    files = {"catalogue.yaml": wide["catalogue.yaml"]}
    for table in ("artists", "edges"):
        files |= dealt(table, wide[f"{table}-0.csv"], generator)
    workers = (f"--direct_running_mode={mode}", "--direct_num_workers=2")
    other = built(tmp_path, files, BuildConfig(pca_dim=3), workers)
    for name in ("content.json", "content.npz", "summary.json"):
        assert (in_process.folder / name).read_bytes() == (other.folder / name).read_bytes(), name
    for split in (*SPLITS, "hidden_val", "hidden_test"):
        assert in_process.records(split) == other.records(split)
    assert {entry["name"] for entry in other.content["modalities"]} == {"clap", "tags"}
