"""What TFX calls: reads what it may read, leaves a model that loads, and the projector's files."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn

from components.catalogue_example_gen.config import Reach
from serving.explorer.data import read_explorer_data
from tests.trainer.ego_graphs import schema_of, serialized
from tests.trainer.graphs import HiddenGraph, two_communities, vectors
from tests.trainer.small_systems import small_config, small_pretrained_config, statistics_of
from tests.trainer.subgraph_examples import looped
from tests.trainer.test_listener_factors import factors_of
from trainer.config import ExplorerConfig, TrainerConfig
from trainer.console import Phases
from trainer.graph import SPLITS
from trainer.loading import load_graph
from trainer.run_fn import PhaseOfEpochs, run_fn
from trainer.training import EpochReport

LISTENERS = factors_of([[1.0, 0.5], [0.0, 2.0]])


def write_examples(case: HiddenGraph, folder: Path) -> None:
    """An Examples artifact. The judge's own split is unreadable: who opens it, fails."""
    graph = case.graph
    folder.mkdir()
    tfgnn.write_schema(schema_of(graph), str(folder / "graph_schema.pbtxt"))
    (folder / "content.json").write_text(json.dumps(statistics_of(graph)))
    for split in SPLITS:
        write_records(
            folder / f"Split-{split}",
            [serialized(graph, row, listed(graph, row)) for row in graph.artists(split)],
        )
    truth = case.truth("val")
    write_records(
        folder / "Split-hidden_val",
        [hidden(graph, row, truth[row].indices) for row in graph.artists("val")],
    )
    (folder / "Split-hidden_test").mkdir()
    (folder / "Split-hidden_test" / "data-00000-of-00001.gz").write_bytes(b"not a record")


def write_records(folder: Path, records: list[bytes]) -> None:
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / "data-00000-of-00001.gz"), "GZIP") as writer:
        for record in records:
            writer.write(record)


def listed(graph, row):
    neighbors = graph.neighbors[row]
    return [
        (graph.artist_id[column], float(weight))
        for column, weight in zip(neighbors.indices, neighbors.data, strict=True)
    ]


