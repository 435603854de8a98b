"""`artist-sim versions` and `rollback` on a push destination without any model to load."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import yaml

from components import push_lock, served_versions
from components.served_versions import Push, ServedVersions
from pipeline.command_line import main
from tests.pipeline.test_kubeflow_package import GIVEN


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three versions of runs, and one that was put there by hand."""
    monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path / "home"))
    root = tmp_path / "home" / "serving_model" / "artist_sim"
    served = ServedVersions(str(root))
    scores = {"connected": [0.8125, 0.75, 0.875]}
    for version in (1000, 2000, 3000):
        (root / str(version)).mkdir(parents=True)
        (root / str(version) / "saved_model.pb").write_text(str(version))
        if version > 1000:
            served.note(Push(version, f"model {version}", f"run of {version}", version, 0, scores))
    return root


def versions(root: Path) -> list[int]:
    return sorted(int(path.name) for path in root.iterdir())


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_versions_lists_what_is_served_and_what_was_taken_back(root, capsys):
    assert main(["rollback", "--reason", "Too many polkas."]) == 0
    assert told(capsys)[0] == "Version 3000 is taken back."
    assert main(["versions"]) == 0
    header, first, second, third = told(capsys)
    assert header.split() == ["version", "pushed", "run", "connected", "cold", "state"]
    assert first.split()[0] == "1000" and first.split()[3:] == ["–", "–", "–"]
    assert "run of 2000" in second and "0.812" in second and second.split()[-1] == "served"
    assert "taken back" in third and third.rstrip().endswith("by a person: Too many polkas.")


def test_rollback_takes_the_newest_version_away_and_undo_brings_it_back(root, capsys):
    assert main(["rollback"]) == 0
    assert versions(root) == [1000, 2000]
    assert (root.parent / "artist_sim.quarantine" / "3000" / "saved_model.pb").exists()
    assert main(["rollback", "--undo"]) == 0
    assert versions(root) == [1000, 2000, 3000]
    assert told(capsys)[-1] == "Version 3000 is back; version 3000 is the newest."


def test_rollback_to_a_version_takes_all_newer_ones_the_newest_last(root, monkeypatch):
    moved = []
    rename = served_versions.os.rename
    monkeypatch.setattr(
        served_versions.os,
        "rename",
        lambda source, target: (moved.append(Path(source).name), rename(source, target)),
    )
    assert main(["rollback", "--to", "1000"]) == 0
    assert versions(root) == [1000]
    # The other way round, 2000 would be served for a moment.
    assert [name for name in moved if name.isdigit()] == ["2000", "3000"]
    assert main(["rollback", "--undo", "2000"]) == 0
    assert versions(root) == [1000, 2000]


def test_a_rollback_that_was_killed_is_finished(root, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(served_versions.os, "rename", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main(["rollback"])
    assert versions(root) == [1000, 2000, 3000]
    # 3000 counts no more since its reason was written, so that another rollback goes one further.
    assert main(["rollback"]) == 0
    assert versions(root) == [1000]


def test_a_destination_by_name_and_by_configuration(root, tmp_path, capsys):
    other = tmp_path / "volume" / "serving"
    root.rename(tmp_path / "moved")
    (tmp_path / "volume").mkdir()
    (tmp_path / "moved").rename(other)
    assert main(["versions", "--root", str(other)]) == 0
    assert len(told(capsys)) == 4
    section = {
        **GIVEN["kubeflow"],
        "serving_root": str(other),
        "checkpoints": str(tmp_path / "volume" / "checkpoints"),
        "volume": {"claim": "artist-sim", "path": str(tmp_path / "volume")},
    }
    config = tmp_path / "k.yaml"
    config.write_text(yaml.safe_dump({**GIVEN, "kubeflow": section}))
    assert main(["rollback", "--config", str(config)]) == 0
    assert versions(other) == [1000, 2000]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["rollback", "--to", "1500"], "no version 1500 to go back to; there is 1000, 2000, 3000."),
        (["rollback", "--to", "3000"], "Version 3000 is the newest; there is nothing to take back"),
        (["rollback", "--undo"], "No version was taken back."),
        (["rollback", "--undo", "2000"], "Version 2000 was not taken back."),
        (["versions", "--root", "nowhere"], "Nothing has been pushed to 'nowhere' yet"),
    ],
)
def test_mistakes_get_a_sentence_and_change_nothing(root, capsys, command, sentence):
    assert main(command) == 2
    assert sentence in capsys.readouterr().err
    assert versions(root) == [1000, 2000, 3000]


def test_the_only_version_is_not_taken_away(root, capsys):
    assert main(["rollback", "--to", "1000"]) == 0
    assert main(["rollback"]) == 2
    assert "There is no version to go back to: version 1000 is the only one." in (
        capsys.readouterr().err
    )
    assert versions(root) == [1000]


def test_a_rollback_waits_for_a_push(root, monkeypatch, capsys):
    monkeypatch.setattr(push_lock, "_POLL", 0.01)
    monkeypatch.setattr(push_lock, "_WAIT", 0.05)
    with ServedVersions(str(root)).lock("run-7"):
        assert main(["rollback"]) == 2
        assert "'run-7' is at work at the push destination" in capsys.readouterr().err
        assert versions(root) == [1000, 2000, 3000]
        monkeypatch.setattr(push_lock, "_WAIT", 30.0)
        thread = threading.Thread(target=main, args=(["rollback"],))
        thread.start()
        thread.join(0.1)
        assert versions(root) == [1000, 2000, 3000]
    thread.join()
    assert versions(root) == [1000, 2000]
