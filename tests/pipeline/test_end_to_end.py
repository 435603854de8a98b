"""The pipeline, run and run again: what is made anew, what the cache answers, what is pushed."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

import trainer.training
from catalogues.errors import InputError
from components.retrieval_evaluator.names import CONDITIONS
from components.served_versions import ServedVersions
from pipeline.home import home, serving_root
from pipeline.runs import Run, list_runs, open_store
from pipeline.webhook import WEBHOOK_VARIABLE
from serving.pushed_model import PushedModel, newest_version
from tests.pipeline.communities import add_artist, read_tables, write_communities, write_shuffled
from tests.pipeline.hook import Hook
from tests.pipeline.running import (
    EPOCHS,
    STAGES,
    home_in,
    run_pipeline,
    small_config,
    stages_in,
    versions,
    with_schema,
)
from trainer.systems.baselines import BASELINES


@dataclasses.dataclass(frozen=True)
class Step:
    """A run, which versions were pushed after it, and the summary that it posted."""

    run: Run
    versions: list[str]
    summary: dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with home_in(tmp_path_factory.mktemp("end_to_end")) as folder:
        yield folder


@pytest.fixture(scope="module")
def catalogue(own_home: Path) -> Path:
    return write_communities(own_home / "communities")


@pytest.fixture(scope="module")
def history(own_home: Path, catalogue: Path) -> dict[str, Step]:
    """All runs that the tests below look at, in the order in which they happened."""
    steps: dict[str, Step] = {}
    hook = Hook(200)

    def run(name: str, config) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(WEBHOOK_VARIABLE, hook.url)
            done = run_pipeline(config)
        assert len(hook.bodies) == len(steps) + 1, "each run posts once"
        steps[name] = Step(done, versions(), hook.bodies[-1])

    first = small_config(catalogue)
    run("first", first)
    run("unchanged", first)
    add_artist(catalogue)
    run("artist added", first)
    run("unchanged again", first)
    other = small_config(catalogue, "diffusion")
    run("other system", other)
    run("back", first)
    run("forth", other)
    run("forth, unchanged", other)
    uninformed = small_config(
        catalogue,
        network={"convolutions": 0},
        features={"modalities": ["random"]},
        training={"epochs": 1},
    )
    gate = dataclasses.replace(uninformed.judge.gate, floor=0.0)
    judge = dataclasses.replace(uninformed.judge, gate=gate)
    run("uninformed", dataclasses.replace(uninformed, judge=judge))
    shuffled = write_shuffled(catalogue, own_home / "shuffled")
    run("shuffled", small_config(shuffled, training={"epochs": 1}))
    hook.close()
    return steps


def test_each_run_posts_what_became_of_it(history):
    outcomes = {name: step.summary["outcome"] for name, step in history.items()}
    assert outcomes == {
        "first": "pushed",
        "unchanged": "unchanged",
        "artist added": "pushed",
        "unchanged again": "unchanged",
        "other system": "pushed",
        "back": "pushed",
        "forth": "pushed",
        "forth, unchanged": "unchanged",
        "uninformed": "refused",
        "shuffled": "refused",
    }
    summary, run = history["artist added"].summary, history["artist added"].run
    assert summary["version"] == int(run.pushed.name) and summary["run"] == str(run.number)
    assert set(summary["scores"]) == {"model", "blessed_model"}
    assert summary["reason"].rstrip(".") == run.verdict()["reason"].rstrip(".")


def test_the_ledger_says_which_model_each_version_is(history):
    entries = ServedVersions(str(serving_root())).entries()
    assert sorted(map(str, entries)) == history["shuffled"].versions
    for name in ("first", "artist added", "back"):
        run = history[name].run
        assert Path(entries[int(run.pushed.name)].model) == run.model


def test_the_first_run_executes_all_and_pushes_one_version(history):
    step = history["first"]
    assert set(step.run.states) == STAGES
    assert stages_in(step.run, "COMPLETE") == STAGES
    assert step.run.verdict()["blessed"]
    assert [rule["value"] is None for rule in step.run.verdict()["rules"]] == [False, True, True]
    assert step.versions == [step.run.pushed.name]


def test_an_unchanged_run_is_answered_from_the_cache(history):
    step = history["unchanged"]
    # A resolver asks the store each time; it has no result of its own to keep.
    assert stages_in(step.run, "COMPLETE") == {"Resolver"}
    assert stages_in(step.run, "CACHED") == STAGES - {"Resolver"}
    assert step.versions == history["first"].versions
    assert step.run.metrics() == history["first"].run.metrics()


def test_a_changed_catalogue_is_built_anew_and_compared_with_the_blessed_model(history):
    step = history["artist added"]
    assert stages_in(step.run, "COMPLETE") == STAGES
    assert "the blessed model's: difference" in step.run.verdict()["reason"]
    assert step.run.verdict()["blessed"]
    assert len(step.versions) == 2
    model = PushedModel(serving_root() / step.versions[-1])
    assert model.find("newcomer") == ("new", "Newcomer")
    with pytest.raises(InputError, match="Newcomer"):
        PushedModel(serving_root() / step.versions[0]).find("Newcomer")


def test_that_run_again_is_answered_from_the_cache_too(history):
    step = history["unchanged again"]
    assert stages_in(step.run, "CACHED") == STAGES - {"Resolver"}
    assert step.versions == history["artist added"].versions


def test_another_training_shares_the_data(history):
    run = history["other system"].run
    assert stages_in(run, "CACHED") == {
        "CatalogueExampleGen",
        "StatisticsGen",
        "SchemaGen",
        "StoppingExampleValidator",
    }
    assert run.verdict()["blessed"]


def test_going_back_to_a_model_judges_it_against_the_one_that_replaced_it(history):
    before, step = history["other system"], history["back"]
    assert step.run.states["Trainer"] == "CACHED"
    assert {"RetrievalEvaluator", "LedgerPusher"} <= stages_in(step.run, "COMPLETE")
    assert step.run.model == history["artist added"].run.model
    assert step.run.model != before.run.model
    for condition in CONDITIONS:
        systems = step.run.metrics()["scores"][condition]
        replaced = before.run.metrics()["scores"][condition]["model"]["ndcg@200"]
        assert systems["blessed_model"]["ndcg@200"] == pytest.approx(replaced, rel=1e-6)
    assert step.run.verdict()["blessed"]
    assert len(step.versions) == len(before.versions) + 1


def test_going_forth_again_pushes_again(history):
    # This comparison was made before, and its cached answer would have left the other model served.
    step = history["forth"]
    assert {"RetrievalEvaluator", "LedgerPusher"} <= stages_in(step.run, "COMPLETE")
    assert step.run.verdict()["blessed"]
    assert len(step.versions) == len(history["back"].versions) + 1
    assert stages_in(history["forth, unchanged"].run, "CACHED") == STAGES - {"Resolver"}
    assert history["forth, unchanged"].versions == step.versions


def test_a_worse_model_is_neither_blessed_nor_pushed(history):
    step = history["uninformed"]
    verdict = step.run.verdict()
    assert not verdict["blessed"]
    assert [rule["holds"] for rule in verdict["rules"]][:2] == [True, False]
    assert verdict["rules"][1]["high"] < 0
    assert "may be worse than the blessed model" in verdict["reason"]
    assert step.run.pushed is None
    assert step.versions == history["forth"].versions


def test_a_model_of_shuffled_features_and_edges_is_neither_blessed_nor_pushed(history):
    step = history["shuffled"]
    # The hidden edges are the same. The blessed model does no better on shuffled input, so that it
    # is the floor that keeps the new one out.
    assert not step.run.verdict()["blessed"]
    assert "is not above 0.5" in step.run.verdict()["reason"]
    assert step.run.pushed is None
    assert step.versions == history["forth"].versions


def test_the_version_before_it_keeps_serving(history, catalogue):
    newest = newest_version(serving_root())
    assert newest.name == history["forth"].versions[-1]
    model = PushedModel(newest)
    artists, _ = read_tables(catalogue)
    same = 0
    for artist in artists[:20]:
        same += sum(s.artist_id[:3] == artist[0][:3] for s in model.similar(artist[0], 5))
    # By chance one in twelve would be of the same community.
    assert same > 50


@pytest.mark.parametrize("name", ["first", "artist added"])
def test_the_scores_can_be_recomputed_by_anyone(history, name):
    run = history[name].run
    saved = np.load(run.evaluation / "embeddings.npz")
    artists = [str(artist) for artist in saved["artist_id"]]
    similar = _hidden_test_edges()
    for condition, array in (("connected", "embedding"), ("cold", "cold_embedding")):
        embedding = saved[array]
        assert embedding.dtype == np.float32
        assert np.linalg.norm(embedding, axis=1) == pytest.approx(np.ones(len(artists)), abs=1e-5)
        scores = [
            _ndcg(artist, artists, embedding, similar[artist])
            for artist in artists
            if similar.get(artist)
        ]
        entry = run.metrics()["scores"][condition]["model"]["ndcg@200"]
        assert entry["value"] == pytest.approx(np.mean(scores), abs=1e-9)
        assert entry["num_queries"] == len(scores)
        assert entry["num_skipped"] == len(artists) - len(scores)


def _hidden_test_edges() -> dict[str, set[str]]:
    """The hidden truth of the first catalogue; the artist that came later is a training artist."""
    (folder,) = sorted(home().glob("pipelines/*/CatalogueExampleGen/examples/1"))
    similar = {}
    for path in sorted((folder / "Split-hidden_test").iterdir()):
        for record in tf.data.TFRecordDataset(str(path), compression_type="GZIP"):
            example = tf.train.Example.FromString(record.numpy())
            values = example.features.feature
            (artist,) = values["artist_id"].bytes_list.value
            found = {key.decode() for key in values["similar_id"].bytes_list.value}
            similar[artist.decode()] = found
    return similar


def _ndcg(query: str, artists: list[str], embedding: np.ndarray, positives: set[str]) -> float:
    """nDCG@200 with binary gain, in plain loops."""
    row = artists.index(query)
    scored = []
    for other, name in enumerate(artists):
        if name != query:
            score = float(np.dot(embedding[row], embedding[other]))
            scored.append((-score, name))
    gain = 0.0
    for rank, (_, name) in enumerate(sorted(scored)[:200], start=1):
        if name in positives:
            gain += 1 / math.log2(rank + 1)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(positives), 200) + 1))
    return gain / ideal


def test_the_evaluation_has_all_systems_with_intervals(history):
    run = history["artist added"].run
    assert {path.name for path in run.evaluation.iterdir()} == {
        "metrics.json",
        "verdict.json",
        "embeddings.npz",
        "report.md",
        "report.html",
    }
    metrics = json.loads((run.evaluation / "metrics.json").read_text())
    assert set(metrics["scores"]) == set(CONDITIONS)
    for systems in metrics["scores"].values():
        assert set(systems) == {"model", "blessed_model", *BASELINES}
        entries = [system["ndcg@200"] for system in systems.values()]
        # All on the same queries.
        assert len({(entry["num_queries"], entry["num_skipped"]) for entry in entries}) == 1
        assert all(0 <= e["low"] <= e["value"] <= e["high"] <= 1 for e in entries)
    assert metrics["scores"]["connected"]["model"]["ndcg@200"]["low"] > 0.5
    # At the ranks of `judge.k`.
    cold = metrics["scores"]["cold"]["model"]
    ranks = {name.split("@")[1] for name in cold if name.startswith("recall@")}
    assert ranks == {"3", "20"}
    report = (run.evaluation / "report.md").read_text()
    assert report.startswith("# Blessed\n")
    assert run.verdict()["reason"] in report
    assert "| recall@20 | " in report
    assert "personalised PageRank" in report and "last blessed model" in report
    page = run.page.read_text()
    # Curves of its own training, the map that the model brings, and the blessed model beside it.
    for wanted in ("validation ndcg@200", "the map that the explorer shows", "last blessed model"):
        assert wanted in page


def test_all_lies_under_the_home(history, own_home):
    assert {path.name for path in own_home.iterdir()} == {"home", "communities", "shuffled"}
    assert {path.name for path in home().iterdir()} <= {
        "checkpoints",
        "metadata",
        "pipelines",
        "serving_model",
    }
    assert not any((home() / "checkpoints").iterdir()), "a finished training needs none"


class _Killed(Exception):
    pass


def test_a_killed_training_is_resumed_and_the_pushed_model_stays(
    history, catalogue, monkeypatch: pytest.MonkeyPatch
):
    before = versions()
    epochs: list[int] = []
    run = trainer.training.Training.run
    killed_after: int | None = 3

    def recorded(self):
        for report in run(self):
            epochs.append(report.epoch)
            if report.epoch == killed_after:
                raise _Killed("The lights went out.")
            yield report

    monkeypatch.setattr(trainer.training.Training, "run", recorded)
    config = small_config(catalogue, training={"seed": 2})
    with pytest.raises(InputError, match="The stage 'training' failed: .*The lights went out"):
        run_pipeline(config)
    assert epochs == [1, 2, 3]
    failed = list_runs(open_store())[-1]
    assert failed.states["Trainer"] == "FAILED"
    assert failed.verdict() == {} and failed.pushed is None
    assert versions() == before
    assert newest_version(serving_root()).name == before[-1]

    killed_after = None
    resumed = run_pipeline(config)
    assert epochs == [1, 2, 3, *range(4, EPOCHS + 1)]
    assert resumed.states["Trainer"] == "COMPLETE"
    assert not any((home() / "checkpoints").iterdir())


def test_data_that_does_not_fit_a_curated_schema_stops_the_run_before_training(
    history, catalogue, own_home
):
    # The one of the catalogue as it is now: the newcomer is the first without a visible edge.
    schemas = home().glob("pipelines/*/SchemaGen/schema/*/schema.pbtxt")
    inferred = sorted(schemas, key=lambda path: int(path.parent.name))[1]
    schema = text_format.Parse(inferred.read_text(), schema_pb2.Schema())
    (popularity,) = (f for f in schema.feature if f.name.endswith("popularity"))
    popularity.float_domain.max = 10
    curated = own_home / "home" / "curated.pbtxt"
    curated.write_text(text_format.MessageToString(schema))
    config = with_schema(small_config(catalogue), curated)
    with pytest.raises(InputError) as raised:
        run_pipeline(config)
    assert str(raised.value).startswith("The data does not fit its schema: ")
    assert "popularity" in str(raised.value)
    assert str(own_home) not in str(raised.value)
    stopped = list_runs(open_store())[-1]
    assert stopped.states["StoppingExampleValidator"] == "FAILED"
    assert "Trainer" not in stopped.states

    # The file has the same name, so that only its content tells that it was mended.
    shutil.copy(inferred, curated)
    mended = run_pipeline(config)
    assert mended.states["CuratedSchemaGen"] == "COMPLETE"
    assert mended.states["StoppingExampleValidator"] == "COMPLETE"
    curated.unlink()
