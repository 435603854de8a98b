"""The explorer's data comes, goes and breaks with its version; the token guards it."""

from __future__ import annotations

import concurrent.futures
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from serving.explorer.data import DATA
from tests.serving.running_server import RunningServer
from tests.serving.test_embedded_server import push, served_version, until
from tests.trainer.small_systems import statistics_of
from trainer.explorer_data import write_explorer_data

API = "/explorer/api/"
FIRST = "artist:0000"


def renamed(served, version: Path) -> None:
    """Gives a version other names, and no modality of words."""
    graph = served.graph
    names = np.array([f"Renamed {row}" for row in range(len(graph))], object)
    content = {"audio": graph.content["audio"]}
    changed = type(graph)(**{**vars(graph), "name": names, "content": content})
    write_explorer_data(
        str(version), changed, statistics_of(graph), ["audio"], served.model.embedding, "pca"
    )


def test_a_swap_changes_model_and_data_together(served, root, tmp_path):
    newer = tmp_path / "newer"
    shutil.copytree(served.path, newer)
    renamed(served, newer)
    with (
        RunningServer(root, tmp_path / "log.txt") as server,
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        stop = False

        def keep_asking() -> list[tuple[int, str, int]]:
            seen = []
            while not stop:
                answer = server.address.get(f"{API}similar?id={FIRST}&k=5")
                found = answer.json()
                name, words = found["artist"]["name"], len(found["artist"]["words"])
                # All names of one answer are of one version.
                assert len({one["name"].split()[0] for one in found["similar"][1:]}) <= 2
                assert ("Renamed" in name) == all(
                    "Renamed" in one["name"] for one in found["similar"]
                )
                seen.append((answer.status_code, name, words))
            return seen

        asking = pool.submit(keep_asking)
        until(lambda: server.address.get(API + "map").status_code == 200, "the map is there")
        push(newer, root, 4)
        until(lambda: served_version(server) == "4", "version 4 is served")
        time.sleep(0.2)
        stop = True
        seen = asking.result()
        assert {code for code, *_ in seen} == {200}
        assert (seen[0][1:], seen[-1][1:]) == (("Artist 0", 1), ("Renamed 0", 0))
        about = server.address.get(API + "about").json()
        assert about["version"] == "4"
        assert [one["name"] for one in about["modalities"]] == ["audio"]
        names = server.address.get(API + "map").json()["name"]
        assert all(name.startswith("Renamed") for name in names)
        assert server.address.get(API + "search?q=renamed 3").json()["artists"][0]["id"] == (
            "artist:0003"
        )


@pytest.mark.parametrize("broken", [True, False], ids=["broken", "missing"])
def test_without_its_file_a_version_still_answers_predict_requests(root, tmp_path, broken):
    if broken:
        (root / "3" / DATA).write_bytes(b"PK broken")
    else:
        (root / "3" / DATA).unlink()
    with RunningServer(root, tmp_path / "log.txt") as server:
        answer = server.address.post("/v1/models/artist_sim:predict", {"instances": [FIRST]})
        assert answer.status_code == 200
        about = server.address.get(API + "about")
        assert about.json() == {
            "model": "artist_sim",
            "version": "3",
            "explorable": False,
            "takes_plays": False,
            "most_k": 100,
        }
        for path in ("search", f"artist?id={FIRST}", f"similar?id={FIRST}", "map"):
            refused = server.address.get(API + path)
            assert refused.status_code == 400
            assert refused.json() == {
                "error": "Version 3 brings no explorer data; run the pipeline again."
            }
        assert server.log().count("explorer data") == 1
        assert ("ERROR" in server.log()) == broken


def test_a_file_that_comes_late_is_found(root, tmp_path):
    content = (root / "3" / DATA).read_bytes()
    (root / "3" / DATA).unlink()
    with RunningServer(root, tmp_path / "log.txt") as server:

        def explorable() -> bool:
            return server.address.get(API + "about").json()["explorable"]

        assert not explorable()
        (root / "3" / DATA).write_bytes(content)
        until(explorable, "the data is found")


def test_the_api_asks_for_the_token_and_the_page_does_not(root, tmp_path):
    token = {"ARTIST_SIM_TOKEN": "seven seas"}
    with RunningServer(root, tmp_path / "log.txt", environment=token) as server:
        # No such file, perhaps; but nobody is asked for a token.
        assert server.address.get("/").status_code != 401
        assert server.address.get("/explorer/static/main.js").status_code != 401
        for path in ("about", "map", f"similar?id={FIRST}", "nothing"):
            refused = server.address.get(API + path)
            assert refused.status_code == 401
            assert set(refused.json()) == {"error"}
        assert server.address.post(API + "new", {}).status_code == 401
        right = {"headers": {"Authorization": "Bearer seven seas"}}
        assert server.address.get(API + "about", **right).json()["explorable"]
        # No way around by another spelling of the path.
        for path in ("//explorer/api/about", "/explorer/static/../api/about", "/%2e/metrics"):
            assert server.address.get(path).status_code in (401, 404)
