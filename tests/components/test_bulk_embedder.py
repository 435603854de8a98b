"""The embeddings of a whole catalogue on Beam are those that the served model keeps."""

import dataclasses
import shutil
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow.parquet as parquet
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogues.errors import InputError
from components.bulk_embedder import layers, numbering, shards, walks
from components.bulk_embedder.embedding_run import embed_into
from components.bulk_embedder.exact_sums import restored, rounded
from components.bulk_embedder.served_edges import ReadCatalogue
from tests.components.bulk_catalogues import (
    Case,
    make_case,
    random_catalogue,
    without_weights,
    write_examples,
)
from tests.trainer.graphs import HiddenGraph
from tests.trainer.small_systems import (
    small_config,
    small_contrastive_config,
    small_diffusion_config,
    with_network,
)
from trainer.batches import message_edges

FAN_OUT = 5
GATED = with_network(small_config(2, fan_out=FAN_OUT), layer="gated_gcn", modality_units=8)
SYSTEMS = {
    "sage_mean of 3": (True, small_config(3, fan_out=FAN_OUT)),
    "sage_mean without weights": (False, small_config(1, fan_out=FAN_OUT)),
    "gated_gcn": (True, GATED),
    "gin without weights": (False, with_network(small_config(2, fan_out=FAN_OUT), layer="gin")),
    "dnn": (True, small_config(0)),
    "diffusion": (True, small_diffusion_config()),
    "contrastive": (True, small_contrastive_config()),
}


def read(folder: Path) -> tuple[list[str], np.ndarray]:
    tables = [parquet.read_table(path) for path in sorted(folder.glob(shards.FILES))]
    ids = [key for table in tables for key in table["artist_id"].to_pylist()]
    vectors = [vector for table in tables for vector in table["embedding"].to_pylist()]
    return ids, np.array(vectors, np.float32)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """So that forty artists are many blocks, parts and files."""
    monkeypatch.setattr(layers, "BLOCK", 8)
    monkeypatch.setattr(layers, "_GATED_EDGES", 5)
    monkeypatch.setattr(walks, "BLOCK", 8)
    monkeypatch.setattr(walks, "VECTORS", 16)
    monkeypatch.setattr(walks, "_HELD", 64)
    monkeypatch.setattr(shards, "ARTISTS", 16)
    monkeypatch.setattr(numbering, "_PARTS", 4)


@pytest.fixture(scope="module", params=SYSTEMS, ids=list(SYSTEMS))
def case(request, tmp_path_factory) -> Case:
    weighted, config = SYSTEMS[request.param]
    return make_case(tmp_path_factory.mktemp("model"), weighted, config)


def test_the_embeddings_are_those_that_the_model_serves(case, tmp_path):
    files = case.embedded(tmp_path / "vectors")
    assert list(files) == [f"embeddings-{shard:05d}.parquet" for shard in range(3)]
    ids, vectors = read(tmp_path / "vectors")
    assert ids == case.catalogue.graph.artist_id.tolist()
    expected = case.served()
    assert np.ptp(expected, axis=0).min() > 0.05
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    # TFX's Pusher leaves out all but the one on top: the functions were missing where it pushed.
    assert [path.parent for path in case.model.rglob("saved_model.pb*")] == [case.model]
    told = parquet.read_schema(tmp_path / "vectors" / "embeddings-00000.parquet").metadata
    assert told == {b"artist_sim.model": b"1700000000"}


@pytest.fixture(scope="module", params=[GATED, small_diffusion_config()], ids=["gnn", "diffusion"])
def one(request, tmp_path_factory) -> Case:
    return make_case(tmp_path_factory.mktemp("one"), True, request.param)


