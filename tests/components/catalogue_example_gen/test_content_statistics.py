"""`content.json` is learnt of training artists alone."""

from __future__ import annotations

import pytest

from components.catalogue_example_gen.content import _most_used
from tests.components.catalogue_example_gen import split_pairs
from tests.components.catalogue_example_gen.building import built


def modality(found, name):
    return next(entry for entry in found.content["modalities"] if entry["name"] == name)


def test_modalities_stand_in_the_catalogues_order_and_what_plays_become_behind(pairs):
    names = [entry["name"] for entry in pairs.content["modalities"]]
    assert names == ["audio", "clap", "genre", "tags", "sound", "listening"]


def test_moments_are_of_the_training_artists_that_have_the_modality(pairs):
    audio = modality(pairs, "audio")  # t1 (1, 10) and t2 (3, 30)
    assert audio["num_artists"] == 2
    assert audio["dim"] == 2
    assert audio["mean"] == pytest.approx([2, 20])
    assert audio["deviation"] == pytest.approx([1, 10])


def test_the_vocabulary_counts_artists_most_used_first(pairs):
    tags = modality(pairs, "tags")
    assert tags["vocabulary"] == ["rock", "pop"]
    assert tags["artists_with"] == [2, 1]
    assert modality(pairs, "genre")["num_artists"] == 2


def test_equally_used_words_are_in_the_alphabets_order():
    words = [(1, word) for word in ("b", "ab", "a", "aa", "é")] + [(2, "z")]
    ordered = sorted(words, key=_most_used, reverse=True)
    assert [word for _, word in ordered] == ["z", "a", "aa", "ab", "b", "é"]


def test_the_content_of_judged_artists_teaches_nothing(pairs, tmp_path):
    artists = split_pairs.ARTISTS.replace("test,Lima,8,80,0.7;0.8,jazz", "test,Lima,-4,9,5;5,polka")
    tags = split_pairs.TAGS.replace("v1,loud,9", "v1,rock,900\nv1,new,1\nv2,new,1")
    other = built(tmp_path, split_pairs.FILES | {"artists.csv": artists, "tags.csv": tags})
    same = (pairs.folder / "content.json").read_bytes()
    assert (other.folder / "content.json").read_bytes() == same
    assert other.records("train") == pairs.records("train")
    assert other.records("test") != pairs.records("test")