def hidden(graph, row, columns) -> bytes:
    example = tf.train.Example()
    feature = example.features.feature
    feature["artist_id"].bytes_list.value.append(graph.artist_id[row].encode())
    feature["similar_id"].bytes_list.value.extend(graph.artist_id[c].encode() for c in columns)
    feature["weight"].float_list.value.extend(1.0 for _ in columns)
    return example.SerializeToString()


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder in which run_fn has been."""
    folder = tmp_path_factory.mktemp("trained")
    case = two_communities()
    # A name that would break the projector's table.
    case.graph.name[1] = "Tab\tand\nline"
    case.graph.content["listening"] = vectors([[0.0, 1.0]] * len(case.graph))
    write_examples(case, folder / "examples")
    (folder / "examples" / "listening.npz").write_bytes(LISTENERS.to_bytes())
    run(folder, small_config(1, epochs=2))
    return folder


def run(folder: Path, config: TrainerConfig, base_model: str | None = None, **more: Any) -> None:
    """Calls run_fn for the examples in a folder, as TFX does; `more` is of its custom_config."""
    # As it arrives: through JSON, which knows no tuples.
    given = json.loads(json.dumps({"trainer": dataclasses.asdict(config), **more}))
    given["checkpoints"] = str(folder / "checkpoints")
    run_fn(
        SimpleNamespace(
            custom_config=given,
            hyperparameters=None,
            base_model=base_model,
            train_files=[str(folder / "examples/Split-train/*")],
            eval_files=[str(folder / "examples/Split-hidden_val/*")],
            serving_model_dir=str(folder / "model"),
            model_run_dir=str(folder / "logs"),
        )
    )


def test_the_model_has_its_signatures_and_knows_the_catalogue(trained):
    model = tf.saved_model.load(str(trained / "model"))
    ranking = {"similar", "similar_filtered", "nearest"}
    embedding = {"serving_default", "embed_new", "examples", "embed_graph", "listening"}
    assert set(model.signatures) == ranking | embedding
    answer = model.signatures["serving_default"](artist_id=tf.constant(["artist:0007", "?"]))
    assert answer["known"].numpy().tolist() == [True, False]
    np.testing.assert_allclose(np.linalg.norm(answer["embedding"], axis=1), [1, 0], atol=1e-5)


def test_the_model_folds_in_by_the_listeners_of_its_examples(trained):
    model = tf.saved_model.load(str(trained / "model"))
    listener_id, plays = tf.constant([[LISTENERS.listener_id[1]]]), tf.constant([[6.0]])
    answer = model.signatures["listening"](listener_id=listener_id, plays=plays)
    expected = LISTENERS.fold_in(np.array([1]), np.array([6.0]))
    np.testing.assert_allclose(answer["listening"], [expected], rtol=1e-5)


def test_the_explorer_s_data_travel_with_the_model(trained):
    data = read_explorer_data(trained / "model")
    assert data is not None
    assert list(data.name)[1] == "Tab\tand\nline"
    assert len(data) == 24
    assert list(data.modalities) == ["audio", "listening", "tags"]
    assert data.modalities["tags"].read.any()


def test_a_finished_training_leaves_no_checkpoints(trained):
    assert not list((trained / "checkpoints").rglob("*"))


def test_the_projector_finds_a_row_for_each_artist(trained):
    metadata = (trained / "logs/artist_metadata.tsv").read_text().splitlines()
    embedding = (trained / "logs/artist_embedding.tsv").read_text().splitlines()
    assert metadata[0] == "name\tsplit\ttags"
    assert metadata[2] == "Tab and line\ttrain\tdub"
    assert len(metadata) == 1 + len(embedding) == 1 + 24
    assert all(line.count("\t") == 2 for line in metadata)
    assert all(line.count("\t") == 7 for line in embedding)
    assert "artist_embedding.tsv" in (trained / "logs/projector_config.pbtxt").read_text()


def test_the_scalars_are_logged(trained):
    assert list((trained / "logs").glob("events.*"))


def test_a_training_on_subgraphs_has_no_graph_until_the_model_is_made(tmp_path, monkeypatch):
    examples, events = tmp_path / "examples", []
    write_examples(two_communities(), examples)
    made = Path(looped(two_communities().graph, tmp_path / "subgraphs", Reach((30,))))
    for name in ("Subgraphs-train", "Subgraphs-val", "subgraph_schema.pbtxt"):
        (made / name).rename(examples / name)

    def loaded(uri):
        events.append("graph")
        return load_graph(uri)

    # By its name: TFX loads the module anew where it runs it, and the class with it.
    tell = "trainer.run_fn.PhaseOfEpochs.tell"
    monkeypatch.setattr("trainer.run_fn.load_graph", loaded)
    monkeypatch.setattr(tell, lambda self, report: events.append("epoch"))
    run(tmp_path, small_config(1, epochs=2))
    assert events == ["epoch", "epoch", "graph"]
    model = tf.saved_model.load(str(tmp_path / "model"))
    answer = model.signatures["serving_default"](artist_id=tf.constant(["artist:0007", "?"]))
    assert answer["known"].numpy().tolist() == [True, False]


def test_pretraining_is_a_phase_of_its_own_on_the_console(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("trainer.console._SECONDS_BETWEEN_LINES", 0.0)
    write_examples(two_communities(), tmp_path / "examples")
    config = dataclasses.replace(
        small_pretrained_config(epochs=2), explorer=ExplorerConfig(export=False)
    )
    run(tmp_path, config)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    told = [line for line in lines if line.startswith(("pretraining", "training"))]
    expected = [f"{phase}: {n} of 2" for phase in ("pretraining", "training") for n in (1, 2)]
    form = re.compile(r"(\w+): loss [\d.]+, val: connected [\d.]+: (\d of 2), ETA \d+:\d\d")
    assert [": ".join(form.fullmatch(line).groups()) for line in told] == expected


def reported(epoch: int) -> EpochReport:
    return EpochReport(epoch, 9, 0.5, {"connected": 0.25}, 0.25, 0.25)


def test_a_phase_that_is_resumed_or_stops_early_says_so_once(monkeypatch, capsys):
    monkeypatch.setattr("trainer.console._SECONDS_BETWEEN_LINES", 0.0)
    with Phases({"pretraining": 9, "training": 9}) as phases:
        for name in ("pretraining", "training"):
            phase = PhaseOfEpochs(phases, name, 9)
            for epoch in (4, 5):
                phase.tell(reported(epoch))
            phase.end()
            phase.end()
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if "after" in line] == [
        "pretraining resumed after epoch 3",
        "pretraining stopped after epoch 5: the validation score no longer rises",
        "resumed after epoch 3",
        "stopped after epoch 5: the validation score no longer rises",
    ]
    # Of the epochs that are left.
    assert [re.search(r"\d of \d", line)[0] for line in lines if "loss" in line] == [
        "1 of 6",
        "2 of 6",
    ] * 2


def test_a_phase_that_was_done_before_says_nothing(capsys):
    with Phases({"pretraining": 9}) as phases:
        PhaseOfEpochs(phases, "pretraining", 9).end()
    assert not capsys.readouterr().out.strip()
