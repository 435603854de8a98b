"""The page in a real browser: drawn, searched, read on a phone, and asking nobody for anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.retrieval_evaluator.page.contents import Curve
from components.retrieval_evaluator.page.judged import page_contents
from components.retrieval_evaluator.page.rendering import html_page
from tests.browser import browser_path, running_browser
from tests.components.page.judged_case import CASE, HOSTILE, judged

CURVES = [
    Curve(name, np.arange(1, 4), np.array([0.1, 0.2, 0.4]))
    for name in ("train/loss", "val/connected_ndcg_at_200", "val/cold_ndcg_at_200")
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    browser_path()
    contents = page_contents(judged(), CASE.graph, CASE.truth("test"), "no model", None)
    path = tmp_path_factory.mktemp("page") / "report.html"
    page = html_page(dataclasses.replace(contents, curves=CURVES))
    path.write_text(page, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(report: Path) -> Iterator[Any]:
    with running_browser(browser_path()) as found:
        yield found


@contextmanager
def reading(browser: Any, report: Path, **options: Any) -> Iterator[Any]:
    """The page; nothing else is asked for, and nothing is complained of."""
    context = browser.new_context(**options)
    page = context.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("dialog", lambda dialog: complaints.append(dialog.message) or dialog.dismiss())
    page.goto(report.as_uri())
    yield page
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [report.as_uri()]


def show_all(page: Any) -> None:
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        page.wait_for_function("plot => plot.querySelector('.main-svg')", arg=plot.element_handle())


def test_every_plot_is_drawn(browser, report):
    with reading(browser, report, viewport={"width": 1200, "height": 900}) as page:
        show_all(page)
        assert page.locator(".plot .main-svg").count() >= page.locator(".plot").count() > 6


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(browser, report, scheme):
    phone = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme}
    with reading(browser, report, **phone) as page:
        show_all(page)
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) == 0


def test_plots_follow_the_reader_s_theme(browser, report):
    def ink(page: Any) -> str:
        title = page.locator("#plot-degree .xtitle").first
        title.wait_for()
        return title.evaluate("title => getComputedStyle(title).fill")

    with reading(browser, report, color_scheme="light") as page:
        page.locator("#plot-degree").scroll_into_view_if_needed()
        light = ink(page)
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(
            "light => getComputedStyle(document.querySelector('#plot-degree .xtitle')).fill"
            " !== light",
            arg=light,
        )


def test_an_artist_is_found_on_the_map_whatever_its_accents(browser, report):
    with reading(browser, report) as page:
        search = page.get_by_label("Find an artist")
        search.fill(HOSTILE.replace("ö", "o").upper())
        output = page.locator(".search output")
        page.wait_for_function("document.querySelector('#plot-map .annotation')")
        assert output.inner_text().startswith(HOSTILE)
        assert page.locator("#plot-map .annotation").text_content().strip() == HOSTILE
        search.fill("nobody of that name")
        search.press("Enter")
        assert output.inner_text() == "No artist of that name is on the map."


def test_a_gain_opens_by_the_keyboard_with_both_lists(browser, report):
    with reading(browser, report) as page:
        change = page.locator("details.change").first
        change.locator("summary").focus()
        page.keyboard.press("Enter")
        columns = change.locator("ol")
        assert columns.count() == 2 and columns.first.is_visible()
        assert change.locator("li.similar").count() >= 1
