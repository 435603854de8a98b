"""Why two artists are similar, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from serving.explorer.reasons import (
    described,
    described_new,
    nearest_modality,
    shared_neighbors,
    shared_words,
)
from tests.serving.explorer.small_catalogue import (
    ABBA,
    BECK,
    CAN,
    DEVO,
    ENO,
    FELA,
    small_catalogue,
    vectors,
    words,
)

DATA = small_catalogue()


def pair(data, one: int, other: int):
    return data, described(data, one), described(data, other)


def test_shared_words_are_as_strong_as_with_the_one_that_has_them_less():
    bags = [{"a": 10.0, "b": 8.0, "c": 2.0, "d": 5.0}, {"a": 1.0, "b": 4.0, "c": 4.0, "e": 4.0}]
    data = small_catalogue(modalities={"tags": words([*bags, {}, {}, {}, {}])})
    # a: min(1, 1/4), b: min(0.8, 1), c: min(0.2, 1).
    assert shared_words(*pair(data, 0, 1)) == {"tags": ["b", "a", "c"]}
    assert shared_words(*pair(data, 1, 0)) == {"tags": ["b", "a", "c"]}


def test_of_equally_strong_shared_words_the_rarer_comes_first():
    both = {"common": 1.0, "rare": 1.0}
    bags = [both, both, {"common": 1.0}, {}, {}, {}]
    data = small_catalogue(modalities={"tags": words(bags)})
    assert shared_words(*pair(data, 0, 1)) == {"tags": ["rare", "common"]}


def test_at_most_eight_words_are_shared():
    bag = {f"word {place}": float(20 - place) for place in range(12)}
    data = small_catalogue(modalities={"tags": words([bag, bag, {}, {}, {}, {}])})
    found = shared_words(*pair(data, 0, 1))["tags"]
    assert found == [f"word {place}" for place in range(8)]


def test_modalities_without_a_common_word_are_left_out():
    assert shared_words(*pair(DATA, ABBA, BECK)) == {"tags": ["pop"]}
    assert shared_words(*pair(DATA, BECK, DEVO)) == {"country": ["US"]}
    assert shared_words(*pair(DATA, ABBA, ENO)) == {}


def test_words_of_weight_zero_are_shared_too():
    bags = [{"a": 0.0}, {"a": 0.0}, {}, {}, {}, {}]
    data = small_catalogue(modalities={"tags": words(bags)})
    assert shared_words(*pair(data, 0, 1)) == {"tags": ["a"]}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (ABBA, BECK, [CAN]),
        (ABBA, DEVO, [CAN, BECK]),  # The more popular first.
        (BECK, CAN, [DEVO, ABBA]),
        (ABBA, ENO, []),
        (ABBA, FELA, []),
    ],
)
def test_shared_neighbours_are_known_to_be_similar_to_both(one, other, expected):
    assert shared_neighbors(*pair(DATA, one, other)).tolist() == expected


def test_the_nearest_modality_has_the_largest_cosine():
    # audio: 1 * 0.6 + 0 * 0.8. tags: log 5 * log 2 over the lengths.
    tags = math.log(5) * math.log(2)
    tags /= math.hypot(math.log(5), math.log(3)) * math.hypot(math.log(2), math.log(4), math.log(4))
    assert tags < 0.6
    name, similarity = nearest_modality(*pair(DATA, ABBA, BECK))
    assert (name, similarity) == ("audio", pytest.approx(0.6, abs=1e-3))
    data = small_catalogue(modalities={"tags": DATA.modalities["tags"]})
    assert nearest_modality(*pair(data, ABBA, BECK)) == ("tags", pytest.approx(tags))


def test_the_length_of_a_vector_does_not_matter_to_the_nearest_modality():
    name, similarity = nearest_modality(*pair(DATA, CAN, FELA))
    assert (name, similarity) == ("audio", pytest.approx(1.0))


def test_a_label_that_two_share_is_no_nearness():
    assert nearest_modality(*pair(DATA, BECK, DEVO))[0] == "audio"
    data = small_catalogue(modalities={"country": DATA.modalities["country"]})
    assert nearest_modality(*pair(data, BECK, DEVO)) is None


def test_without_a_common_modality_none_is_nearest():
    assert nearest_modality(*pair(DATA, DEVO, ENO)) is None


def test_vectors_of_zeros_are_like_nothing():
    data = small_catalogue(modalities={"audio": vectors([[0, 0], [1, 0], None, None, None, None])})
    assert nearest_modality(*pair(data, 0, 1)) == ("audio", 0.0)


def test_a_new_artist_is_described_by_what_the_catalogue_knows():
    new = described_new(
        DATA,
        {"tags": {"pop": 1.0, "unheard": 2.0}, "country": {"Mali": 1.0}, "moods": {"sad": 1.0}},
        {"audio": np.array([3.0, 4.0], np.float32)},
        ["can", "nobody", "abba", "can"],
    )
    vocabulary = DATA.modalities["tags"].vocabulary
    assert new.words == {"tags": {vocabulary.index("pop"): 1.0}}
    assert new.vectors["audio"].tolist() == [3.0, 4.0]
    assert new.neighbors.tolist() == [ABBA, CAN]
    beck = described(DATA, BECK)
    assert shared_neighbors(DATA, new, beck).tolist() == [CAN, ABBA]
    assert nearest_modality(DATA, new, beck) == ("audio", pytest.approx(1.0, abs=1e-3))
