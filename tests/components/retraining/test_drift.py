"""TFDV's comparators on distributions whose distances are known."""

from __future__ import annotations

import numpy as np
import pytest

from components.retraining.drift import drifted, only_content
from tests.components.retraining.tagged_artists import generate_statistics, statistics

ROCK_AND_JAZZ = ["rock", "jazz"] * 50


def found(before, now, words=0.05, numbers=0.05):
    return [
        (one.feature, pytest.approx(one.distance), one.threshold)
        for one in drifted(only_content(before), only_content(now), words=words, numbers=numbers)
    ]


def test_the_same_has_not_drifted():
    told = statistics(ROCK_AND_JAZZ, np.arange(100.0))
    assert found(told, told) == []


def test_the_order_of_artists_does_not_matter():
    before = statistics(ROCK_AND_JAZZ, np.arange(100.0))
    assert found(before, statistics(ROCK_AND_JAZZ[::-1], np.arange(100.0)[::-1])) == []


def test_words_by_the_largest_change_of_a_share():
    # Shares (0.5, 0.5) become (0.4, 0.5, 0.1).
    now = statistics(["rock"] * 40 + ["jazz"] * 50 + ["folk"] * 10)
    assert found(statistics(ROCK_AND_JAZZ), now) == [("tags", 0.1, 0.05)]
    assert found(statistics(ROCK_AND_JAZZ), now, words=0.11) == []


def test_numbers_by_the_divergence_of_their_histograms():
    # All in other bins: the distributions have nothing in common.
    before = statistics(ROCK_AND_JAZZ, np.linspace(0, 1, 100))
    now = statistics(ROCK_AND_JAZZ, np.linspace(2, 3, 100))
    ((feature, distance, threshold),) = found(before, now)
    assert feature == "loudness"
    assert distance == 1.0
    assert threshold == 0.05


def test_what_comes_and_what_goes_has_drifted():
    with_loudness = statistics(ROCK_AND_JAZZ, np.arange(100.0))
    without = statistics(ROCK_AND_JAZZ)
    assert found(without, with_loudness) == [("loudness", 1.0, 0.05)]
    assert found(with_loudness, without) == [("loudness", 1.0, 0.05)]


def test_what_becomes_of_another_kind_has_drifted():
    words = generate_statistics({"nodes/artist.mood": ["calm"] * 10})
    numbers = generate_statistics({"nodes/artist.mood": [0.5] * 10})
    assert found(words, numbers, words=0.1, numbers=0.2) == [("mood", 1.0, 0.2)]
    assert found(numbers, words, words=0.1, numbers=0.2) == [("mood", 1.0, 0.1)]


@pytest.mark.parametrize("nothing", [[None] * 10, [np.nan] * 10])
def test_what_is_known_of_nobody_any_more_has_drifted(nothing):
    before = generate_statistics({"nodes/artist.loudness": np.linspace(0, 1, 10)})
    now = generate_statistics({"nodes/artist.loudness": np.array(nothing, np.float64)})
    assert found(before, now) == [("loudness", 1.0, 0.05)]


def test_what_no_model_sees_is_no_content():
    """Descriptive columns, counts and flags; a modality of words may begin like such a column."""

    def told(meta, words, counts):
        return generate_statistics(
            {
                "nodes/artist.meta_label": meta,
                "nodes/artist.meta_genre": words,
                "nodes/artist.meta_genre.d1": counts,
                "nodes/artist.popularity_present": counts,
                "nodes/neighbor.id": meta,
            }
        )

    before = told(["old"] * 10, ["rock"] * 10, [1] * 10)
    assert found(before, told(["new"] * 10, ["rock"] * 10, [5] * 10)) == []
    assert found(before, told(["old"] * 10, ["jazz"] * 10, [1] * 10)) == [("meta_genre", 1.0, 0.05)]


def test_ids_are_no_content():
    # Fifty artists fewer: other ids, the same tags.
    assert found(statistics(ROCK_AND_JAZZ), statistics(ROCK_AND_JAZZ[:50])) == []
    assert found(statistics(["rock"]), statistics(["rock"] * 10)) == []
