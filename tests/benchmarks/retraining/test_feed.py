"""A day becomes a span of the catalogue, or meets with its mishap."""

from __future__ import annotations

import csv
import datetime

import numpy as np
import pytest

from benchmarks.retraining.feed import FULL, QUICK, Feed, Schedule, broken_off, date_of, misnamed
from catalogues.spec import load_catalogue
from tests.benchmarks.retraining.simulations import SMALL


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_a_quiet_day_has_the_catalogue_of_the_day_before(tmp_path):
    schedule = Schedule(quiet=(3, 4), corrupt=90, poisoned=91, killed=92)
    assert [schedule.step(day) for day in range(1, 7)] == [0, 1, 1, 1, 2, 3]
    feed = Feed(tmp_path, schedule, SMALL)
    folders = [feed.deliver(day) for day in (2, 3, 5)]
    tables = [[(f / n).read_bytes() for n in ("artists.csv", "edges.csv")] for f in folders]
    assert tables[0] == tables[1] != tables[2]
    assert [folder.name for folder in folders] == ["2026-01-02", "2026-01-03", "2026-01-05"]


def test_a_day_arrives_as_a_catalogue_of_the_truth(tmp_path):
    feed = Feed(tmp_path, QUICK, SMALL)
    folder, truth = feed.deliver(1), feed.snapshot(1)
    spec = load_catalogue(folder)
    assert [modality.name for modality in spec.content] == ["audio"]
    artists, edges = rows(folder / "artists.csv"), rows(folder / "edges.csv")
    assert [row[0] for row in artists[1:]] == truth.ids
    assert {tuple(edge) for edge in edges[1:]} == {
        (truth.ids[first], truth.ids[second]) for first, second in truth.edges
    }
    # Nothing else lies where spans are looked for.
    assert [path.name for path in feed.arrived.iterdir()] == ["2026-01-01"]


def test_the_corrupt_span_breaks_off_in_the_middle_of_a_row(tmp_path):
    feed = Feed(tmp_path, QUICK, SMALL)
    bad, good = feed.deliver(QUICK.corrupt), feed.clean(QUICK.corrupt)
    cut, whole = (folder / "artists.csv" for folder in (bad, good))
    assert whole.read_bytes().startswith(cut.read_bytes())
    assert 0.5 < cut.stat().st_size / whole.stat().st_size < 0.55
    assert len(rows(cut)[-1]) == 2 < len(rows(whole)[-1])
    assert (bad / "edges.csv").read_bytes() == (good / "edges.csv").read_bytes()


def test_a_table_breaks_off_after_the_first_comma_past_its_middle():
    table = b"id,x,y\n1,20,3\n2,40,5\n3,60,7\n4,80,9\n"
    assert broken_off(table) == b"id,x,y\n1,20,3\n2,40,5\n3,6"


def test_the_poisoned_span_has_the_same_artists_and_other_similarities(tmp_path):
    feed = Feed(tmp_path, QUICK, SMALL)
    bad, good = feed.deliver(QUICK.poisoned), feed.clean(QUICK.poisoned)
    assert (bad / "artists.csv").read_bytes() == (good / "artists.csv").read_bytes()
    wrong, right = (set(map(frozenset, rows(f / "edges.csv")[1:])) for f in (bad, good))
    assert len(wrong & right) < 0.2 * len(right)
    assert 0.8 * len(right) < len(wrong) <= len(right)


def test_misnamed_edges_keep_how_often_each_artist_comes_first_and_are_no_loops():
    edges = np.array([[1, 0], [2, 0], [2, 1], [3, 0], [3, 2], [4, 3]])
    found = [misnamed(edges, np.random.default_rng(seed)) for seed in range(20)]
    for wrong in found:
        assert (wrong[:, 0] > wrong[:, 1]).all()
        assert len(set(map(tuple, wrong.tolist()))) == len(wrong) <= len(edges)
    assert any(not np.array_equal(wrong, edges) for wrong in found)


@pytest.mark.parametrize(("schedule", "days"), [(FULL, 30), (QUICK, 6)])
def test_every_mishap_has_a_day_of_its_own_and_news_on_the_next(schedule, days):
    events = [schedule.event(day) for day in range(1, days + 1)]
    for name in ("corrupt", "poisoned", "killed"):
        assert events.count(name) == 1
        assert events[events.index(name) + 1] != "quiet"
    assert events[0] == "" and "quiet" in events and events[-1] in ("", "quiet")
    assert date_of(31) == "2026-01-31" and date_of(32) == "2026-02-01"


def test_nothing_new_comes_on_weekends():
    weekends = [
        datetime.date.fromisoformat(date_of(day)).weekday() in (5, 6) for day in range(1, 90)
    ]
    assert weekends == [FULL.event(day) == "quiet" for day in range(1, 90)]
