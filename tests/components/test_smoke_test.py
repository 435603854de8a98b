"""The smoke test of what is served: a good version stays, any other gives way to the one before."""

from __future__ import annotations

import dataclasses
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from catalogues.errors import InputError
from components import served_versions
from components.latest_served_model import SERVED_VERSION
from components.ordered_pusher import Executor as OrderedPusher
from components.served_versions import ServedVersions
from components.smoke_test import trial
from components.smoke_test.component import Executor, VersionTakenBack
from components.smoke_test.trial import TOKEN_VARIABLE
from serving.client import Client
from serving.fresh_answers import NoAnswers, fresh_answers
from serving.questions import Question
from tests.components.pushing import artifact
from tests.serving.running_server import RunningServer
from tests.trainer.saved_models import save, weighted_case
from tests.trainer.small_systems import small_config, small_diffusion_config

TOKEN = "s3cret-token"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Model artifacts: two of one catalogue that answer otherwise."""
    folder = tmp_path_factory.mktemp("models")
    save(weighted_case(), folder / "walks" / "Format-Serving", small_diffusion_config)
    save(weighted_case(), folder / "convolutions" / "Format-Serving", small_config)
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(scope="module", autouse=True)
def judged_once(models) -> Iterator[None]:
    """The judged model's own answers, from one process for all tests: each imports TensorFlow."""
    known: dict[str, list[Question]] = {}

    def answers(model: str, seconds: float, questions=None) -> list[Question]:
        if questions is not None or model != model_folder(models):
            return fresh_answers(model, seconds, questions)
        if model not in known:
            known[model] = fresh_answers(model, seconds)
        return known[model]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "fresh_answers", answers)
        yield


@dataclasses.dataclass
class Destination:
    """A push destination and, perhaps, the server of it."""

    root: Path
    folder: Path
    server: RunningServer | None = None

    @property
    def served(self) -> ServedVersions:
        return ServedVersions(str(self.root))

    def versions(self) -> list[int]:
        return sorted(int(path.name) for path in self.root.iterdir())

    def push(self, model: Path, run: str = "run-1") -> standard_artifacts.PushedModel:
        """Pushes a model under a name of its own, as another run would."""
        inputs = {
            "model": artifact(standard_artifacts.Model, model),
            "model_blessing": artifact(standard_artifacts.ModelBlessing, self.folder, blessed=1),
            "baseline_model": artifact(standard_artifacts.Model, self.folder),
            "evaluation": artifact(standard_artifacts.ModelEvaluation, self.folder),
        }
        inputs["baseline_model"].set_int_custom_property(SERVED_VERSION, self.served.latest())
        pushed = artifact(standard_artifacts.PushedModel, self.folder)
        OrderedPusher().Do(
            {key: [value] for key, value in inputs.items()},
            {"pushed_model": [pushed]},
            {"serving_root": str(self.root), "run": run},
        )
        return pushed

    def smoke_test(self, model: Path, pushed, **changes) -> standard_artifacts.InfraBlessing:
        blessing = artifact(standard_artifacts.InfraBlessing, self.folder / "blessing")
        at = self.server.address if self.server else None
        properties = {
            "serving_root": str(self.root),
            "run": "run-1",
            "server": at.grpc if at else "",
            "rest_server": f"{at.host}:{at.rest_port}" if at else "",
            "model_name": "artist_sim",
            "seconds": 60,
        }
        Executor().Do(
            {
                "model": [artifact(standard_artifacts.Model, model)],
                "pushed_model": [pushed],
                "evaluation": [artifact(standard_artifacts.ModelEvaluation, self.folder)],
            },
            {"blessing": [blessing]},
            {**properties, **changes},
        )
        return blessing


def copied(model: Path, folder: Path) -> Path:
    """The same model as the artifact of another run."""
    return Path(shutil.copytree(model, folder))


@pytest.fixture
def destination(tmp_path: Path) -> Destination:
    (tmp_path / "work").mkdir()
    return Destination(tmp_path / "artist_sim", tmp_path / "work")


