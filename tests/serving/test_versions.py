"""Versions come and go under requests, without any model to load."""

from __future__ import annotations

import gc
import os
import weakref
from pathlib import Path

import pytest

from serving.embedded.status import NOT_FOUND, UNAVAILABLE, Refused
from serving.embedded.versions import State, Versions


class FakeServable:
    def __init__(self, path: Path):
        content = (path / "saved_model.pb").read_text()
        if content.startswith("broken"):
            raise ValueError(f"cannot read {path}/variables/variables.index\nand more")
        self.version, self.content, self.closed = int(path.name), content, False

    def close(self) -> None:
        assert not self.closed
        self.closed = True


def write(root: Path, version: int, content: str = "good", time: int = 1) -> None:
    folder = root / str(version)
    folder.mkdir(exist_ok=True)
    (folder / "saved_model.pb").write_text(content)
    os.utime(folder / "saved_model.pb", (time, time))


def states(versions: Versions) -> dict[int, State]:
    return {status.version: status.state for status in versions.statuses()}


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path, load=FakeServable)


def test_nothing_is_served_before_anything_is_pushed(versions, tmp_path):
    (tmp_path / "12").mkdir()  # Has no saved_model.pb yet.
    write(tmp_path, 0, "good")
    (tmp_path / "0").rename(tmp_path / "no-version")
    assert not versions.refresh()
    with pytest.raises(Refused) as found, versions.use():
        pass
    assert found.value.code is UNAVAILABLE


def test_the_number_decides_and_not_the_name(versions, tmp_path):
    write(tmp_path, 9)
    write(tmp_path, 10)
    assert versions.refresh()
    assert versions.current == 10
    assert not versions.refresh()


def test_what_a_closed_version_leaves_in_cycles_is_taken_away(versions, tmp_path):
    write(tmp_path, 1)
    assert versions.refresh()
    with versions.use() as servable:
        servable.itself = servable
        gone = weakref.ref(servable)
    del servable
    write(tmp_path, 2)
    assert versions.refresh()
    gc.disable()
    try:
        assert gone() is not None
        assert not versions.refresh()
        assert gone() is None
    finally:
        gc.enable()


def test_a_version_in_use_is_closed_when_its_last_request_ends(versions, tmp_path):
    write(tmp_path, 1)
    versions.refresh()
    with versions.use() as first:
        with versions.use(1) as again:
            write(tmp_path, 2)
            assert versions.refresh()
            assert again is first
        assert not first.closed
        assert states(versions) == {1: State.UNLOADING, 2: State.AVAILABLE}
        with versions.use() as second:
            assert second.version == 2
        with pytest.raises(Refused) as found, versions.use(1):
            pass
        assert found.value.code is NOT_FOUND
    assert first.closed
    assert not second.closed
    assert states(versions) == {1: State.END, 2: State.AVAILABLE}


def test_a_broken_version_is_tried_once_until_its_files_change(tmp_path):
    tried = []

    def load(path: Path) -> FakeServable:
        tried.append(path.name)
        return FakeServable(path)

    versions = Versions(tmp_path, load=load)
    write(tmp_path, 1)
    versions.refresh()
    write(tmp_path, 2, "broken")
    assert not versions.refresh()
    assert not versions.refresh()
    assert tried == ["1", "2"]
    [failed, served] = versions.statuses()
    assert (failed.version, failed.state) == (2, State.END)
    assert failed.error == "ValueError: cannot read 2/variables/variables.index"
    assert (served.version, served.state) == (1, State.AVAILABLE)
    write(tmp_path, 2, "good", time=2)
    assert versions.refresh()
    assert versions.current == 2


def test_a_version_whose_files_come_late_is_tried_again(tmp_path):
    def load(path: Path) -> FakeServable:
        (path / "variables" / "variables.index").read_bytes()
        return FakeServable(path)

    versions = Versions(tmp_path, load=load)
    write(tmp_path, 1)
    assert not versions.refresh()
    (tmp_path / "1" / "variables").mkdir()
    (tmp_path / "1" / "variables" / "variables.index").touch()
    assert versions.refresh()
    assert versions.current == 1


def test_a_version_that_cannot_be_warmed_up_is_closed_and_not_served(tmp_path):
    asked = []

    def warm_up(servable: FakeServable) -> None:
        asked.append(servable)
        if servable.content == "cold":
            raise RuntimeError("no answer")

    versions = Versions(tmp_path, load=FakeServable, warm_up=warm_up)
    write(tmp_path, 1)
    write(tmp_path, 2, "cold")
    assert versions.refresh()
    assert versions.current == 1
    assert [servable.closed for servable in asked] == [True, False]


def test_a_served_version_that_is_written_over_is_loaded_again(versions, tmp_path):
    write(tmp_path, 1, "good")
    versions.refresh()
    write(tmp_path, 1, "better", time=2)
    assert versions.refresh()
    with versions.use() as servable:
        assert servable.content == "better"
    write(tmp_path, 1, "broken", time=3)
    assert not versions.refresh()
    assert not versions.refresh()
    with versions.use() as servable:
        assert servable.content == "better"
    assert states(versions) == {1: State.AVAILABLE}


def test_a_served_version_is_available_while_it_is_loaded_again(tmp_path):
    seen = []

    def load(path: Path) -> FakeServable:
        seen.append(states(versions))
        return FakeServable(path)

    versions = Versions(tmp_path, load=load)
    for time in (1, 2):
        write(tmp_path, 1, time=time)
        assert versions.refresh()
    write(tmp_path, 2)
    assert versions.refresh()
    assert seen == [
        {1: State.LOADING},
        {1: State.AVAILABLE},
        {1: State.AVAILABLE, 2: State.LOADING},
    ]


def test_what_is_served_goes_on_when_the_folder_is_gone(versions, tmp_path):
    write(tmp_path, 1)
    versions.refresh()
    (tmp_path / "1" / "saved_model.pb").unlink()
    assert not versions.refresh()
    assert versions.current == 1
    versions.close()
    assert states(versions) == {1: State.END}
