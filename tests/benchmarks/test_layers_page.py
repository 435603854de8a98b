"""The page of graph layers: each rung in its row and column, and what is not done yet."""

from benchmarks.modalities.layers import CONTENTS, KINDS, draw_ladders, layers_page
from benchmarks.suite import load_suite


def scores(value):
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def summary(*, missing=()):
    systems = [
        {
            "ladder": f"{kind}-{content}",
            "convolutions": depth,
            "seeds": [0, 1],
            "cpu_seconds": [60.0, 120.0],
            "connected": scores(0.1 * depth + 0.01 * place),
            "cold": scores(0.05),
        }
        for place, (kind, content) in enumerate((("sage", "tags"), ("gin", "all")))
        for depth in (0, 1)
    ]
    systems.append({"ladder": None, "convolutions": None})
    return {
        "split": "test",
        "queries": {"judged": 885, "with_content": 526},
        "content_against_graph": [],
        "systems": systems,
        "missing": list(missing),
        "machines": [],
        "versions": [],
    }


def test_each_rung_has_its_place():
    page = layers_page(summary(), "plot.png", "../layers.json")
    assert "| layer, content | 0 layers | 1 layer | seeds |" in page
    assert "| SAGE, tags | 0.000 [-0.010, 0.010] | 0.100 [0.090, 0.110] | 2 |" in page
    assert "| GIN, all three | 0.010 [0.000, 0.020] | 0.110 [0.100, 0.120] | 2 |" in page
    # What is not trained at all has no row, and its kind no time.
    assert "SAGE, audio" not in page
    assert "| GatedGCN | – | – |" in page
    assert "| SAGE | 1:30 | 1:30 |" in page
    assert "Not complete" not in page


def test_what_is_missing_is_said():
    assert "**Not complete**: 2 trainings" in layers_page(summary(missing="ab"), "p", "s")


def test_the_plot_is_an_image():
    assert draw_ladders(summary()).startswith(b"\x89PNG")


def test_the_suite_has_every_kind_on_every_content():
    suite = load_suite("layers")
    assert set(suite.ladders) == {f"{kind}-{content}" for kind in KINDS for content in CONTENTS}
    for system in suite.systems:
        if system.ladder:
            kind, content = system.ladder.split("-")
            assert system.trainer.network.layer.startswith(kind)
            read = system.trainer.features.modalities
            named = ("audio", "listening", "tags") if content == "all" else (content,)
            assert read == named
