"""Simulated weeks whose runs are told what becomes of them."""

from __future__ import annotations

from benchmarks.retraining.feed import QUICK, Feed
from benchmarks.retraining.running import Ran
from benchmarks.retraining.simulate import Simulation
from benchmarks.retraining.world import WorldSettings

SMALL = WorldSettings(seed=3, artists=120, arrivals=3, scenes=4)


class FakeRunner:
    """Pushes where it is told to; version '<policy>-<day>'."""

    def __init__(self, told):
        self.told, self.asked, self.stopped = told, [], False

    def run(self, policy, event):
        day = 1 + sum(asked[0] == policy for asked in self.asked)
        self.asked.append((policy, event))
        outcome = self.told[policy][day - 1]
        version = f"{policy}-{day}" if outcome == "pushed" else ""
        return Ran(outcome, f"because of {outcome}.", version, 1.0)

    def stop(self):
        self.stopped = True


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
