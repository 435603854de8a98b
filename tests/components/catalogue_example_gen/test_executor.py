"""The executor as TFX calls it: what a wrong catalogue is told."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import apache_beam as beam
import pytest

from catalogues.errors import InputError
from components.beam_workers import without_workers
from components.catalogue_example_gen import executor, subgraphs
from components.catalogue_example_gen.artists import split_of
from components.catalogue_example_gen.config import Reach
from components.catalogue_example_gen.conserved import LostRecordsError
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


FILES = {
    "catalogue.yaml": SPEC,
    "artists.csv": "id\n" + "\n".join(IDS) + "\n",
    "edges.csv": "a,b\n" + "".join(f"{a},{b}\n" for a, b in zip(IDS, IDS[1:], strict=False)),
}


@pytest.fixture
def losing(monkeypatch):
    """Builds in this process that lose records until `left` is 0; Beam's arguments of each."""
    state = SimpleNamespace(left=1, arguments=[])
    check = executor.check_conserved

    def check_conserved(summary):
        check(summary)
        if state.left:
            state.left -= 1
            raise LostRecordsError("artists: 60 were expected and 59 found")

    def make_pipeline(self):
        state.arguments.append(self._beam_pipeline_args)
        return beam.Pipeline()

    monkeypatch.setattr(executor, "check_conserved", check_conserved)
    monkeypatch.setattr(executor.Executor, "_make_beam_pipeline", make_pipeline)
    return state


REACH = json.dumps({"fan_outs": [2, 1], "modalities": []})
WORKERS = ["--runner=DirectRunner", "--direct_running_mode=multi_processing"]


def test_what_workers_lose_is_built_again_without_them(losing, tmp_path, capsys):
    examples = executed(tmp_path, FILES, "error", beam=WORKERS)
    assert len(load_graph(str(examples))) == 60
    first, second = losing.arguments
    assert first[:2] == WORKERS and without_workers(second) is None
    told = capsys.readouterr().out
    assert "  artists: 60 were expected and 59 found; building again, in this process" in told
    assert "artists: 60 rows in = 60 kept + 0 rejected" in told


def sampling(monkeypatch, counts):
    """Has sampling leave these counts, one after the other; how often it was asked."""
    asked = []

    def sample(pipeline, place, reach, shards):
        asked.append(reach)
        Path(place.target, subgraphs.SAMPLED_FILE).write_text(json.dumps(counts[len(asked) - 1]))

    monkeypatch.setattr(subgraphs, "sample_subgraphs", sample)
    return asked


def test_subgraphs_that_workers_lose_are_sampled_again_without_them(
    losing, monkeypatch, tmp_path, capsys
):
    losing.left = 0
    num_train = sum(split_of(one, (0.8, 0.1, 0.1)) == "train" for one in IDS)
    num_val = sum(split_of(one, (0.8, 0.1, 0.1)) == "val" for one in IDS)
    whole = {"train": num_train, "val": num_val}
    asked = sampling(monkeypatch, [{"train": num_train - 1, "val": num_val}, whole])
    executed(tmp_path, FILES, "error", beam=WORKERS, subgraphs_of=REACH)
    assert asked == [Reach((2, 1), ())] * 2
    built, first, second = losing.arguments
    assert built[:2] == first[:2] == WORKERS and without_workers(second) is None
    told = capsys.readouterr().out
    expected = f"subgraphs of train: {num_train} were expected and {num_train - 1} found"
    assert expected in told and "building again, in this process" in told


def test_a_val_subgraph_that_is_lost_in_one_process_ends_the_run(losing, monkeypatch, tmp_path):
    """The trainer would take its artist for one whom nobody knows."""
    losing.left = 0
    num_train = sum(split_of(one, (0.8, 0.1, 0.1)) == "train" for one in IDS)
    sampling(monkeypatch, [{"train": num_train, "val": 0}])
    with pytest.raises(LostRecordsError, match="subgraphs of val: [1-9] were expected and 0 found"):
        executed(tmp_path, FILES, "error", subgraphs_of=REACH)


@pytest.mark.parametrize(
    ("left", "arguments"),
    [(2, WORKERS), (1, ["--runner=DirectRunner"]), (1, ["--runner=FlinkRunner", WORKERS[1]])],
    ids=["twice", "no workers", "another runner"],
)
def test_what_is_lost_otherwise_ends_the_run(losing, tmp_path, left, arguments):
    losing.left = left
    with pytest.raises(LostRecordsError, match="59 found"):
        executed(tmp_path, FILES, "error", beam=arguments)
    assert len(losing.arguments) == left