@pytest.fixture(scope="module")
def live(models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Destination]:
    """One whose first version is served, with a token; each test leaves it as it was."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "work").mkdir()
    destination = Destination(folder / "artist_sim", folder / "work")
    destination.push(models["walks"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TOKEN_VARIABLE, TOKEN)
        with RunningServer(destination.root, folder / "log.txt") as server:
            destination.server = server
            yield destination


class TestServed:
    """With a server."""

    def test_a_good_version_stays(self, live, models):
        (first,) = live.versions()
        blessing = live.smoke_test(models["walks"], pushed_as(live, first))
        assert blessing.get_int_custom_property("blessed") == 1
        assert Path(blessing.uri, "INFRA_BLESSED").exists()
        assert live.versions() == [first]

    def test_a_version_that_answers_otherwise_gives_way(self, live, models, tmp_path):
        (first,) = live.versions()
        pushed = live.push(copied(models["convolutions"], tmp_path / "other"))
        (_, second) = live.versions()
        # What was judged is the walks' model; what is served came to be another.
        with pytest.raises(VersionTakenBack) as raised:
            live.smoke_test(models["walks"], pushed)
        told = str(raised.value)
        assert told.startswith(f"Version {second} was pushed and taken back: the output")
        assert "what the judged model answers" in told
        assert f"version {first} is served again" in told
        assert "'artist_sim.quarantine'" in told
        assert str(live.root) not in told and TOKEN not in told
        assert live.versions() == [first]
        assert (live.folder.parent / "artist_sim.quarantine" / str(second)).is_dir()
        assert live.served.taken_back()[second].by == "run-1"
        with Client(live.server.address.grpc, version=first, token=TOKEN) as client:
            assert client.embed(["0"]).embedding.shape[0] == 1

        # The step is tried again: nothing is tried, and the same is said.
        with pytest.raises(InputError) as again:
            live.smoke_test(models["walks"], pushed)
        assert str(again.value) == told

    def test_a_version_that_does_not_load_gives_way(self, live, models, tmp_path):
        (first,) = live.versions()
        model = copied(models["walks"], tmp_path / "broken")
        (data,) = (model / "Format-Serving" / "variables").glob("variables.data*")
        data.write_bytes(data.read_bytes()[:100])
        pushed = live.push(model)
        with pytest.raises(InputError, match="the server does not serve it .*its state is END"):
            live.smoke_test(models["walks"], pushed)
        assert live.versions() == [first]

    def test_what_was_killed_while_it_took_back_is_finished(
        self, live, models, tmp_path, monkeypatch
    ):
        (first,) = live.versions()
        pushed = live.push(copied(models["convolutions"], tmp_path / "other"))
        with monkeypatch.context() as patch:
            patch.setattr(served_versions.os, "rename", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                live.smoke_test(models["walks"], pushed)
        assert len(live.versions()) == 2
        with pytest.raises(InputError, match=f"version {first} is served again"):
            live.smoke_test(models["walks"], pushed)
        assert live.versions() == [first]

    def test_another_token_is_told_at_once(self, live, models, tmp_path, monkeypatch):
        pushed = live.push(copied(models["walks"], tmp_path / "same"))
        monkeypatch.setenv(TOKEN_VARIABLE, "another-token")
        with pytest.raises(InputError, match="UNAUTHENTICATED") as raised:
            live.smoke_test(models["walks"], pushed)
        assert "another-token" not in str(raised.value) and TOKEN not in str(raised.value)
        assert len(live.versions()) == 1


def pushed_as(destination: Destination, version: int) -> standard_artifacts.PushedModel:
    pushed = artifact(standard_artifacts.PushedModel, destination.folder, pushed=1)
    pushed.set_string_custom_property("pushed_version", str(version))
    return pushed


def test_a_server_that_is_not_there(destination, models):
    pushed = destination.push(models["walks"])
    (version,) = destination.versions()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(InputError) as raised:
        destination.smoke_test(models["walks"], pushed, server=address, seconds=1)
    told = str(raised.value)
    assert "the server does not serve it within 1 s (The model server cannot be" in told
    assert "there is no version before it, so that nothing is served" in told
    assert destination.versions() == []
    assert version in destination.served.taken_back()


def test_nothing_is_tried_where_nothing_was_pushed(destination, models):
    pushed = artifact(standard_artifacts.PushedModel, destination.folder, pushed=0)
    blessing = destination.smoke_test(models["walks"], pushed)
    assert blessing.get_int_custom_property("blessed") == 0
    assert Path(blessing.uri, "NOT_PUSHED").exists()


class TestFiles:
    """Without a server."""

    def test_a_good_push_stays(self, destination, models):
        blessing = destination.smoke_test(models["walks"], destination.push(models["walks"]))
        assert blessing.get_int_custom_property("blessed") == 1
        assert len(destination.versions()) == 1

    def test_a_broken_push_gives_way(self, destination, models, tmp_path):
        destination.push(copied(models["walks"], tmp_path / "first"))
        pushed = destination.push(models["walks"])
        (first, second) = destination.versions()
        (data,) = (destination.root / str(second) / "variables").glob("variables.data*")
        data.unlink()
        with pytest.raises(InputError, match="it does not load and answer") as raised:
            destination.smoke_test(models["walks"], pushed)
        assert f"version {first} is the newest again" in str(raised.value)
        assert destination.versions() == [first]

    def test_another_model_gives_way_and_the_reason_is_in_the_ledger(self, destination, models):
        pushed = destination.push(models["convolutions"])
        (version,) = destination.versions()
        with pytest.raises(InputError, match="'serving_default' (has the shape|is up to)"):
            destination.smoke_test(models["walks"], pushed)
        note = destination.root.parent / "artist_sim.ledger" / f"{version}.taken_back.json"
        told = json.loads(note.read_text())
        assert told["by"] == "run-1" and "'serving_default'" in told["reason"]


def test_the_questions_are_about_known_and_new_artists(models):
    questions = {one.signature: one for one in trial.fresh_answers(model_folder(models), 120)}
    assert set(questions) == {"serving_default", "similar", "embed_new", "nearest"}
    assert questions["serving_default"].answer["known"].all()
    assert questions["similar"].answer["similar_id"].shape == (8, 5)
    assert questions["embed_new"].answer["known_neighbors"].tolist() == [1] * 8
    assert questions["embed_new"].inputs["audio_present"].tolist() == [1] * 8


def test_a_model_that_takes_too_long(models):
    with pytest.raises(NoAnswers, match="within 0 s"):
        fresh_answers(model_folder(models), 0.01)


def model_folder(models: dict[str, Path]) -> str:
    return str(models["walks"] / "Format-Serving")
