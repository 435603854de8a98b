"""Every executor's command line of the compiled package, run as the back end would.

From the files that the Dockerfile copies, and in its environment. Each step is a process that
imports TFX, so this module takes minutes; the later runs take the data steps of the first over.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.served_versions import ServedVersions
from pipeline.command_line import main
from pipeline.webhook import WEBHOOK_VARIABLE
from serving.pushed_model import PushedModel, newest_version
from tests.deploy.image import lay_out_sources
from tests.pipeline.communities import add_artist, write_communities
from tests.pipeline.hook import SECRET, Hook
from tests.pipeline.kubeflow_backend import Backend, StepResult
from trainer.starting_point import read_heritage

DATA_STEPS = {"CatalogueExampleGen", "StatisticsGen", "SchemaGen", "StoppingExampleValidator"}
FIRST_RUN = {"trainer": {"training": {"epochs": 2}}, "retrain": {"start": "warm"}}
TRAINER = {
    "system": "gnn",
    "network": {
        "convolutions": 1,
        "convolution_units": 16,
        "backend_units": [16],
        "embedding_dim": 8,
    },
    # More than any run of these tests trains: the parameters of a run say how many.
    "training": {"epochs": 500},
    "explorer": {"map": "pca"},
}
UNINFORMED = {
    "network": {"convolutions": 0},
    "features": {"modalities": ["random"]},
    "training": {"epochs": 1, "warmup_epochs": 0},
}


@dataclasses.dataclass(frozen=True)
class History:
    """Four runs: what each step put out, the pushed versions after each, where its sources lay.

    Of the last one only the steps up to the trainer ran.
    """

    backend: Backend
    serving_root: Path
    first: Mapping[str, StepResult]
    second: Mapping[str, StepResult]
    third: Mapping[str, StepResult]
    fourth: Mapping[str, StepResult]
    versions: list[list[str]]
    summaries: list[dict[str, Any]]
    sources: Path

    def read(self, result: StepResult, key: str, name: str) -> Any:
        return json.loads((self.backend.path(result.artifacts[key]["uri"]) / name).read_text())


def succeeded(results: Mapping[str, StepResult]) -> Mapping[str, StepResult]:
    for name, result in results.items():
        assert result.status == 0, f"{name}:\n{result.log[-4000:]}"
    return results


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder of it all, and the spec."""
    folder = tmp_path_factory.mktemp("kubeflow")
    volume = folder / "volume"
    write_communities(volume / "catalogues" / "span-1")
    write_communities(volume / "catalogues" / "span-2")
    add_artist(volume / "catalogues" / "span-2")
    given = {
        "catalogue": {"path": f"{volume}/catalogues/span-{{SPAN}}"},
        "trainer": TRAINER,
        "judge": {"k": [3, 20], "gate": {"floor": 0.99, "slack": 0.25}},
        "kubeflow": {
            "image": "artist-sim:test",
            "pipeline_root": "minio://mlpipeline/artist-sim",
            "serving_root": f"{volume}/serving/artist_sim",
            "checkpoints": f"{volume}/checkpoints",
            "volume": {"claim": "artist-sim", "path": str(volume)},
        },
    }
    (folder / "given.yaml").write_text(yaml.safe_dump(given))
    package = folder / "artist-sim.yaml"
    arguments = ["--config", str(folder / "given.yaml"), "--output", str(package)]
    assert main(["kubeflow", "compile", *arguments]) == 0
    return folder, next(yaml.safe_load_all(package.read_text()))


@pytest.fixture(scope="module")
def history(compiled: tuple[Path, dict[str, Any]]) -> History:
    folder, spec = compiled
    serving_root = folder / "volume" / "serving" / "artist_sim"
    hook = Hook(200)
    sources = lay_out_sources(folder / "image")
    backend = Backend(folder, {WEBHOOK_VARIABLE: hook.url}, sources)
    first = succeeded(
        backend.run(
            spec,
            "run-1",
            span="1",
            gate_floor="0.15",
            overrides=json.dumps(FIRST_RUN),
        )
    )
    versions = [sorted(path.name for path in serving_root.iterdir())]
    second = succeeded(
        backend.run(
            spec,
            "run-2",
            done={name: first[name] for name in DATA_STEPS},
            gate_floor="0",
            overrides=json.dumps({"trainer": UNINFORMED}),
        )
    )
    versions.append(sorted(path.name for path in serving_root.iterdir()))
    third = succeeded(
        backend.run(
            spec,
            "run-3",
            done={name: first[name] for name in DATA_STEPS},
            overrides=json.dumps(FIRST_RUN | {"retrain": {"when": "changed"}}),
        )
    )
    versions.append(sorted(path.name for path in serving_root.iterdir()))
    not_again = first.keys() - {"RunParameters", "RetrainDecision", "Trainer"}
    fourth = succeeded(
        backend.run(
            spec,
            "run-4",
            done={name: first[name] for name in not_again},
            overrides=json.dumps(FIRST_RUN),
        )
    )
    # Its last step, which would have, was not run.
    ServedVersions(str(serving_root)).lease("run-4").end()
    hook.close()
    runs = (first, second, third, fourth)
    for result in (result for run in runs for result in run.values()):
        assert SECRET not in result.log
    return History(backend, serving_root, *runs, versions, hook.bodies, sources)


