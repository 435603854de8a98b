"""The world moves as it says."""

from __future__ import annotations

import numpy as np

from benchmarks.retraining.world import World, WorldSettings
from tests.benchmarks.retraining.simulations import SMALL

CALM = WorldSettings(seed=3, artists=120, arrivals=3, scenes=4, drift=0, restless=0)


def pairs(snapshot):
    return set(map(tuple, snapshot.edges.tolist()))


def test_the_same_seed_makes_the_same_world_whatever_was_asked_for_first():
    one, other = World(SMALL), World(SMALL)
    late = one.at(4)
    for step in range(5):
        snapshot = other.at(step)
    assert late.ids == snapshot.ids
    assert np.array_equal(late.audio, snapshot.audio) and np.array_equal(late.edges, snapshot.edges)
    elsewhere = World(WorldSettings(seed=4, artists=120, scenes=4)).at(4)
    assert not np.array_equal(late.audio[:120], elsewhere.audio[:120])


def test_artists_arrive_and_none_leaves():
    world = World(SMALL)
    found = [world.at(step) for step in range(12)]
    for before, after in zip(found, found[1:]):
        assert after.ids[: len(before.ids)] == before.ids
        assert 0 <= len(after.ids) - len(before.ids) <= 2 * SMALL.arrivals
    # 11 steps of 0 to 6 artists: the mean is 33, and 5 standard deviations are 33.
    assert 0 < len(found[-1].ids) - len(found[0].ids) < 66
    assert len(set(found[-1].ids)) == len(set(found[-1].names)) == len(found[-1].ids)


def test_without_drift_the_similarities_of_those_who_are_there_stay():
    world = World(CALM)
    before, after = world.at(0), world.at(6)
    old = len(before.ids)
    assert {pair for pair in pairs(after) if pair[0] < old} == pairs(before)
    assert len(pairs(after)) > len(pairs(before)), "those who arrived have some too"
    assert np.array_equal(after.audio[:old], before.audio)


def test_tastes_drift_and_similarities_with_them():
    world = World(SMALL)
    first = pairs(world.at(0))
    gone = [len(first - pairs(world.at(step))) / len(first) for step in (3, 20)]
    assert 0 < gone[0] < 0.1, "days change little"
    assert gone[1] > 2 * gone[0], "and add up"


def test_an_artist_sounds_otherwise_only_after_it_has_changed_scene():
    before, after = World(SMALL).at(0), World(SMALL).at(20)
    old = len(before.ids)
    other_sound = (after.audio[:old] != before.audio).any(axis=1)
    other_scene = after.scene[:old] != before.scene
    assert other_scene.any() and not other_scene.all()
    # One may have gone and come back.
    assert (other_sound >= other_scene).all() and other_sound.mean() < 0.2


def test_edges_join_artists_of_like_tastes():
    snapshot = World(SMALL).at(0)
    taste = snapshot.taste
    first, second = snapshot.edges.T
    joined = (taste[first] * taste[second]).sum(axis=1).mean()
    assert joined > 0.5 > (taste @ taste.T).mean()
    assert (first > second).all() and len(pairs(snapshot)) == len(snapshot.edges)
