"""What a graph layer takes over a catalogue, on a small one."""

from __future__ import annotations

import pytest

from benchmarks.layer_memory import layer_cost, main
from trainer.config import LAYERS


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_goes_forward_and_backward(layer):
    cost = layer_cost(layer, artists=40, edges=80, units=4)
    assert cost["finite"]
    # In both directions, but for what was drawn twice or from an artist to itself.
    assert 100 < cost["directed_edges"] <= 160
    assert cost["peak_mib"] >= cost["before_mib"] > 0
    assert cost["cpu_seconds"] > 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["sage"], "there are sage_mean"),
        (["gin", "--artists", "0"], "--artists, --edges and --units must be at least 1"),
    ],
)
def test_what_cannot_be_measured_is_told(given, told, capsys):
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
