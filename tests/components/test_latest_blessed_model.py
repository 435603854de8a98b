"""The resolver finds the model that was blessed last, whatever its artifact's age."""

from __future__ import annotations

from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from components.latest_blessed_model import LatestBlessedOtherModelStrategy
from components.served_versions import Push, ServedVersions


def model(artifact_id: int):
    artifact = standard_artifacts.Model()
    artifact.id = artifact_id
    artifact.uri = f"model/{artifact_id}"
    return artifact


def blessing(artifact_id: int, model_id: int, blessed: bool = True):
    artifact = standard_artifacts.ModelBlessing()
    artifact.id = artifact_id
    artifact.set_int_custom_property("blessed", int(blessed))
    artifact.set_int_custom_property("current_model_id", model_id)
    return artifact


def resolved(
    models: list[int], blessings, current: int, serving_root: Path = Path("nowhere")
) -> tuple[int, int] | None:
    """Ids of the model and of the blessing."""
    found = LatestBlessedOtherModelStrategy(str(serving_root)).resolve_artifacts(
        None,
        {
            "model": [model(i) for i in models],
            "model_blessing": blessings,
            "current_model": [model(current)],
        },
    )
    assert set(found) == {"model", "model_blessing", "current_model"}
    if not found["model"]:
        assert not found["model_blessing"]
        return None
    (one,), (its,) = found["model"], found["model_blessing"]
    return one.id, its.id


@pytest.mark.parametrize(
    ("blessings", "why"),
    [
        ([], "nothing was ever judged"),
        ([blessing(11, 1, blessed=False)], "nothing was blessed"),
        ([blessing(13, 3)], "a model is no predecessor of itself"),
        ([blessing(19, 9)], "the model is not there any more"),
    ],
)
def test_there_is_none(blessings, why):
    assert resolved([1, 2, 3], blessings, current=3) is None, why


def test_the_latest_of_two():
    blessings = [blessing(11, 1), blessing(12, 2)]
    assert resolved([1, 2, 3], blessings, current=3) == (2, 12)
    assert resolved([3, 2, 1], blessings[::-1], current=3) == (2, 12)


def test_one_that_was_refused_is_passed_over():
    blessings = [blessing(11, 1), blessing(12, 2, blessed=False)]
    assert resolved([1, 2, 3], blessings, current=3) == (1, 11)


def test_an_older_model_with_a_newer_blessing_is_the_latest():
    # 1 was blessed, replaced by 2, and blessed again when the pipeline went back to it.
    blessings = [blessing(11, 1), blessing(12, 2), blessing(13, 1)]
    assert resolved([1, 2, 3], blessings, current=3) == (1, 13)


def test_back_at_an_older_model_its_successor_is_the_one_to_beat():
    blessings = [blessing(11, 1), blessing(12, 2)]
    assert resolved([1, 2], blessings, current=1) == (2, 12)


def test_a_refusal_does_not_take_back_an_earlier_blessing():
    # What was pushed then is still served.
    blessings = [blessing(11, 1), blessing(12, 1, blessed=False)]
    assert resolved([1, 2], blessings, current=2) == (1, 11)


def test_unchanged_runs_resolve_to_the_same():
    before = [blessing(11, 1), blessing(12, 2)]
    # The cached run blesses nothing anew, so that there is nothing new to resolve.
    assert resolved([1, 2], before, current=2) == resolved([1, 2], before, current=2) == (1, 11)


def test_one_whose_newest_version_was_taken_back_does_not_count(tmp_path):
    root = tmp_path / "artist_sim"
    served = ServedVersions(str(root))
    for version, pushed in ((100, 1), (200, 2), (300, 1)):
        (root / str(version)).mkdir(parents=True)
        served.note(Push(version, f"model/{pushed}", "a-run", version, None))

    def found() -> tuple[int, int] | None:
        blessings = [blessing(11, 2), blessing(12, 1)]
        return resolved([1, 2, 3], blessings, current=3, serving_root=root)

    def take_back(version: int) -> None:
        with served.lock("somebody") as lock:
            served.take_back(version, reason="No.", by="somebody", lock=lock)

    take_back(100)
    assert found() == (1, 12), "it was pushed once more since"
    take_back(300)
    assert found() == (2, 11)
    take_back(200)
    assert found() is None
