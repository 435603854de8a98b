"""The simulated weeks: a world that moves as it says, a feed with its mishaps, an honest record."""

from __future__ import annotations

import csv
import datetime
import json
import os
import signal
import sys

import numpy as np
import pytest
import scipy.sparse as sp

from benchmarks import run
from benchmarks.retraining import program, running
from benchmarks.retraining.feed import FULL, QUICK, Feed, Schedule, broken_off, date_of, misnamed
from benchmarks.retraining.judging import Truth, scores_of, served_scorer
from benchmarks.retraining.page import values_of, write_page
from benchmarks.retraining.running import PipelineRunner, Ran, at_home, configuration, sentence
from benchmarks.retraining.simulate import Simulation
from benchmarks.retraining.world import World, WorldSettings
from catalogues.errors import InputError
from catalogues.spec import load_catalogue
from components.retrieval_evaluator.saved_model import Embedded
from pipeline.config import parse_config
from trainer.graph import ArtistGraph

SMALL = WorldSettings(seed=3, artists=120, arrivals=3, scenes=4)
CALM = WorldSettings(seed=3, artists=120, arrivals=3, scenes=4, drift=0, restless=0)


def pairs(snapshot):
    return set(map(tuple, snapshot.edges.tolist()))


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


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


@pytest.mark.parametrize("policy", ["gated", "blind"])
def test_the_policies_are_configurations_of_the_pipeline(policy, tmp_path):
    config = parse_config(configuration(policy, tmp_path), "simulated")
    assert config.catalogue.path == f"{tmp_path}/{{YYYY}}-{{MM}}-{{DD}}"
    if policy == "gated":
        assert (config.retrain.when, config.retrain.max_age_days) == ("changed", None)
        assert config.on_bad_rows == "error"
    else:
        assert (config.retrain.when, config.on_bad_rows) == ("always", "set_aside")
        assert config.judge.gate.slack == 1


class FakeRunner:
    """Pushes where it is told to; version '<policy>-<day>'."""

    def __init__(self, told):
        self.told, self.asked = told, []

    def run(self, policy, event):
        day = 1 + sum(asked[0] == policy for asked in self.asked)
        self.asked.append((policy, event))
        outcome = self.told[policy][day - 1]
        version = f"{policy}-{day}" if outcome == "pushed" else ""
        return Ran(outcome, f"because of {outcome}.", version, 1.0)


def fake_judge(asked):
    def judge(policy, version, day):
        asked.append((policy, version, day))
        value = 0.9 - 0.1 * (day - int(version.split("-")[1]))
        score = [value, value - 0.1, value + 0.1]
        return {
            **dict.fromkeys(("served", "connected", "cold"), score),
            "newcomers": score if day > 1 else None,
            "queries": 10,
            "newcomer_queries": day - 1,
        }

    return judge


OUTCOMES = {
    "gated": ["pushed", "nothing_to_do", "failed", "refused", "killed", "pushed"],
    "blind": ["pushed", "pushed", "pushed", "pushed", "killed", "pushed"],
}


def simulation(tmp_path, runner, asked):
    feed = Feed(tmp_path / "spans", QUICK, SMALL)
    return Simulation(tmp_path, feed, QUICK, runner, fake_judge(asked))


def test_what_is_served_is_the_last_version_that_was_pushed(tmp_path):
    runner, lines = FakeRunner(OUTCOMES), []
    days = simulation(tmp_path, runner, []).days(6, lines.append)
    served = {
        policy: [day["policies"][policy]["version"] for day in days]
        for policy in ("gated", "blind", "never")
    }
    assert served == {
        "gated": ["gated-1"] * 5 + ["gated-6"],
        "blind": ["blind-1", "blind-2", "blind-3", "blind-4", "blind-4", "blind-6"],
        "never": ["gated-1"] * 6,
    }
    assert [day["policies"]["gated"]["of_day"] for day in days] == [1, 1, 1, 1, 1, 6]
    assert [day["policies"]["gated"]["outcome"] for day in days] == OUTCOMES["gated"]
    assert [day["event"] for day in days] == ["", "quiet", "corrupt", "poisoned", "killed", ""]
    assert values_of(days, "gated", "served") == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.9])
    assert values_of(days, "never", "served") == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert len(lines) == 6
    assert lines[2].startswith("day 3, 2026-01-03 (corrupt): gated failed, 0.700; blind pushed")