def test_no_hidden_edge_is_ever_read(one, tmp_path):
    """Garbage in their place is found by nobody; one edge that is listed moves vectors."""
    before = one.embedded(tmp_path / "before")
    examples = tmp_path / "examples"
    shutil.copytree(one.examples, examples)
    hidden = list(examples.glob("Split-hidden_*/*.gz"))
    assert len(hidden) == 2
    for path in hidden:
        path.write_bytes(b"whoever reads this fails")
    moved = dataclasses.replace(one, examples=examples)
    assert moved.embedded(tmp_path / "moved") == before
    graph = one.catalogue.graph
    judged = graph.artists("test")
    u, v = judged[0], next(v for v in judged[1:] if one.catalogue.hidden[judged[0], v])
    leaked = graph.neighbors.tolil()
    leaked[u, v] = leaked[v, u] = 3.0
    shown = dataclasses.replace(graph, neighbors=leaked.tocsr())
    write_examples(dataclasses.replace(one.catalogue, graph=shown), examples)
    moved.embedded(tmp_path / "leaked")
    difference = np.abs(read(tmp_path / "leaked")[1] - read(tmp_path / "before")[1]).max(axis=1)
    assert difference[u] > 1e-3


def test_other_processes_write_the_same_bytes(one, tmp_path):
    options = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
    # These processes know nothing of smaller blocks.
    with pytest.MonkeyPatch.context() as usual:
        usual.setattr(layers, "BLOCK", 4096)
        usual.setattr(layers, "_GATED_EDGES", 2**14)
        usual.setattr(walks, "BLOCK", 256)
        usual.setattr(walks, "VECTORS", 4096)
        usual.setattr(walks, "_HELD", 2**22)
        usual.setattr(shards, "ARTISTS", 65_536)
        usual.setattr(numbering, "_PARTS", 64)
        here = one.embedded(tmp_path / "here")
        assert one.embedded(tmp_path / "there", *options) == here


def block_edges(case: HiddenGraph, folder: Path, fan_out: int) -> sp.csr_matrix:
    examples = write_examples(case, folder / "examples")
    found = []
    # A list in this process is told by a function that its workers share.
    with beam.Pipeline() as pipeline:
        _ = (pipeline | ReadCatalogue(examples, 7, fan_out))["edges"] | beam.Map(_kept, str(folder))
    for path in folder.glob("block-*.npz"):
        rows = sp.load_npz(path).tocoo()
        found.append((rows.data, rows.row + 7 * int(path.stem[6:]), rows.col))
    data, row, column = (np.concatenate(part) for part in zip(*found, strict=True))
    return sp.csr_matrix((data, (row, column)), case.graph.neighbors.shape)


def _kept(keyed, folder):
    sp.save_npz(Path(folder, f"block-{keyed[0]}.npz"), keyed[1])


