"""What the cost page makes of goals, and of what was not measured, by hand."""

from __future__ import annotations

import pytest

from benchmarks.cost.goals import goals_table
from benchmarks.cost.missing import missing_lines
from benchmarks.cost.numbers import slope

SIZES = [
    {"artists": 10, "edges": 100, "dim": 2},
    {"artists": 50, "edges": 900, "dim": 2},
    {"artists": 1_000_000, "edges": 10_000_000, "dim": 2},
]
FULL = "whole graph for each batch, CSR"


def stage(name, artists, cpu_seconds, peak_mib):
    return {"stage": name, "artists": artists, "cpu_seconds": cpu_seconds, "peak_mib": peak_mib}


def result_of(measurements=(), epochs=(), scores=(), whole=()):
    parts = {"whole": list(whole), "bound": [], "profile": [], "steps": [], "start": []}
    return {
        "sizes": SIZES,
        "measurements": list(measurements),
        "training": {"epochs": list(epochs), "scores": list(scores)},
        "trained": ["OLGA", "136731"],
        "parts": parts,
    }


def epoch(form, seconds, catalogue="OLGA"):
    return {"catalogue": catalogue, "form": form, "seconds": seconds}


def verdicts(result):
    """By the beginning of each goal, what was measured and the verdict."""
    lines = goals_table(result).splitlines()[2:]
    return {text: tuple(rest) for text, *rest in (line[2:-2].split(" | ") for line in lines)}


def test_nothing_measured_is_neither_met_nor_missed():
    found = verdicts(result_of())
    assert set(found.values()) == {("", "not measured")}
    assert len(found) == 2 * 4 + 7


def test_epochs_beside_others():
    """Of each kind the fastest form counts; three times faster is three times, not nearly."""
    epochs = [epoch("traced", 2.0), epoch("loader_edges", 6.0), epoch("trimmed_csr", 5.9)]
    epochs += [epoch("full_edges", 9.0), epoch("full_csr", 7.0), epoch("whole_csr", 1.5)]
    begin = "OLGA: an epoch "
    found = {
        text.removeprefix(begin): said
        for text, said in verdicts(result_of(epochs=epochs)).items()
        if text.startswith(begin)
    }
    faster, slower = "at least 3 times faster than PyTorch Geometric's ", "no slower than "
    slower += "PyTorch Geometric's full batches, "
    of = "2 s beside"
    assert found == {
        f"{faster}neighbour loader, as in its examples": (
            f"3.00 times ({of} 6 s, neighbour loader, edge_index)",
            "met",
        ),
        f"{faster}neighbour loader in its fastest form": (
            f"2.95 times ({of} 5.9 s, neighbour loader, trimmed, CSR)",
            "**missed**",
        ),
        f"{slower}as many updates, of the same batches": (
            f"3.50 times ({of} 7 s, whole graph for each batch, CSR)",
            "met",
        ),
        f"{slower}one update": (
            f"0.75 times ({of} 1.5 s, whole graph once, CSR)",
            "**missed**",
        ),
    }


def test_a_form_that_is_not_there_is_not_compared_with():
    found = verdicts(result_of(epochs=[epoch("traced", 2.0, "136731")]))
    assert set(found.values()) == {("", "not measured")}


@pytest.mark.parametrize(("seconds", "verdict"), [(299.0, "met"), (300.0, "**missed**")])
def test_the_whole_process_counts_on_the_way_to_the_score(seconds, verdict):
    scores = [
        {"catalogue": "OLGA", "form": "full_csr", "scores": [0.9], "process_seconds": 1.0},
        {"catalogue": "OLGA", "form": "traced", "scores": [0.2, 0.5], "process_seconds": seconds},
        {"catalogue": "136731", "form": "traced", "scores": [0.7], "process_seconds": 9e9},
    ]
    found = verdicts(result_of(scores=scores))["OLGA to its final score in 5 minutes on 2 cores"]
    assert found == (f"0.500 after {seconds:.0f} s, loading and validation too", verdict)


def test_slopes_are_of_catalogues_of_one_kind():
    """The one in the middle has more edges an artist, and no part in it."""
    some = [
        stage("graph", 10, 1.0, 5),
        stage("graph", 50, 1e6, 9),
        stage("graph", 1_000_000, 1e5, 9),
    ]
    some += [stage("workers", 10, 1.0, 500), stage("workers", 1_000_000, 1.0, 520)]
    some[-2]["worker_peak_mib"], some[-1]["worker_peak_mib"] = 400, 551
    found = verdicts(result_of(some))
    linear = found["graph building: slope of processor seconds over edges at most 1.1"]
    assert linear == ("1.00", "met")
    flat = found["graph building with worker processes: the most that one holds does not grow"]
    assert flat == ("500 to 551 MiB from 100 to 10,000,000 edges", "**missed**")


def test_a_gigabyte_is_a_thousand_million_bytes():
    """8,000 MiB are more than 8 GB."""
    found = verdicts(
        result_of([stage("embed", 1_000_000, 1.0, 15_000)], whole=[{"peak_mib": 8000.0}])
    )
    assert found["a whole run on 136,731 artists under 8 GB"] == ("8.4 GB", "**missed**")
    assert found["1,000,000 artists: embedding under 16 GB"] == ("15.7 GB", "met")


def test_what_is_missing_is_told_for_each_catalogue_by_itself():
    epochs = [epoch("full_csr", 1.0)]
    lines = missing_lines(result_of([stage("graph", 10, 1.0, 1.0)], epochs)).splitlines()
    assert "- graph builder, 10 artists: not run." not in lines
    assert "- graph builder, 50 artists: not run." in lines
    why = "as each batch goes over the whole graph"
    assert f"- an epoch of {FULL}, 136,731 artists: not run, {why}." in lines
    assert not [line for line in lines if f"an epoch of {FULL}, OLGA" in line]
    assert "- an epoch of whole graph once, CSR, OLGA: not run." in lines
    assert "- the way to a score of traced mini-batches (`gnn`), OLGA: not run." in lines
    assert f"- the way to a score of {FULL}, 136,731 artists: not run, {why}." in lines
    assert "- how steps wait, OLGA: not run." in lines
    assert "- the start of `configs/sampler.yaml`: not run." in lines


def test_time_that_is_linear_has_slope_one():
    measured = [{"seconds": 3.0 * edges} for edges in (10, 100, 1000)]
    assert slope(measured, (10, 100, 1000), "seconds") == pytest.approx(1)