def test_the_parameters_of_a_run_reach_its_steps(history):
    told = history.read(history.first["RunParameters"], "run_parameters", "parameters.json")
    assert told["trainer"]["training"]["epochs"] == 2
    # With the compiled 500 epochs, or the compiled floor of 0.99, nothing would have been blessed.
    verdict = history.read(history.first["RetrievalEvaluator"], "evaluation", "verdict.json")
    assert "is above 0.15" in verdict["reason"]
    # Span 2 is newer; its newcomer is not there.
    examples = history.first["CatalogueExampleGen"].artifacts["examples"]
    assert examples["metadata"]["custom:span"] == 1
    summary = history.read(history.first["CatalogueExampleGen"], "examples", "summary.json")
    assert sum(summary["artists"].values()) == 240


def test_the_first_run_ends_with_a_pushed_model(history):
    blessing = history.first["RetrievalEvaluator"].artifacts["blessing"]
    assert blessing["metadata"]["blessed"] == 1
    model = history.first["Trainer"].artifacts["model"]
    assert blessing["metadata"]["current_model"] == model["uri"]
    assert (history.backend.path(blessing["uri"]) / "BLESSED").exists()
    pushed = history.first["OrderedPusher"].artifacts["pushed_model"]["metadata"]
    assert pushed["pushed"] == 1
    assert history.versions[0] == [pushed["pushed_version"]]
    served = PushedModel(newest_version(history.serving_root))
    assert served.find("c00-00")[0] == "c00-00"
    assert len(served.similar("c00-00", 5)) == 5


def test_the_ledger_says_where_the_version_came_from(history):
    (version,) = history.versions[0]
    ledger = Path(f"{history.serving_root}.ledger")
    # No lock and no lease is left, and nothing of those that were held.
    assert [path.name for path in ledger.iterdir()] == [f"{version}.json"]
    entry = json.loads((ledger / f"{version}.json").read_text())
    assert entry["run"] == "run-1"
    # The URI by which the back end knows it, not the folder in which the step read it.
    assert entry["model"] == history.first["Trainer"].artifacts["model"]["uri"]
    assert entry["model"].startswith("minio://mlpipeline/artist-sim/artist-sim/run-1/Trainer/")
    assert entry["compared_with"] == 0
    metrics = history.read(history.first["RetrievalEvaluator"], "evaluation", "metrics.json")
    score = metrics["scores"]["connected"]["model"]["ndcg@200"]
    assert entry["scores"]["connected"] == [score["value"], score["low"], score["high"]]


def test_the_pushed_version_is_tried_and_stays(history):
    tried = [run["SmokeTest"].artifacts["blessing"] for run in (history.first, history.second)]
    assert [blessing["metadata"]["blessed"] for blessing in tried] == [1, 0]
    assert (history.backend.path(tried[0]["uri"]) / "INFRA_BLESSED").exists()


def test_each_run_posts_its_summary_once(history):
    first, second, third = history.summaries
    (version,) = history.versions[0]
    assert (third["run"], third["outcome"], third["span"]) == ("run-3", "nothing_to_do", 1)
    assert third["reason"].startswith(f"since version {version} ")
    assert (first["run"], first["outcome"], first["version"]) == ("run-1", "pushed", int(version))
    assert (first["span"], second["run"], second["outcome"]) == (1, "run-2", "refused")
    assert second["version"] is None and "may be worse than the blessed model" in second["reason"]
    assert set(first["scores"]) == {"model"}
    assert set(second["scores"]) == {"model", "blessed_model"}
    before = second["scores"]["blessed_model"]["cold"]
    assert before == pytest.approx(first["scores"]["model"]["cold"], rel=1e-6)
    assert first["seconds"] > 0
    assert first["start"] == "begins anew: no model is served yet" and second["start"] is None


