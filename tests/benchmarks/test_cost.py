"""The cost benchmark: its catalogues, its records, and a page that says what was not measured."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.cost import records, tasks
from benchmarks.cost.catalogue import EDGES, make_catalogue, sample_pairs
from benchmarks.cost.measure import build_with_pandas
from benchmarks.cost.numbers import short
from benchmarks.cost.page import markdown, write_page
from benchmarks.cost.records import Records
from benchmarks.cost.stages import STAGES
from benchmarks.cost.tasks import Plan, Size, measure_all, median_of, plan_of, results_of
from catalogues.check import check
from catalogues.errors import InputError
from catalogues.spec import load_catalogue

SMALL = Size(40, 100, 4)
LINKS = ("cost.json", "seconds.png", "scores.png", "timeline.png")


@settings(max_examples=20)
@given(st.integers(2, 900), st.integers(0, 3000), st.integers(0, 9))
def test_no_pair_comes_twice_and_nobody_is_similar_to_oneself(num_artists, num_edges, seed):
    pairs = sample_pairs(num_artists, num_edges, np.random.default_rng(seed))
    assert len(pairs) <= num_edges
    assert (pairs[:, 0] < pairs[:, 1]).all() and (pairs >= 0).all() and (pairs < num_artists).all()
    assert len(np.unique(pairs, axis=0)) == len(pairs)


def test_there_are_as_many_edges_as_asked_for_where_there_is_room():
    assert len(sample_pairs(1000, 10_000, np.random.default_rng(0))) == 10_000


def test_a_catalogue_is_right_and_made_once(tmp_path):
    folder = make_catalogue(tmp_path, SMALL.artists, SMALL.edges, SMALL.dim)
    assert check(load_catalogue(folder)).ok
    edges = pd.read_parquet(folder / EDGES)
    assert len(edges) == SMALL.edges
    (folder / "mark").touch()
    again = make_catalogue(tmp_path, SMALL.artists, SMALL.edges, SMALL.dim)
    assert again == folder and (folder / "mark").exists()
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_pandas_lists_training_neighbours_in_both_directions(tmp_path):
    catalogue = make_catalogue(tmp_path, 60, 200, 4)
    took = build_with_pandas(catalogue, tmp_path / "out")
    assert took["written_mib"] > 0 and took["peak_mib"] > 0
    whole = pd.read_parquet(tmp_path / "out" / f"pandas-{catalogue.name}" / "artists.parquet")
    split = dict(zip(whole["artist_id"], whole["split"], strict=True))
    assert set(split.values()) == {0, 1, 2}
    found = {
        (artist, neighbor)
        for artist, lists in zip(whole["artist_id"], whole["neighbor"], strict=True)
        for neighbor in (lists if lists is not None else [])
    }
    edges = pd.read_parquet(catalogue / EDGES)[["source", "target"]].to_numpy().tolist()
    pairs = [(a, b) for a, b in edges] + [(b, a) for a, b in edges]
    assert found == {(a, b) for a, b in pairs if split[b] == 0}


@pytest.fixture
def measured(monkeypatch):
    """What was measured, by no process: seconds that grow with the edges."""
    done = []

    def measure(stage, size, folder):
        done.append((stage, size.artists))
        seconds = size.edges * len(done)
        found = {"seconds": seconds, "cpu_seconds": 2.0 * size.edges, "peak_mib": 100.0}
        own = {
            "graph": {"written_mib": 3.0},
            "workers": {"written_mib": 3.0, "worker_peak_mib": 70.0},
            "pandas": {"written_mib": 2.0},
            "sampler": {"written_mib": 6.0},
            "epoch": {"first_step_seconds": 7.0},
            "embed": {"artists_per_second": 50.0},
        }
        return found | own[stage]

    monkeypatch.setattr(tasks, "_measured", measure)
    return done


def test_what_is_measured_is_not_measured_again(measured, tmp_path):
    plan = Plan((SMALL,), STAGES, (SMALL.artists,), 2)
    first = measure_all(plan, Records(tmp_path), tmp_path, lambda text: None)
    assert measured == [(stage, 40) for stage in STAGES for _ in range(2)]
    assert (
        measure_all(plan, Records(tmp_path), tmp_path, lambda text: None)["measurements"]
        == first["measurements"]
    )
    assert len(measured) == 12
    # One more round: only that one.
    more = Plan((SMALL,), ("epoch",), (SMALL.artists,), 3)
    third = measure_all(more, Records(tmp_path), tmp_path, lambda text: None)
    assert measured[12:] == [("epoch", 40)]
    assert [m["rounds"] for m in third["measurements"]] == [2, 2, 2, 2, 3, 2]


def test_what_is_of_other_code_is_shown_as_such_and_measured_again(measured, tmp_path, monkeypatch):
    kept = Records(tmp_path)
    plan = Plan((SMALL,), ("graph", "pandas"), (SMALL.artists,), 2)
    first = measure_all(plan, kept, tmp_path, lambda text: None)
    assert first["outdated"] == []
    code_of = records.code_of
    monkeypatch.setattr(
        records, "code_of", lambda what: "other" if what == "graph" else code_of(what)
    )
    shown = results_of(plan, kept)
    assert shown["measurements"] == first["measurements"] and shown["outdated"] == ["graph"]
    assert "The code has changed since these were measured: graph." in markdown(shown, *LINKS)
    # One round of it is measured anew, which those before are not beside any more.
    again = measure_all(
        Plan((SMALL,), ("graph", "pandas"), (SMALL.artists,), 1), kept, tmp_path, lambda text: None
    )
    assert measured[4:] == [("graph", 40)]
    assert [m["rounds"] for m in again["measurements"]] == [1, 2] and again["outdated"] == []


def test_each_measurement_is_of_files_that_are_there(monkeypatch):
    monkeypatch.setattr(records, "_ROOT", records._ROOT / "nowhere")
    nothing = records.code_of("graph")
    monkeypatch.undo()
    every = {what: records.code_of(what) for what in records._CODE}
    assert nothing not in every.values()
    patterns = {one for part in records._CODE.values() for one in part}
    patterns |= {*records._ASIDE, records._PLAYS}
    assert [one for one in patterns if not any(records._ROOT.glob(one))] == []


def test_the_median_counts():
    rounds = [{"seconds": s, "peak_mib": p} for s, p in ((3.0, 10.0), (1.0, 30.0), (2.0, 20.0))]
    expected = {"seconds": 2, "peak_mib": 20, "rounds": 3, "fastest": 1, "slowest": 3}
    assert median_of(rounds) == expected


def test_the_page_says_what_was_measured_and_what_was_not(measured, tmp_path):
    sizes = (SMALL, Size(80, 200, 4), Size(90, 900, 4))
    plan = Plan(sizes, ("graph", "pandas", "epoch"), (40, 80), 1)
    result = json.loads(
        json.dumps(measure_all(plan, Records(tmp_path), tmp_path, lambda text: None))
    )
    text = markdown(result, *LINKS)
    assert "- embedding the catalogue, 40 artists: not run." in text
    assert "- graph builder, 90 artists: not run." in text
    assert "- graph builder, 40 artists: not run." not in text
    # Processor seconds double with the edges; the catalogue of other proportions has no part in it.
    assert "| graph builder | 100 to 200 | 1.00 | 3.00 | 0.00 |" in text
    assert "| 40 | 1.00 × | 1.00 × | 1.50 × |" in text
    assert "| 80 | 7 |" in text and "| 90 | not run |" in text
    page = tmp_path / "page" / "cost.md"
    write_page(result, page, tmp_path / "cost.json")
    assert (page.with_suffix("") / "seconds.png").stat().st_size > 1000


def test_a_page_of_one_size_has_no_slope(measured, tmp_path):
    plan = Plan((SMALL,), STAGES, (SMALL.artists,), 1)
    text = markdown(measure_all(plan, Records(tmp_path), tmp_path, lambda text: None), *LINKS)
    assert "no slope of one size alone" in text
    assert text.count("Not run.") == 7


def test_options_out_of_range_are_refused():
    with pytest.raises(InputError, match="--artists 7: there are catalogues of 300, 600"):
        plan_of(True, None, [7], 1)
    with pytest.raises(InputError, match="--rounds must be at least 1, not 0"):
        plan_of(False, None, None, 0)
    assert plan_of(False, ["embed", "graph"], [10_000], 3).stages == ("graph", "embed")
    assert plan_of(True, None, None, 3).rounds == 1
    # A quick run starts no pipeline.
    assert plan_of(True, None, None, 3).parts == ("steps", "bound", "profile")
    assert plan_of(False, ["start"], None, 3).parts == ("start",)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5361, "0.536"),
        (19.24, "19.2"),
        (99.96, "100"),
        (818.6, "819"),
        (1090.4, "1,090"),
        (0, "0"),
    ],
)
def test_numbers_are_short_and_have_no_exponent(value, text):
    assert short(value) == text
