"""The split by hash is the same for ever, and independent of the other artists."""

from __future__ import annotations

import collections

import pytest

from components.catalogue_example_gen.artists import split_of

FRACTIONS = (0.8, 0.1, 0.1)


@pytest.mark.parametrize(
    "artist_id, split",
    [
        ("olga:0", "train"),
        ("olga:2", "train"),
        ("olga:1", "val"),
        ("olga:8", "val"),
        ("olga:5", "test"),
        ("olga:11", "test"),
        ("Björk", "train"),
        ("坂本龍一", "train"),
    ],
)
def test_no_retrain_moves_an_artist(artist_id, split):
    """Golden: a change of these would mix yesterday's training artists into today's test split."""
    assert split_of(artist_id, FRACTIONS) == split


@pytest.mark.parametrize("fractions", [FRACTIONS, (0.5, 0.25, 0.25), (0.98, 0.01, 0.01)])
def test_the_fractions_are_about_right(fractions):
    num_artists = 20_000
    counts = collections.Counter(split_of(f"artist {i}", fractions) for i in range(num_artists))
    for split, fraction in zip(("train", "val", "test"), fractions, strict=True):
        # Five standard deviations of a binomial.
        tolerance = 5 * (fraction * (1 - fraction) / num_artists) ** 0.5
        assert counts[split] / num_artists == pytest.approx(fraction, abs=tolerance)


def test_a_larger_training_fraction_only_takes_artists_in():
    for i in range(1000):
        if split_of(str(i), (0.6, 0.2, 0.2)) == "train":
            assert split_of(str(i), (0.7, 0.15, 0.15)) == "train"