def test_the_second_run_is_judged_beside_the_model_of_the_first(history):
    (version,) = history.versions[0]
    latest = history.second["LatestServedModel"].artifacts["model"]
    assert latest["metadata"]["served_version"] == int(version)
    before, now = (
        history.read(run["RetrievalEvaluator"], "evaluation", "metrics.json")["scores"]
        for run in (history.first, history.second)
    )
    for condition in ("connected", "cold"):
        assert "blessed_model" not in before[condition]
        blessed = now[condition]["blessed_model"]["ndcg@200"]["value"]
        assert blessed == pytest.approx(before[condition]["model"]["ndcg@200"]["value"], rel=1e-6)


def test_a_worse_model_is_not_pushed(history):
    verdict = history.read(history.second["RetrievalEvaluator"], "evaluation", "verdict.json")
    assert not verdict["blessed"]
    assert "may be worse than the blessed model" in verdict["reason"]
    pushed = history.second["OrderedPusher"].artifacts["pushed_model"]["metadata"]
    assert pushed["pushed"] == 0
    assert history.versions[1] == history.versions[0]


def test_steps_write_nothing_beside_their_sources(history, tmp_path):
    """The user of the image may not."""
    as_copied = lay_out_sources(tmp_path)
    before, after = (
        {path.relative_to(root) for path in root.rglob("*")}
        for root in (as_copied, history.sources)
    )
    assert after == before


def test_a_run_with_nothing_to_learn_ends_before_anything_is_spent_on_training(history):
    assert set(history.third) == DATA_STEPS | {"RunParameters", "RetrainDecision"}
    told = history.third["RetrainDecision"].artifacts["decision"]["metadata"]
    assert told["decision"] == "stop"
    (version,) = history.versions[0]
    assert told["reason"].startswith(
        f"since version {version} (span 1; today's is 1) of 240 artists 0 came and 0 went, of "
    )
    assert f"nothing to do: {told['reason']}" in history.third["RetrainDecision"].log
    decision = history.read(history.third["RetrainDecision"], "decision", "decision.json")
    assert decision == {"train": False, "reason": told["reason"]}
    assert history.versions[2] == history.versions[0]


def test_the_other_runs_were_told_to_train_always(history):
    for run in (history.first, history.second):
        told = run["RetrainDecision"].artifacts["decision"]["metadata"]
        assert (told["decision"], "`retrain.when: always`" in told["reason"]) == ("train", True)


def test_a_training_begins_at_the_weights_of_the_served_version(history):
    (version,) = history.versions[0]
    told = history.fourth["RetrainDecision"].artifacts["decision"]["metadata"]
    assert told["start"].startswith(f"begins at version {version}, 1 training and 0.0 days after ")
    log = history.fourth["Trainer"].log
    assert f"100% of the weights begin as version {version} has them" in log
    models = [run["Trainer"].artifacts["model"] for run in (history.first, history.fourth)]
    assert [model["metadata"]["start"] for model in models] == [
        "begins anew: no model is served yet",
        told["start"],
    ]
    heritages = [
        read_heritage(str(history.backend.path(model["uri"]) / "Format-Serving"))
        for model in models
    ]
    assert [one.trainings for one in heritages] == [1, 2]
    # The second run was not asked to: its model brings nothing to begin with.
    other = history.backend.path(history.second["Trainer"].artifacts["model"]["uri"])
    assert not list(other.rglob("starting_point.npz"))


def test_a_mistake_ends_the_run_in_its_first_step_with_one_sentence(compiled):
    folder, spec = compiled
    hook = Hook(200)
    backend = Backend(folder / "mistaken", {WEBHOOK_VARIABLE: hook.url})
    results = backend.run(spec, "run-5", overrides="trainer: {epochs: 3}")
    hook.close()
    (summary,) = hook.bodies
    assert (summary["run"], summary["step"]) == ("run-5", "RunParameters")
    assert summary["outcome"] == "failed" and "unknown key `trainer.epochs`" in summary["reason"]
    (result,) = results.values()
    assert result.status == 2
    assert (
        result.log.strip()
        .splitlines()[-1]
        .startswith("artist_sim: overrides: unknown key `trainer.epochs`")
    )


def test_a_run_that_begins_while_another_is_under_way_ends_in_its_first_step(compiled):
    folder, spec = compiled
    lease = ServedVersions(str(folder / "volume" / "serving" / "artist_sim")).lease("run-5")
    with lease.step():
        pass
    hook = Hook(200)
    backend = Backend(folder / "late", {WEBHOOK_VARIABLE: hook.url})
    (result,) = backend.run(spec, "run-6").values()
    hook.close()
    lease.end()
    (summary,) = hook.bodies
    assert (summary["run"], summary["step"]) == ("run-6", "RunParameters")
    assert summary["outcome"] == "failed" and "Run 'run-5' is under way" in summary["reason"]
    assert result.status == 2
    assert result.log.strip().splitlines()[-1].startswith("artist_sim: Run 'run-5' is under way")
