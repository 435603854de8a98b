"""`contrastive` through the pipeline, by the rules of its own configuration, and then served."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.config import PipelineConfig, parse_config
from pipeline.home import serving_root
from pipeline.runs import Run
from serving.client import Client
from serving.new_artist import NewArtist
from tests.pipeline.listened_communities import write_listened
from tests.pipeline.running import STAGES, home_in, run_pipeline, stages_in, versions
from tests.serving.running_server import RunningServer

CONFIG = Path(__file__).parents[2] / "configs" / "contrastive.yaml"


@dataclasses.dataclass(frozen=True)
class History:
    """Two runs, and the versions that were pushed after each."""

    trained: Run
    after_trained: list[str]
    untrained: Run
    after_untrained: list[str]


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with home_in(tmp_path_factory.mktemp("contrastive")) as folder:
        yield folder


def shipped(catalogue: Path, learning_rate: float, epochs: int) -> PipelineConfig:
    """What ships, with a small catalogue and small layers in place of OLGA and the paper's."""
    given = yaml.safe_load(CONFIG.read_text())
    given["catalogue"] = {"path": str(catalogue)}
    given["graph"] = {"word_factors": 16, "listening": {"factors": 8}}
    given["trainer"]["contrastive"] = {
        "encoders": [
            {"modality": "audio", "units": [32]},
            {"modality": "listening", "units": [32]},
            {"modality": "tags", "kind": "attention", "units": [32]},
        ],
        "embedding_dim": 16,
        "learning_rate": learning_rate,
        "batch_size": 48,
    }
    given["trainer"]["training"] = {"epochs": epochs}
    return parse_config(given, CONFIG.name)


@pytest.fixture(scope="module")
def history(own_home: Path) -> History:
    catalogue = write_listened(own_home / "listened")
    trained = run_pipeline(shipped(catalogue, 0.01, 25))
    after_trained = versions()
    untrained = run_pipeline(shipped(catalogue, 1e-8, 1))
    return History(trained, after_trained, untrained, versions())


def test_it_is_trained_judged_blessed_and_pushed(history):
    run = history.trained
    assert stages_in(run, "COMPLETE") == STAGES
    verdict = run.verdict()
    assert verdict["blessed"], verdict["reason"]
    # Nothing was pushed before; the floor and nearest content decided.
    assert [rule["value"] is None for rule in verdict["rules"]] == [False, False, True]
    assert history.after_trained == [run.pushed.name]


def test_encoders_that_learnt_nothing_are_neither_blessed_nor_pushed(history):
    verdict = history.untrained.verdict()
    assert not verdict["blessed"]
    held = {rule["rule"].split(":")[0]: rule["holds"] for rule in verdict["rules"]}
    assert held["cold nDCG@200 versus blessed_model"] is False
    assert history.untrained.pushed is None
    assert history.after_untrained == history.after_trained


def test_connected_and_cold_are_one(history):
    saved = np.load(history.trained.evaluation / "embeddings.npz")
    np.testing.assert_array_equal(saved["embedding"], saved["cold_embedding"])
    scores = history.trained.metrics()["scores"]
    assert scores["connected"]["model"] == scores["cold"]["model"]
    # The two lengths that there are: of who has content, and of who has none.
    lengths = np.linalg.norm(saved["embedding"], axis=1)
    assert set(np.round(lengths, 5)) == {0.0, 1.0}


def test_the_closer_look_is_taken(history):
    metrics = history.trained.metrics()
    assert metrics["space"]["rankme"]["cold"]["model"] > 1
    space = metrics["space"]["modalities"]
    assert space["names"] == ["audio", "listening", "tags"]
    # Of the same artist, each modality by itself.
    within, between = (space[f"{where}_cluster_distance"]["value"] for where in ("intra", "inter"))
    assert 0 < within < between
    groups = [group["name"] for group in metrics["modality_groups"]["groups"]]
    assert sorted(groups) == ["audio", "audio+listening+tags", "listening", "none", "tags"]
    assert metrics["consistency"]["kinds"]["tags"]["read_by_model"]


def test_the_page_has_the_curves_of_its_own_loss(history):
    page = history.trained.page.read_text()
    # What chose the epoch is minus a loss, and no nDCG.
    for wanted in (
        "info nce over the epochs",
        "validation score over the epochs, at the end -",
        "validation ndcg@200 over the epochs, at the end 0.",
        "the map that the explorer shows",
    ):
        assert wanted in page


@pytest.fixture(scope="module")
def server(history: History, own_home: Path) -> Iterator[RunningServer]:
    with RunningServer(serving_root(), own_home / "log.txt") as server:
        yield server


FANS = {f"fan 3 {fan}": 20.0 for fan in range(8)}
TAGS = {"scene 3 0": 3.0, "scene 3 1": 3.0}


def communities(artists) -> list[str]:
    return [artist.artist_id[:3] for artist in artists]


def test_a_new_artist_is_known_by_any_of_its_modalities(server):
    with Client(server.address.grpc) as client:
        news = [NewArtist(content={"tags": TAGS}), NewArtist(plays=FANS), NewArtist()]
        by_tags, by_plays, _ = client.similar_to_new(news, k=5)
        assert communities(by_tags).count("c03") >= 4
        assert communities(by_plays).count("c03") >= 4
        # Nothing is known of the last: no direction, and no neighbour counts.
        found = client.embed_new([*news[:1], dataclasses.replace(news[2], neighbors=["c03-00"])])
        assert np.linalg.norm(found.embedding, axis=1) == pytest.approx([1, 0], abs=1e-5)
        assert found.known_neighbors.tolist() == [0, 1]


def test_the_explorer_shows_it(server):
    about = server.address.get("/explorer/api/about").json()
    assert about["explorable"]
    assert {one["name"] for one in about["modalities"]} == {"audio", "tags", "listening"}
    answer = server.address.post("/explorer/api/new", {"content": {"tags": TAGS}, "k": 5})
    assert answer.status_code == 200
    assert [one["id"][:3] for one in answer.json()["similar"]].count("c03") >= 4
    assert "Traceback" not in server.log()