def test_both_policies_are_told_of_the_same_mishaps_and_spans_come_one_a_day(tmp_path):
    runner = FakeRunner(OUTCOMES)
    simulation(tmp_path, runner, []).days(5, lambda line: None)
    assert runner.asked[-2:] == [("gated", "killed"), ("blind", "killed")]
    arrived = sorted(path.name for path in (tmp_path / "spans" / "arrived").iterdir())
    assert arrived == [date_of(day) for day in range(1, 6)]


def test_the_same_version_is_judged_once_a_day(tmp_path):
    asked = []
    simulation(tmp_path, FakeRunner(OUTCOMES), asked).days(2, lambda line: None)
    assert asked == [
        ("gated", "gated-1", 1),
        ("blind", "blind-1", 1),
        ("gated", "gated-1", 2),
        ("blind", "blind-2", 2),
    ]


def test_days_that_are_done_and_runs_that_are_over_are_not_done_again(tmp_path):
    first = FakeRunner(OUTCOMES)
    before = simulation(tmp_path, first, []).days(2, lambda line: None)

    class Interrupted(FakeRunner):
        def run(self, policy, event):
            if policy == "blind":
                raise KeyboardInterrupt
            return super().run(policy, event)

    later = {policy: outcomes[2:] for policy, outcomes in OUTCOMES.items()}
    with pytest.raises(KeyboardInterrupt):
        simulation(tmp_path, Interrupted(later), []).days(3, lambda line: None)
    again = FakeRunner({"gated": ["refused"], "blind": ["failed"]})
    days = simulation(tmp_path, again, []).days(3, lambda line: None)
    assert days[:2] == before
    assert again.asked == [("blind", "corrupt")]
    assert days[2]["policies"]["gated"]["reason"] == "because of failed."


def test_nothing_is_judged_while_nothing_is_served(tmp_path):
    asked = []
    told = {"gated": ["failed", "pushed"], "blind": ["failed", "failed"]}
    days = simulation(tmp_path, FakeRunner(told), asked).days(2, lambda line: None)
    assert [day["policies"]["gated"]["scores"] is None for day in days] == [True, False]
    assert days[1]["policies"]["never"]["version"] == "gated-2"
    assert asked == [("gated", "gated-2", 2)]


def test_what_a_run_said_last_of_itself():
    assert sentence("[1/9] catalogue\nartist_sim: The table is empty; add its rows.\n") == (
        "The table is empty; add its rows."
    )
    assert sentence("noise\nTraceback\nValueError: no\n\n") == "ValueError: no"
    assert sentence("") == ""


def command(monkeypatch, code):
    """Lets the runner start this in place of the pipeline."""
    started = running.subprocess.Popen

    def start(arguments, **options):
        assert arguments[1:4] == ["-m", "pipeline.run", "--config"]
        return started([sys.executable, "-c", code], **options)

    monkeypatch.setattr(running.subprocess, "Popen", start)


def test_a_run_is_killed_once_its_first_epoch_is_kept(tmp_path, monkeypatch):
    code = (
        "import os, pathlib, time\n"
        "folder = pathlib.Path(os.environ['ARTIST_SIM_HOME'], 'checkpoints', 'abc')\n"
        "folder.mkdir(parents=True)\n"
        "(folder / 'ckpt-1.index').touch()\n"
        "time.sleep(60)\n"
    )
    command(monkeypatch, code)
    ran = PipelineRunner(tmp_path, tmp_path / "arrived").run("gated", "killed")
    assert (ran.outcome, ran.reason, ran.version) == ("killed", "", "")


