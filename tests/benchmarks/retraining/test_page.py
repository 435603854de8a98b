"""The page tells each day and why."""

from __future__ import annotations

import json

from benchmarks.retraining.page import write_page
from benchmarks.retraining.running import configuration
from tests.benchmarks.retraining.simulations import OUTCOMES, SMALL, FakeRunner, simulation


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
