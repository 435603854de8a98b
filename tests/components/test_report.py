"""The report says what metrics.json says."""

from rich.console import Console

from components.retrieval_evaluator.report import console_table, markdown_report


def entry(value, low=None, high=None, num_queries=30, num_skipped=4):
    numbers = {"value": value, "low": low, "high": high}
    return {"ndcg@200": {**numbers, "num_queries": num_queries, "num_skipped": num_skipped}}


METRICS = {
    "connected": {
        "model": entry(0.5124, 0.5, 0.53),
        "blessed_model": entry(0.4, 0.39, 0.41),
        "pagerank": entry(0.6, 0.59, 0.61),
    },
    "cold": {"model": entry(None, num_queries=0), "pagerank": entry(0.1, 0.05, 0.15)},
}


def test_the_verdict_comes_first_then_all_scores():
    report = markdown_report(METRICS, {"blessed": True, "reason": "it is above the floor"})
    assert report == (
        "# Blessed\n"
        "\n"
        "it is above the floor.\n"
        "\n"
        "nDCG@200 with its 95% bootstrap interval, all systems on the same queries.\n"
        "\n"
        "| system | connected | cold |\n"
        "|---|---|---|\n"
        "| new model | 0.512 [0.500, 0.530] | – |\n"
        "| last blessed model | 0.400 [0.390, 0.410] | – |\n"
        "| personalised PageRank | 0.600 [0.590, 0.610] | 0.100 [0.050, 0.150] |\n"
        "\n"
        "connected: 30 queries; 4 artists have no hidden positive and are skipped.\n"
        "cold: 0 queries; 4 artists have no hidden positive and are skipped.\n"
    )


def test_further_metrics_stand_beside_the_blessed_model_and_pagerank_by_condition():
    def further(value):
        figures = {"value": value, "low": None, "high": None, "num_queries": 3, "num_skipped": 0}
        return entry(0.5, 0.4, 0.6) | {
            "hit_ratio@10": figures,
            "map": figures,
            "coverage@5": figures,
        }

    metrics = {
        "connected": {
            name: further(0.25) for name in ("model", "blessed_model", "pagerank", "knn")
        },
        "cold": {"model": further(None), "pagerank": further(-0.125)},
    }
    report = markdown_report(metrics, {"blessed": True, "reason": "it is"})
    assert report.endswith(
        "Further metrics; all systems and intervals are in `metrics.json`.\n"
        "\n"
        "| connected | new model | last blessed model | personalised PageRank |\n"
        "|---|---|---|---|\n"
        "| hit ratio@10 | 0.250 | 0.250 | 0.250 |\n"
        "| MAP | 0.250 | 0.250 | 0.250 |\n"
        "| coverage@5 | 0.250 | 0.250 | 0.250 |\n"
        "\n"
        "| cold | new model | personalised PageRank |\n"
        "|---|---|---|\n"
        "| hit ratio@10 | – | -0.125 |\n"
        "| MAP | – | -0.125 |\n"
        "| coverage@5 | – | -0.125 |\n"
    )


def test_a_refusal_is_told_once_and_ends_with_one_full_stop():
    report = markdown_report(METRICS, {"blessed": False, "reason": "Not blessed: all are equal."})
    assert report.startswith("# Not blessed\n\nNot blessed: all are equal.\n")


def test_the_console_shows_the_same():
    console = Console(width=100, record=True, force_terminal=False, quiet=False)
    with console.capture() as shown:
        console.print(console_table(METRICS))
    lines = shown.get().splitlines()
    (model,) = (line for line in lines if "new model" in line)
    assert "0.512 [0.500, 0.530]" in model and "–" in model
    assert sum("[" in line for line in lines) == 4
    # A system that has no name for people keeps its own.
    table = console_table({"connected": {"ltfrf": entry(0.5, 0.4, 0.6)}})
    with console.capture() as shown:
        console.print(table)
    assert "ltfrf" in shown.get()
