"""Artists are found as people write them, and a broken version is told in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from catalogues.errors import InputError
from serving.pushed_model import PushedModel, folded, newest_version

ARTISTS = {
    "a": "Belle and Sebastian",
    "b": "Sigur Rós",
    "c": "AC/DC",
    "d": "!!!",
    "e": "Boris",
    "f": "Boris",
    "Nina Simone": "not Nina Simone",
    "g": "Nina Simone",
    "h": "모노",
}


class Catalogue(tf.Module):
    """A model that finds the artists of its list similar, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.artist_id = tf.Variable(list(ARTISTS), trainable=False)
        self.artist_name = tf.Variable(list(ARTISTS.values()), trainable=False)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "artist_id"),
            tf.TensorSpec([], tf.int32, "k"),
        ]
    )
    def similar(self, artist_id, k):
        count = tf.minimum(k, len(ARTISTS)) * tf.size(artist_id)
        return {
            "similar_id": self.artist_id[None, :count],
            "name": self.artist_name[None, :count],
            "score": tf.linspace(1.0, 0.0, len(ARTISTS))[None, :count],
        }


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("serving") / "7"
    model = Catalogue()
    tf.saved_model.save(model, str(path), signatures={"similar": model.similar})
    return path


@pytest.fixture(scope="module")
def model(version: Path) -> PushedModel:
    return PushedModel(version)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Sigur Rós", "sigur ros"),
        ("SIGUR ROS", "sigur ros"),
        ("Sigur Ro\u0301s", "sigur ros"),  # The accent as a character of its own.
        ("  Guns N' Roses ", "guns n roses"),
        ("AC/DC", "ac dc"),
        ("Straße", "strasse"),
        ("모노", folded("모노")),
        ("!!!", "!!!"),  # Nothing would be left.
    ],
)
def test_names_are_folded(name, plain):
    assert folded(name) == plain
    assert folded(plain) == plain


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("a", "a"),
        ("belle AND sebastian", "a"),
        ("sigur ros", "b"),
        ("ac-dc", "c"),
        ("!!!", "d"),
        ("모노", "h"),
        ("Boris", "e"),  # The first of those that share a name,
        ("f", "f"),  # whose id tells them apart.
        ("Nina Simone", "Nina Simone"),  # An id before a name.
        ("nina simone", "g"),
    ],
)
def test_artists_are_found(model, asked, found):
    assert model.find(asked) == (found, ARTISTS[found])


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("Bele and Sebastian", " (did you mean 'Belle and Sebastian'?)"),
        ("sigur roos", " (did you mean 'Sigur Rós'?)"),
        ("Xyzzy", ""),
        ("", ""),
    ],
)
def test_an_unknown_artist_is_told_with_the_nearest_as_it_is_written(model, asked, meant):
    with pytest.raises(InputError) as raised:
        model.find(asked)
    assert str(raised.value) == f"The catalogue has no artist '{asked}'{meant}."


def test_similar_artists_have_ids_names_and_scores(model):
    first, second = model.similar("h", 2)
    assert (first.artist_id, first.name, first.score) == ("a", "Belle and Sebastian", 1.0)
    assert second.score < first.score
    assert len(model.similar("h", 2**40)) == len(ARTISTS)


def make_version(root: Path, name: str, whole: bool = True) -> None:
    (root / name).mkdir(parents=True)
    if whole:
        (root / name / "saved_model.pb").write_bytes(b"")


class TestNewestVersion:
    def test_versions_are_numbers_not_texts(self, tmp_path):
        for name in ("9", "10", "11-kept", "notes"):
            make_version(tmp_path, name)
        assert newest_version(tmp_path) == tmp_path / "10"

    def test_a_version_that_is_still_being_copied_is_passed_over(self, tmp_path):
        make_version(tmp_path, "1")
        make_version(tmp_path, "2", whole=False)
        (tmp_path / "3").write_text("a file")
        assert newest_version(tmp_path).name == "1"

    @pytest.mark.parametrize("folder", ["", "gone"])
    def test_without_one_it_says_how_to_get_one(self, tmp_path, folder):
        with pytest.raises(InputError, match="No model has been pushed yet; start with `make run`"):
            newest_version(tmp_path / folder)


class TestBrokenVersion:
    def refusal(self, path: Path) -> str:
        with pytest.raises(InputError) as raised:
            PushedModel(path)
        assert str(path.parent) not in str(raised.value)
        return str(raised.value)

    def test_no_folder(self, tmp_path):
        assert self.refusal(tmp_path / "8") == (
            "There is no model '8'; check the path that was given."
        )

    def test_an_empty_folder(self, tmp_path):
        (tmp_path / "8").mkdir()
        assert self.refusal(tmp_path / "8").startswith("The model '8' cannot be loaded (OSError)")

    def test_a_file_that_is_cut_off(self, tmp_path, version):
        make_version(tmp_path, "8")
        whole = (version / "saved_model.pb").read_bytes()
        (tmp_path / "8" / "saved_model.pb").write_bytes(whole[: len(whole) // 2])
        assert self.refusal(tmp_path / "8").startswith("The model '8' cannot be loaded (")

    def test_another_kind_of_model(self, tmp_path):
        other = tf.Module()
        other.weight = tf.Variable(1.0)
        tf.saved_model.save(other, str(tmp_path / "8"))
        assert "cannot be loaded (AttributeError)" in self.refusal(tmp_path / "8")
