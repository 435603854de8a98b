"""Models that are pushed, without the pipeline that would train and judge them."""

from __future__ import annotations

import shutil
from pathlib import Path

from tfx.types import standard_artifacts

from components import latest_served_model, ordered_pusher
from components.served_versions import ServedVersions


def saved_model(folder: Path, content: str) -> Path:
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_text(content)
    (folder / "variables" / "data").write_text(content)
    return folder


def artifact(kind, uri: Path, **properties: int):
    made = kind()
    made.uri = str(uri)
    for name, value in properties.items():
        made.set_int_custom_property(name, value)
    return made


class Runs:
    """Runs of the two components as the steps of a pipeline, without the steps between."""

    def __init__(self, folder: Path, root: Path):
        self._folder, self._root = folder, root

    def train(self, name: str) -> standard_artifacts.Model:
        saved_model(self._folder / name / "Format-Serving", name)
        return artifact(standard_artifacts.Model, self._folder / name)

    def latest(self, model: standard_artifacts.Model) -> standard_artifacts.Model:
        found = artifact(standard_artifacts.Model, self._folder / "latest")
        shutil.rmtree(found.uri, ignore_errors=True)
        latest_served_model.Executor().Do(
            {"current_model": [model]}, {"model": [found]}, {"serving_root": str(self._root)}
        )
        return found

    def push(self, model, baseline, blessed: bool = True) -> standard_artifacts.PushedModel:
        pushed = artifact(standard_artifacts.PushedModel, self._folder / "pushed")
        evaluation = artifact(standard_artifacts.ModelEvaluation, self._folder / "evaluation")
        blessing = artifact(standard_artifacts.ModelBlessing, self._folder / "b", blessed=blessed)
        ordered_pusher.Executor().Do(
            {
                "model": [model],
                "model_blessing": [blessing],
                "baseline_model": [baseline],
                "evaluation": [evaluation],
            },
            {"pushed_model": [pushed]},
            {"serving_root": str(self._root), "run": "a-run"},
        )
        return pushed

    def versions(self) -> list[int]:
        return sorted(int(path.name) for path in self._root.iterdir())


def content(model: standard_artifacts.Model) -> str:
    return Path(model.uri, "Format-Serving", "saved_model.pb").read_text()


def push_all(runs: Runs, *names: str) -> list[standard_artifacts.Model]:
    models = [runs.train(name) for name in names]
    for model in models:
        runs.push(model, runs.latest(model))
    return models


def take_back(root: Path | str, version: int, reason: str = "It is broken."):
    served = ServedVersions(str(root))
    with served.lock("somebody") as lock:
        return served.take_back(version, reason=reason, by="somebody", lock=lock)
