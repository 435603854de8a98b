"""Where a training begins, over catalogues whose artists move between the splits."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.retraining.config import RetrainConfig
from components.retraining.start import Start, begin_at, since_full
from tests.trainer.graphs import graph_of
from trainer.graph import TEST, TRAIN, VAL, ArtistGraph
from trainer.learnt_artists import LearntArtists
from trainer.named_weights import Weight
from trainer.starting_point import Heritage, meaning, write_starting_point

DAY = 86_400
PUSHED = 1_000_000.0
WARM = RetrainConfig(start="warm", full_every_days=30)
CONFIGURATION = {
    "graph": {"fractions": [0.8, 0.1, 0.1], "max_tracks": 25},
    "trainer": {"system": "gnn", "pretrained": "none", "training": {"epochs": 5}},
}


def catalogue(**split: int) -> ArtistGraph:
    """Artists by name, each with its split; an edge between all of them."""
    names = sorted(split)
    edges = list(itertools.combinations(range(len(names)), 2))
    graph = graph_of(edges, [split[name] for name in names]).graph
    return dataclasses.replace(graph, artist_id=np.array(names, object))


YESTERDAY = catalogue(a=TRAIN, b=TRAIN, c=VAL, d=TEST)


def heritage(*trainings: ArtistGraph, full: float | None = None) -> Heritage:
    """Of weights that these trainings have seen, the last one last."""
    learnt = LearntArtists.of(trainings[0])
    for graph in trainings[1:]:
        learnt = LearntArtists.of(graph).and_of(learnt)
    return Heritage(meaning(CONFIGURATION), learnt, len(trainings), full)


def served(folder: Path, of: Heritage) -> str:
    write_starting_point(str(folder), [Weight("w", tf.Variable([1.0]))], of)
    return str(folder)


def begun(folder: str, today: ArtistGraph, days: float = 1.0, **changes) -> Start:
    configuration = {**CONFIGURATION, **changes}
    return begin_at(WARM, 17, folder, PUSHED, PUSHED + days * DAY, configuration, today)


def test_it_begins_at_the_served_weights(tmp_path):
    found = begun(served(tmp_path, heritage(YESTERDAY)), YESTERDAY)
    assert found == Start(
        "begins at version 17, 1 training and 1.0 days after the last that began anew", 17, PUSHED
    )


def test_a_chain_of_trainings_hands_on_when_the_first_began(tmp_path):
    folder = served(tmp_path, heritage(YESTERDAY, YESTERDAY, full=PUSHED - 3 * DAY))
    assert begun(folder, YESTERDAY) == Start(
        "begins at version 17, 2 trainings and 4.0 days after the last that began anew",
        17,
        PUSHED - 3 * DAY,
    )


def test_after_so_many_days_it_begins_anew(tmp_path):
    folder = served(tmp_path, heritage(YESTERDAY, YESTERDAY, full=PUSHED - 10 * DAY))
    assert begun(folder, YESTERDAY, days=19.9).version == 17
    assert begun(folder, YESTERDAY, days=20.0) == Start(
        "begins anew: the last training that began anew was 30 days ago "
        "(`retrain.full_every_days` is 30)"
    )
    assert since_full(folder, PUSHED, PUSHED + 2 * DAY) == pytest.approx(12)


def test_a_model_that_brings_nothing(tmp_path):
    assert begun(str(tmp_path), YESTERDAY) == Start(
        "begins anew, not at version 17: it brings no weights to begin with"
    )
    assert since_full(str(tmp_path), PUSHED, PUSHED + DAY) is None


@pytest.mark.parametrize(
    ("section", "key", "value", "begins"),
    [
        ("trainer", "training", {"epochs": 9}, True),
        ("trainer", "kept_answers", 3, True),
        ("trainer", "explorer", {"map": "pca"}, True),
        ("graph", "fractions", [0.5, 0.25, 0.25], True),
        ("graph", "neighbor_cap", 7, True),
        ("graph", "max_tracks", 7, False),
        ("trainer", "system", "diffusion", False),
        ("trainer", "features", {"words": "ppmi"}, False),
    ],
)
def test_what_weights_mean_must_be_the_same(tmp_path, section, key, value, begins):
    folder = served(tmp_path, heritage(YESTERDAY))
    found = begun(folder, YESTERDAY, **{section: {**CONFIGURATION[section], key: value}})
    assert bool(found.version) is begins
    if not begins:
        assert found.reason == (
            f"begins anew, not at version 17: `{section}.{key}` of the configuration changed, and "
            "so what weights mean"
        )


def test_encoders_that_are_trained_first_leave_nothing_to_begin_with(tmp_path):
    folder = served(tmp_path, heritage(YESTERDAY))
    trainer = {**CONFIGURATION["trainer"], "pretrained": "contrastive"}
    assert "`trainer.pretrained` first" in begun(folder, YESTERDAY, trainer=trainer).reason


@pytest.mark.parametrize(
    ("before", "today", "who"),
    [
        (TRAIN, TRAIN, None),
        (TRAIN, VAL, "1 of today's 2 val artists"),
        (TRAIN, TEST, "1 of today's 2 test artists"),
        (VAL, TRAIN, None),
        # It chose the best epoch, and does so again.
        (VAL, VAL, None),
        (VAL, TEST, "1 of today's 2 test artists"),
        (TEST, TRAIN, None),
        (TEST, VAL, None),
        (TEST, TEST, None),
        (None, TRAIN, None),
        (None, VAL, None),
        (None, TEST, None),
    ],
)
def test_nobody_is_judged_whom_the_weights_know(tmp_path, before, today, who):
    others = {"a": TRAIN, "b": TRAIN, "c": VAL, "d": TEST}
    mover = {} if before is None else {"mover": before}
    folder = served(tmp_path, heritage(catalogue(**others, **mover)))
    found = begun(folder, catalogue(**others, mover=today))
    assert bool(found.version) is (who is None)
    if who:
        assert found.reason == (
            f"begins anew, not at version 17: its weights know {who} from trainings before"
        )


def test_a_training_in_between_is_not_forgotten(tmp_path):
    others = {"a": TRAIN, "b": TRAIN, "c": VAL, "d": TEST}
    away = catalogue(**others)
    # Learnt from by the first of three trainings, gone in the others, judged today.
    first = catalogue(**others, mover=TRAIN)
    folder = served(tmp_path, heritage(first, away, away))
    assert "1 of today's 2 test artists" in begun(folder, catalogue(**others, mover=TEST)).reason
    # Or by the second.
    middle = served(tmp_path / "middle", heritage(away, first, away))
    assert "1 of today's 2 test artists" in begun(middle, catalogue(**others, mover=TEST)).reason


def known_edges(graph: ArtistGraph) -> tuple[set[frozenset[str]], set[frozenset[str]]]:
    """Pairs that a training learns from, and those that choose its best epoch, by their ids."""
    names, split = graph.artist_id, graph.split

    def inside(wanted: int) -> set[frozenset[str]]:
        rows = [name for name, one in zip(names, split, strict=True) if one == wanted]
        return {frozenset(pair) for pair in itertools.combinations(rows, 2)}

    return inside(TRAIN), inside(VAL)


def splits(count: int) -> st.SearchStrategy[list[int | None]]:
    return st.lists(
        st.sampled_from([TRAIN, TRAIN, VAL, TEST, None]), min_size=count, max_size=count
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(splits(6), min_size=2, max_size=4))
def test_no_edge_that_is_hidden_today_was_ever_known_to_the_weights(
    days: Sequence[Sequence[int | None]],
):
    """Against all edges of all catalogues, written out: what the rule about artists promises."""
    graphs = [
        catalogue(**{f"artist{i}": one for i, one in enumerate(day) if one is not None})
        for day in days
        if any(one is not None for one in day)
    ]
    if len(graphs) < 2:
        return
    *before, today = graphs
    refused = heritage(*before).refusal(CONFIGURATION, today) is not None
    taught, chose = zip(*map(known_edges, before), strict=True)
    names, split = today.artist_id, today.split
    hidden = {
        wanted: {
            frozenset(pair)
            for pair in itertools.combinations(
                [name for name, one in zip(names, split, strict=True) if one == wanted], 2
            )
        }
        for wanted in (VAL, TEST)
    }
    leaks = hidden[TEST] & set().union(*taught, *chose) or hidden[VAL] & set().union(*taught)
    assert refused or not leaks
    # Nor is it refused for nothing: somebody was learnt from or chose, and is judged.
    members = [
        {one: set(g.artist_id[g.split == one]) for one in (TRAIN, VAL, TEST)} for g in graphs
    ]
    *earlier, now = members
    known = {one: set().union(*(day[one] for day in earlier)) for one in (TRAIN, VAL)}
    expected = now[TEST] & (known[TRAIN] | known[VAL]) or now[VAL] & known[TRAIN]
    assert refused == bool(expected)


@pytest.mark.parametrize("days", [0, -3])
def test_days_out_of_range_are_refused(days):
    with pytest.raises(ValueError, match="full_every_days must be at least 1"):
        RetrainConfig(full_every_days=days)
