"""The executor as TFX calls it: what a wrong catalogue is told."""

from __future__ import annotations

import json

import pytest

from catalogues.errors import InputError
from components.catalogue_example_gen.artists import split_of
from tests.components.catalogue_example_gen.building import SPLITS, executed
from trainer.loading import load_graph

SPEC = """\
name: damaged
artists: {table: artists.csv, id: id}
edges: {table: 'edges*', source: a, target: b}
"""
IDS = [f"olga:{i}" for i in range(60)]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """A catalogue two of whose edge files are damaged: its folder, its examples, the error."""
    folder = tmp_path_factory.mktemp("damaged")
    files = {
        "catalogue.yaml": SPEC,
        "artists.csv": "id\n" + "\n".join(IDS) + "\n",
        "edges.csv": "a,b\n",
        "edges.parquet": b"no parquet",
        "edges-more.csv.gz": b"no gzip",
    }
    with pytest.raises(InputError) as raised:
        executed(folder, files, "set_aside")
    return folder, folder / "examples", str(raised.value)


def test_a_file_that_cannot_be_read_stops_any_run_in_one_sentence(damaged):
    """Beam would wrap the reader's words in its own, with the place in its pipeline."""
    folder, _, message = damaged
    assert message == "'edges-more.csv.gz' is damaged or no gzip file; compress or copy it again."
    assert str(folder) not in message


def test_a_damaged_file_is_a_reject_for_where_it_breaks(damaged):
    summary = json.loads((damaged[1] / "summary.json").read_text())
    assert summary["rejected"] == {"edges": {"unreadable file": 2}}
    assert summary["read"] == {"artists": 60, "edges": 2}


def test_without_a_split_column_the_hash_decides(damaged):
    graph = load_graph(str(damaged[1]))
    assert graph.artist_id.tolist() == sorted(IDS)
    for artist_id, split in zip(graph.artist_id, graph.split, strict=True):
        assert SPLITS[split] == split_of(artist_id, (0.8, 0.1, 0.1))
    assert graph.neighbors.nnz == 0 and not graph.weighted
