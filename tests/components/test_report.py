"""The report says what metrics.json says."""

from rich.console import Console

from components.retrieval_evaluator.report import console_table, markdown_report


def entry(value, low=None, high=None, num_queries=30, num_skipped=4):
    numbers = {"value": value, "low": low, "high": high}
    return {"ndcg@200": {**numbers, "num_queries": num_queries, "num_skipped": num_skipped}}


def figure(value, low, high, **more):
    return {"value": value, "low": low, "high": high, **more}


SLICE = {
    "title": "degree 3-7",
    "num_queries": 30,
    "small": False,
    "scores": {
        "connected": {
            "model": figure(0.5, 0.4, 0.6),
            "blessed_model": figure(0.25, 0.125, 0.5),
            "pagerank": figure(0.75, 0.7, 0.8),
        },
        "cold": {"model": figure(None, None, None), "pagerank": figure(0.1, 0.05, 0.15)},
    },
    "differences": {
        "connected": {
            "blessed_model": figure(0.25, 0.2, 0.3, significant=True),
            "pagerank": figure(-0.25, -0.5, 0.125, significant=False),
        },
        "cold": {"pagerank": figure(None, None, None, significant=False)},
    },
}
METRICS = {
    "counts": {"artists": 1034, "queries": 1030, "skipped": 4},
    "scores": {
        "connected": {
            "model": entry(0.5124, 0.5, 0.53),
            "blessed_model": entry(0.4, 0.39, 0.41),
            "pagerank": entry(0.6, 0.59, 0.61),
        },
        "cold": {"model": entry(None, num_queries=0), "pagerank": entry(0.1, 0.05, 0.15)},
    },
    "slices": [SLICE, {**SLICE, "title": "tags: r|b", "small": True, "num_queries": 3}],
}
VERDICT = {
    "blessed": True,
    "reason": "it is above the floor",
    "rules": [
        {"rule": "connected nDCG@200 above 0.3", "verdict": "passed", "sentence": "it is 0.512"},
        {"rule": "cold MAP above 0.1", "verdict": "undecided", "sentence": "nobody knows"},
    ],
}


def test_the_verdict_comes_first_then_its_rules_all_scores_and_slices():
    report = markdown_report(METRICS, VERDICT)
    note = (
        "nDCG@200. (small): under 30 queries, not tested. *: the difference is significant at 5% "
        "after Holm's correction for all slices."
    )
    assert report == (
        "# Blessed\n"
        "\n"
        "it is above the floor.\n"
        "\n"
        "- passed, connected nDCG@200 above 0.3: it is 0.512.\n"
        "- undecided, cold MAP above 0.1: nobody knows.\n"
        "\n"
        "nDCG@200 with its 95% bootstrap interval, all systems on the same queries.\n"
        "\n"
        "| system | connected | cold |\n"
        "|---|---|---|\n"
        "| new model | 0.512 [0.500, 0.530] | – |\n"
        "| last blessed model | 0.400 [0.390, 0.410] | – |\n"
        "| personalised PageRank | 0.600 [0.590, 0.610] | 0.100 [0.050, 0.150] |\n"
        "\n"
        "1,030 queries; 4 artists have no hidden positive and are skipped.\n"
        "\n"
        f"Slices of the queries, connected, {note}\n"
        "\n"
        "| connected | queries | new model | last blessed model | personalised PageRank | "
        "less last blessed model | less personalised PageRank |\n"
        "|---|---|---|---|---|---|---|\n"
        "| degree 3-7 | 30 | 0.500 [0.400, 0.600] | 0.250 [0.125, 0.500] | 0.750 [0.700, 0.800] | "
        "+0.250 [+0.200, +0.300]* | -0.250 [-0.500, +0.125] |\n"
        "| tags: r\\|b | 3 (small) | 0.500 [0.400, 0.600] | 0.250 [0.125, 0.500] | "
        "0.750 [0.700, 0.800] | +0.250 [+0.200, +0.300]* | -0.250 [-0.500, +0.125] |\n"
        "\n"
        f"Slices of the queries, cold, {note}\n"
        "\n"
        "| cold | queries | new model | personalised PageRank | less personalised PageRank |\n"
        "|---|---|---|---|---|\n"
        "| degree 3-7 | 30 | – | 0.100 [0.050, 0.150] | – |\n"
        "| tags: r\\|b | 3 (small) | – | 0.100 [0.050, 0.150] | – |\n"
    )


def test_further_metrics_stand_beside_the_blessed_model_and_pagerank_by_condition():
    def further(value):
        figures = {"value": value, "low": None, "high": None, "num_queries": 3, "num_skipped": 0}
        return entry(0.5, 0.4, 0.6) | {
            "hit_ratio@10": figures,
            "map": figures,
            "coverage@5": figures,
        }

    scores = {
        "connected": {
            name: further(0.25) for name in ("model", "blessed_model", "pagerank", "knn")
        },
        "cold": {"model": further(None), "pagerank": further(-0.125)},
    }
    report = markdown_report({**METRICS, "scores": scores, "slices": []}, VERDICT)
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
    verdict = {"blessed": False, "reason": "Not blessed: all are equal.", "rules": []}
    report = markdown_report(METRICS, verdict)
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
    table = console_table({"scores": {"connected": {"ltfrf": entry(0.5, 0.4, 0.6)}}})
    with console.capture() as shown:
        console.print(table)
    assert "ltfrf" in shown.get()