def test_a_run_that_fails_before_it_trains_is_not_called_killed(tmp_path, monkeypatch):
    code = "import sys; print('artist_sim: No.', file=sys.stderr); sys.exit(2)"
    command(monkeypatch, code)
    ran = PipelineRunner(tmp_path, tmp_path / "arrived").run("gated", "killed")
    assert (ran.outcome, ran.reason) == ("failed", "No.")


def test_what_an_earlier_run_kept_kills_no_later_one(tmp_path, monkeypatch):
    (tmp_path / "gated" / "checkpoints" / "abc").mkdir(parents=True)
    (tmp_path / "gated" / "checkpoints" / "abc" / "ckpt-1.index").touch()
    command(monkeypatch, "import sys, time; time.sleep(0.5); sys.exit('artist_sim: Later.')")
    assert PipelineRunner(tmp_path, tmp_path).run("gated", "killed").outcome == "failed"


def test_a_run_that_is_not_to_be_killed_is_left_alone(tmp_path, monkeypatch):
    code = (
        "import os, pathlib, sys\n"
        "folder = pathlib.Path(os.environ['ARTIST_SIM_HOME'], 'checkpoints', 'abc')\n"
        "folder.mkdir(parents=True)\n"
        "(folder / 'ckpt-1.index').touch()\n"
        "sys.exit('artist_sim: Later.')\n"
    )
    command(monkeypatch, code)
    assert PipelineRunner(tmp_path, tmp_path).run("gated", "").reason == "Later."


def test_an_interrupted_simulation_leaves_no_run_behind(tmp_path, monkeypatch):
    code = (
        "import os, pathlib, time\n"
        "pathlib.Path(os.environ['ARTIST_SIM_HOME'], 'pid').write_text(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    command(monkeypatch, code)
    runner = PipelineRunner(tmp_path, tmp_path)
    pid = tmp_path / "gated" / "pid"

    def interrupted(process, policy, kept):
        while not (pid.exists() and pid.read_text()):
            assert process.poll() is None
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "_kill_in_training", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.run("gated", "killed")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), signal.SIG_DFL)


def test_another_home_is_looked_at_only_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setenv("ARTIST_SIM_HOME", "before")
    with at_home(tmp_path):
        assert os.environ["ARTIST_SIM_HOME"] == str(tmp_path)
    assert os.environ["ARTIST_SIM_HOME"] == "before"
    monkeypatch.delenv("ARTIST_SIM_HOME")
    with pytest.raises(ValueError, match="inside"), at_home(tmp_path):
        raise ValueError("inside")
    assert "ARTIST_SIM_HOME" not in os.environ


class ByTable:
    """A model that embeds artists as a table of each catalogue says, by its size."""

    def __init__(self, tables):
        self.tables = tables

    def embed(self, graph, edges):
        return Embedded(np.array(self.tables[len(graph)], np.float32))


def graph_of(ids):
    return ArtistGraph(
        artist_id=np.array(ids, object),
        name=np.array(ids, object),
        popularity=np.full(len(ids), np.nan, np.float32),
        split=np.full(len(ids), 2, np.int8),
        content={},
        neighbors=sp.csr_matrix((len(ids), len(ids)), dtype=np.float32),
        weighted=False,
    )


THEN, TODAY = graph_of(["a", "c", "d"]), graph_of(["a", "b", "c", "d"])
# Of the day of the training a is beside c; today's vectors say that a is beside b and then d.
MODEL = ByTable(
    {3: [[1, 0], [0.9, 0.1], [0, 1]], 4: [[0, 1], [0.6, 0.8], [-1, 0], [0, 0.7]]},
)


def test_known_artists_are_served_with_their_pushed_vectors_and_new_ones_ask_with_todays():
    score = served_scorer(MODEL, THEN, TODAY)
    everybody = np.arange(4)
    found = score(everybody, everybody)
    # a: beside c 0.9 and d 0; b, who is new, is behind all of them.
    assert found[0, [0, 2, 3]] == pytest.approx([1, 0.9, 0])
    # b asks with (0.6, 0.8): a 0.6, c 0.62, d 0.8.
    assert found[1, [0, 2, 3]] == pytest.approx([0.6, 0.62, 0.8])
    assert (found[:, 1] < found[:, [0, 2, 3]].min()).all()