@pytest.mark.parametrize("fan_out", [0, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_edges_are_the_served_ones(weighted, fan_out, tmp_path):
    case = random_catalogue()
    case = case if weighted else without_weights(case)
    expected = message_edges(case.graph.served_edges(), weighted, fan_out)
    found = block_edges(case, tmp_path, fan_out)
    assert (found != expected).nnz == 0
    assert found.nnz == expected.nnz > 50


def test_an_artist_that_comes_twice_stops_the_embedding(tmp_path):
    case = random_catalogue()
    twice = case.graph.artist_id.copy()
    twice[1] = twice[0]
    doubled = HiddenGraph(dataclasses.replace(case.graph, artist_id=twice), case.hidden)
    with pytest.raises(Exception, match="the artist 'artist:0000' 2 times"):
        block_edges(doubled, tmp_path, 0)


@pytest.mark.parametrize("count", [1, 5, 300])
def test_rows_are_the_places_in_the_order_of_ids(count, tmp_path, monkeypatch):
    monkeypatch.setattr(numbering, "_SAMPLE", 40)
    rng = np.random.default_rng(count)
    ids = list({"".join(rng.choice(list("aäB1 "), 6)) + str(i) for i in range(count)})
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(ids)
            | numbering.Number()
            | beam.MapTuple(lambda key, row: f"{row}\t{key}")
            | beam.io.WriteToText(str(tmp_path / "rows"))
        )
    lines = [line for path in tmp_path.glob("rows*") for line in path.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{row}\t{key}" for row, key in enumerate(sorted(ids)))


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3, width=32), max_size=50), st.randoms())
def test_a_sum_has_the_same_bits_in_any_order(numbers, random):
    def total(values):
        # Plain addition, one after the other; np.sum would pair them.
        found = 0.0
        for value in values:
            found += value
        return found

    one = total(rounded(np.array(numbers)))
    shuffled = list(numbers)
    random.shuffle(shuffled)
    other = total(rounded(np.array(shuffled)))
    assert restored(np.array(one)).tobytes() == restored(np.array(other)).tobytes()
    np.testing.assert_allclose(restored(np.array(one)), sum(numbers), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("held", [1, 30, 10_000])
def test_the_most_visited_are_those_of_a_plain_table(held, monkeypatch):
    monkeypatch.setattr(walks, "_HELD", held)
    rng = np.random.default_rng(held)
    rows, columns, reach = 6, 20, 4
    table, cells = np.zeros((rows, columns)), walks._Cells()
    for _ in range(30):
        row, column = rng.integers(0, rows - 1, 5), rng.integers(0, columns, 5)
        # Multiples of 1/8: many are equal.
        value = rng.integers(1, 4, 5) / 8
        np.add.at(table, (row, column), value)
        cells.add((row.astype(np.int64) << 40) + column, rounded(value, 44))
    codes, visits = cells.most(rows, reach)
    for row in range(rows):
        order = sorted(range(columns), key=lambda column: (-table[row, column], column))
        expected = [column for column in order[:reach] if table[row, column]]
        assert codes[row, : len(expected)].tolist() == expected
        np.testing.assert_array_equal(visits[row, : len(expected)], table[row, expected])
        assert not visits[row, len(expected) :].any()


def refusal(case: Case, output: Path) -> str:
    with pytest.raises(InputError) as caught:
        embed_into(output, case.model, case.examples, ["--runner=DirectRunner"])
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and str(output.parent) not in text
    assert not list(output.parent.glob(f".{output.name}*"))
    return text


def test_mistakes_are_told_before_anything_is_made(one, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    assert "'there' is there already" in refusal(one, there)
    output = tmp_path / "out"
    nothing = dataclasses.replace(one, model=tmp_path)
    assert "There is no model" in refusal(nothing, output)
    assert "There are no examples" in refusal(dataclasses.replace(one, examples=tmp_path), output)
    old = tmp_path / "1600000000"
    shutil.copytree(one.model, old)
    plan = old / "assets.extra" / "bulk" / "plan.json"
    told = plan.read_text()
    for text, reason in (
        (told.replace('"format": 1', '"format": 9'), "another version"),
        ("{", "cannot be read"),
        (told.replace('"audio"', '"sound"'), "reads 'sound', which the examples lack"),
        (told.replace('"audio": 4', '"audio": 9'), "vectors of 9 numbers in 'audio'"),
        (told.replace('"dim"', '"listeners": "x", "dim"'), "plays by other listeners"),
    ):
        plan.write_text(text)
        assert reason in refusal(dataclasses.replace(one, model=old), output)
    plan.unlink()
    assert "an older version" in refusal(dataclasses.replace(one, model=old), output)
    assert not output.exists()


def test_what_fails_leaves_nothing(one, tmp_path):
    broken = tmp_path / "examples"
    shutil.copytree(one.examples, broken)
    next(broken.glob("Split-val/*.gz")).write_bytes(b"broken")
    output = tmp_path / "vectors"
    with pytest.raises(Exception, match="."):
        dataclasses.replace(one, examples=broken).embedded(output)
    assert [path.name for path in tmp_path.iterdir()] == ["examples"]
