"""An artist with all edges, whose builds the benchmark of hubs measures, on small catalogues."""

from __future__ import annotations

import pytest

from benchmarks.hub import SHAPES, hub_cost, main, write_hub
from catalogues.check import check
from catalogues.spec import load_catalogue


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_a_right_catalogue_and_is_built(shape, tmp_path):
    write_hub(tmp_path, shape, 400)
    assert check(load_catalogue(tmp_path)).ok
    cost = hub_cost(shape, 400)
    assert cost["edges"] == 399
    assert cost["cut"] == 0, "fewer than `graph.neighbor_cap`"
    assert cost["peak_mib"] > 0 and cost["cpu_seconds"] > 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["star"], "there is no shape 'star'; there are first, last, row"),
        (["row", "--artists", "99"], "--artists must be at least 100"),
    ],
)
def test_what_cannot_be_measured_is_told(given, told, capsys):
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