def test_scores_worked_by_hand():
    # Hidden: a is similar to c, and so is b.
    hidden = sp.csr_matrix(
        np.array([[0, 0, 1, 0], [0, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]], np.float32)
    )
    found = scores_of(MODEL, THEN, Truth(TODAY, hidden, frozenset("acd")))
    third, second = 1 / np.log2(4), 1 / np.log2(3)
    # As served: a ranks c first; b ranks d, c, a; c ranks a first and b, whom nobody finds, last.
    ideal = 1 + second
    assert found["served"][0] == pytest.approx((1 + second + (1 + third) / ideal) / 3, abs=1e-4)
    assert found["newcomers"] == pytest.approx([second] * 3, abs=1e-4)
    assert (found["queries"], found["newcomer_queries"]) == (3, 1)
    # Today's vectors: a ranks b 0.8, d 0.7, c 0; b ranks a 0.8, d 0.56, c -0.6; c ranks a and d,
    # both 0, and b last.
    low = (third + third + (second + third) / ideal) / 3
    high = (third + third + (1 + third) / ideal) / 3
    assert any(found["connected"][0] == pytest.approx(value, abs=1e-4) for value in (low, high))
    settled = scores_of(MODEL, THEN, Truth(TODAY, hidden, frozenset("abcd")))
    assert settled["newcomers"] is None and settled["newcomer_queries"] == 0


def result_of(days):
    configurations = {policy: configuration(policy, "spans") for policy in ("gated", "blind")}
    return json.loads(
        json.dumps(
            {
                "world": vars(SMALL),
                "configurations": configurations,
                "days": days,
                "machine": {"cores": 2, "architecture": "x86_64"},
                "versions": {"python": "3.10"},
            },
            default=str,
        )
    )


def test_the_page_tells_each_day_and_why(tmp_path):
    days = simulation(tmp_path, FakeRunner(OUTCOMES), []).days(6, lambda line: None)
    page = tmp_path / "retraining.md"
    write_page(result_of(days), page, tmp_path / "retraining.json")
    text = page.read_text()
    assert "# Results: 6 days of scheduled retraining" in text
    table = [line for line in text.splitlines() if "| 2026-01-" in line]
    assert len(table) == 6
    assert "| **corrupt span** | failed | 0.700 [0.600, 0.800] (1) | 0.900" in table[2]
    assert "- Day 4, trained, refused by the gate: because of refused." in text
    assert "- Day 5, killed: while it trained, by SIGKILL." in text
    assert "- Day 1" not in text and "- Day 6" not in text
    # Means over six days: 0.9 down to 0.5 and 0.9 again; worst 0.5.
    assert "| retraining as scheduled | 0.733 | 0.700 | 0.733 | 0.733 | 0.500 |" in text
    assert "](retraining/served.png)" in text
    assert (tmp_path / "retraining" / "served.png").stat().st_size > 10_000


def test_a_page_of_days_on_which_nothing_is_served_can_be_written(tmp_path):
    told = {"gated": ["failed"], "blind": ["failed"]}
    days = simulation(tmp_path, FakeRunner(told), []).days(1, lambda line: None)
    page = tmp_path / "retraining.md"
    write_page(result_of(days), page, tmp_path / "retraining.json")
    assert "| failed | – | – | – |" in page.read_text()


def test_a_number_of_days_below_one_is_refused(tmp_path):
    parser = run._own_parser(program)
    args = parser.parse_args(["retraining", "--days", "0"])
    with pytest.raises(InputError, match="at least 1, not 0"):
        program.run(args, tmp_path, tmp_path, lambda line: None)


def test_a_page_of_nothing_is_refused(tmp_path):
    args = run._own_parser(program).parse_args(["retraining", "--page-only"])
    with pytest.raises(InputError, match="Nothing is simulated yet"):
        program.run(args, tmp_path, tmp_path, lambda line: None)
