"""Combining with large accumulators: the same result, and never more held than allowed."""

from __future__ import annotations

import random

import apache_beam as beam
from apache_beam.testing.util import assert_that, equal_to

from components.catalogue_example_gen import bounded_combine, tracks
from components.catalogue_example_gen.bounded_combine import CombineBounded
from components.catalogue_example_gen.details import Detail
from components.catalogue_example_gen.edges import StrongestNeighbors
from components.catalogue_example_gen.packed import unpack
from components.catalogue_example_gen.tracks import FirstTracks


class Held(beam.CombineFn):
    """Values as they are, so that what is held can be counted."""

    def create_accumulator(self):
        return []

    def add_input(self, accumulator, value):
        return [*accumulator, value]

    def merge_accumulators(self, accumulators):
        return sum(accumulators, [])

    def extract_output(self, accumulator):
        return sorted(accumulator)


def keyed_values(number):
    generator = random.Random(3)
    return [(f"k{generator.randrange(20)}", value) for value in range(number)]


def test_the_result_is_that_of_a_combiner_that_holds_all():
    values = keyed_values(500)
    wanted = {}
    for key, value in values:
        wanted.setdefault(key, []).append(value)
    with beam.Pipeline() as pipeline:
        found = pipeline | beam.Create(values) | CombineBounded("Some", Held(), lambda _: 1, 7)
        assert_that(found, equal_to(list(wanted.items())))


def test_no_more_is_held_than_allowed():
    do_fn = bounded_combine._Parts(Held(), lambda value: value % 5, 30)
    do_fn.start_bundle()
    given, taken = keyed_values(1000), []
    for pair in given:
        taken += do_fn.process(pair)
        held = [value for part in do_fn._parts.values() for value in part]
        assert sum(value % 5 for value in held) < 30
    taken += [value.value for value in do_fn.finish_bundle()]
    assert sorted((key, value) for key, part in taken for value in unpack(part)) == sorted(given)
    # Nothing is left for the next bundle.
    assert not list(do_fn.finish_bundle())


def test_a_key_with_most_of_the_values_is_combined_before_the_shuffle():
    do_fn = bounded_combine._Parts(StrongestNeighbors(3), lambda _: 1, 1000)
    do_fn.start_bundle()
    taken = []
    for place in range(10_000):
        taken += do_fn.process(("hub", (f"n{place}", float(place))))
    assert len(taken) == 10
    key, (cut, strongest) = bounded_combine._whole(
        ("hub", [part for _, part in taken]), StrongestNeighbors(3)
    )
    assert (key, cut) == ("hub", 9_997)
    assert [name for name, _ in strongest] == ["n9999", "n9998", "n9997"]


def test_vectors_of_many_artists_do_not_fill_a_worker(monkeypatch):
    """Beam's combiner held those of 100,000 artists, 4 GB of 1,024 numbers each."""
    monkeypatch.setattr(tracks, "_MOST_CELLS", 5_000)
    step = tracks.first_tracks("t", ("wide",), 25)
    do_fn = bounded_combine._Parts(step._combiner, step._weigh, step._most)
    do_fn.start_bundle()
    taken = []
    for place in range(300):
        row = Detail("f", place, {"wide": (0.5,) * 100})
        taken += do_fn.process((f"a{place}", row))
        assert sum(len(part.first) for part in do_fn._parts.values()) <= 50
    assert isinstance(step._combiner, FirstTracks)
    assert len(taken) >= 250
