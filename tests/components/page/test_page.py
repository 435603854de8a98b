"""The page says what the judgement says, alone and without a network."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from components.retrieval_evaluator.page.judged import page_contents
from components.retrieval_evaluator.page.rendering import html_page
from tests.components.page.judged_case import CASE, HOSTILE, judged

TRUTH = CASE.truth("test")


class Seen(HTMLParser):
    """Every tag with its attributes, and the text between tags but for scripts and styles."""

    def __init__(self):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        (self.scripts if self._inside in ("script", "style") else self.text).append(data)


def seen(page: str) -> Seen:
    parser = Seen()
    parser.feed(page)
    parser.close()
    return parser


@pytest.fixture(scope="module")
def contents():
    return page_contents(judged(), CASE.graph, TRUTH, "no model", None)


@pytest.fixture(scope="module")
def page(contents) -> Seen:
    return seen(html_page(contents))


def test_the_verdict_and_its_rules_come_first(contents, page):
    text = " ".join(" ".join(page.text).split())
    verdict = contents.verdict
    title = "Blessed" if verdict["blessed"] else "Not blessed"
    assert text.index(title) < text.index(verdict["reason"]) < text.index("Rules")
    for rule in verdict["rules"]:
        assert rule["rule"] in text and rule["sentence"] in text
    assert text.index(verdict["rules"][0]["sentence"]) < text.index("Scores")


def test_nothing_is_fetched(page):
    for tag, attributes in page.tags:
        assert "src" not in attributes, (tag, attributes)
        assert tag not in ("link", "iframe", "object", "embed", "img"), attributes
        if "href" in attributes:
            assert attributes["href"].startswith("#")


def test_every_link_and_plot_has_its_place(page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        if "href" in attributes:
            assert attributes["href"][1:] in ids
    figures = json.loads(page.scripts[1])
    assert figures and set(figures) <= set(ids)
    for _, attributes in page.tags:
        if attributes.get("role") == "img":
            assert attributes["aria-label"]


def test_names_of_the_catalogue_stay_text(page):
    assert HOSTILE in "".join(page.text)
    assert sum(tag == "script" for tag, _ in page.tags) == 3
    assert not any(tag == "b" for tag, _ in page.tags)
    figures = json.loads(page.scripts[1])
    names = [name for trace in figures["plot-map"]["data"] for name, _ in trace["customdata"]]
    assert HOSTILE in names
    # Plotly would take <b> in a label for its own.
    assert not re.search("<b>S", page.scripts[1])
    assert "<" not in page.scripts[1]


def test_the_tables_have_the_figures_of_metrics_json(contents, page):
    text = "".join(page.text)
    for systems in contents.metrics["scores"].values():
        for entries in systems.values():
            for entry in entries.values():
                if entry["value"] is not None:
                    assert f"{entry['value']:.3f}" in text


def test_gains_show_both_lists(contents):
    (first, *_) = contents.changes.gains
    assert contents.changes.other == "blessed_model"
    assert first.after > first.before
    assert {one.name for one in first.neighbors_after} == {
        one.name for one in first.neighbors_before
    }
    assert first.neighbors_after[0].similar and not first.neighbors_before[0].similar


def test_without_a_blessed_model_pagerank_is_the_other(page):
    contents = page_contents(judged(blessed=False), CASE.graph, TRUTH, "no model", None)
    assert contents.changes.other == "pagerank"
    text = "".join(seen(html_page(contents)).text)
    assert "New model − personalised PageRank" in text


def test_the_model_s_own_map_is_shown(tmp_path: Path):
    extra = tmp_path / "assets.extra"
    extra.mkdir()
    places = np.linspace(-1, 1, len(CASE.graph), dtype=np.float32)
    np.savez(extra / "explorer.npz", x=places, y=-places)
    contents = page_contents(judged(), CASE.graph, TRUTH, str(tmp_path), None)
    assert contents.map.x.tolist() == places.tolist()
    assert contents.map.groups[:2] == [HOSTILE, "rock"]
    scored = ~np.isnan(contents.map.score)
    assert scored.sum() == contents.metrics["counts"]["queries"]


def test_without_one_the_judged_artists_are_placed(contents):
    assert len(contents.map.x) == contents.metrics["counts"]["artists"]
    assert "principal components" in contents.map.method
