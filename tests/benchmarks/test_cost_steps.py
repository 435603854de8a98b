"""Where the graph builder's time goes: clocks of a real build, and phases by hand."""

from __future__ import annotations

from benchmarks.cost.catalogue import make_catalogue
from benchmarks.cost.steps import BETWEEN, PHASES, phases, profile_builder


def test_the_phases_by_hand():
    """Each transform counts once, where its name first fits; the rest of the time is Beam's."""
    clocks = {
        "Read edges/Rows/ParDo(_ReadRows)": 4,
        "Read artists/Rows/ParDo(_ReadRows)": 1,
        "Edges/Join first/ParDo(JoinFirst)": 3,
        "WriteEgoGraphs/Encode/ParDo(_EncodeEgoGraph)": 5,
        "WriteEgoGraphs/Write train/Parts": 2,
        "WriteHidden/Encode hidden/ParDo(_EncodeHidden)": 1,
        "Content statistics/Vectors": 7,
        "Assemble": 8,
    }
    assert list(phases(clocks, 40.0).values()) == [5, 3, 6, 2, 7, 8, 9]


def test_a_build_tells_where_its_time_goes(tmp_path):
    catalogue = make_catalogue(tmp_path, 300, 3000, 8)
    found = profile_builder(catalogue, tmp_path / "work")
    assert list(found["steps"]) == [*PHASES, BETWEEN]
    # One step runs at a time, so that their clocks cannot count more than there was.
    assert 0 < found["steps"][BETWEEN] < found["seconds"]
    assert found["steps"]["reading and checking rows"] > 0
    assert found["steps"]["encoding ego graphs"] > 0
    assert list((tmp_path / "work").iterdir()) == []
