"""The explorer's page takes the plays of a new artist, of a model that takes any."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import browser_path
from tests.serving.explorer.page_visit import PHONE, WIDE, Visit, visiting
from tests.serving.explorer.test_page_manners import check_manners
from tests.serving.modality_models import PLAYS, Asked, serving

ANN, BOB, CAT = PLAYS
NEW = re.compile("/explorer/api/new")


@pytest.fixture(scope="module")
def listened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A served model that reads what plays become; not made where no browser would look."""
    browser_path()
    yield from serving("sage_mean", tmp_path_factory.mktemp("listened"))


@pytest.fixture
def form(browser: Any, listened: Asked) -> Iterator[Visit]:
    """At the form for a new artist, about whom nothing is said."""
    for visit in visiting(browser, listened.server, viewport=WIDE):
        visit.go("#/new")
        visit.page.get_by_text("Begin with a word").wait_for()
        yield visit


def answered(visit: Visit, body: dict[str, Any]) -> dict[str, Any]:
    answer = visit.server.address.post("/explorer/api/new", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def of_artist(request: Any) -> dict[str, Any]:
    """What a request says of the artist, without filters."""
    given = request.post_data_json
    return {key: given[key] for key in ("content", "neighbors", "plays")}


def test_plays_are_asked_for(form: Visit):
    form.page.get_by_text("plays, by listener").click()
    field = form.page.get_by_label("One listener a line")
    with form.page.expect_request(NEW) as request:
        # Apart as in tables and as by hand; Bob stands twice.
        field.fill(f"{ANN}\t30\n\n {BOB} 1.5 \nsome body, 9\n{BOB};0.5\n{CAT},7")
    wanted = {ANN: 30, BOB: 2, CAT: 7, "some body": 9}
    assert of_artist(request.value) == {"content": {}, "neighbors": [], "plays": wanted}
    form.page.get_by_text("4 listeners, of whom the model knows 3.").wait_for()
    by_plays = answered(form, {"plays": wanted})
    assert form.rows() == [row["name"] for row in by_plays["similar"]]
    assert form.page.locator(".landing span").first.is_visible()
    # They stay while other things are said, and while answers are filtered.
    form.page.get_by_role("combobox", name="tags").fill("polka")
    with form.page.expect_request(NEW) as request:
        form.page.get_by_role("option", name="polka").click()
    both = {"content": {"tags": {"polka": 1}}, "neighbors": [], "plays": wanted}
    assert of_artist(request.value) == both
    form.page.get_by_role("button", name="Remove polka").wait_for()
    assert form.rows() == [row["name"] for row in answered(form, both)["similar"]]
    form.page.get_by_text("Filters").click()
    with form.page.expect_request(NEW) as request:
        form.page.get_by_label("Answers").select_option("5")
    assert of_artist(request.value) == both and request.value.post_data_json["k"] == 5
    assert len(form.rows()) == 5
    form.page.get_by_role("button", name="Begin anew").click()
    form.page.get_by_text("Begin with a word").wait_for()
    assert field.input_value() == ""
    assert form.page.locator("#plays-said").inner_text() == ""


def test_plays_by_keyboard(form: Visit):
    """Whoever does not see what is folded, or wrong, is told."""
    press, focused = form.page.keyboard.press, "document.activeElement.textContent"
    form.page.get_by_role("combobox", name="Known to be similar to").focus()
    for _ in range(5):
        press("Tab")
        if form.page.evaluate(focused) == "plays, by listener":
            break
    press("Enter")
    press("Tab")
    field = form.page.get_by_role("textbox", name="One listener a line")
    assert field.evaluate("one => document.activeElement === one")
    form.page.keyboard.type(f"{ANN} 3\nnobody")
    form.page.get_by_text("Line 2, “nobody”, is no listener with a number of plays.").wait_for()
    assert field.get_attribute("aria-invalid") == "true"
    said = form.page.locator(f"#{field.get_attribute('aria-describedby')}")
    assert said.get_attribute("aria-live") == "polite"
    assert form.page.locator(".row").count() == 0
    with form.page.expect_response(NEW):
        form.page.keyboard.type(" 2")
    form.page.get_by_text("2 listeners, of whom the model knows 1.").wait_for()
    assert field.get_attribute("aria-invalid") is None
    assert form.rows() == [
        row["name"] for row in answered(form, {"plays": {ANN: 3, "nobody": 2}})["similar"]
    ]


@pytest.mark.parametrize(
    ("written", "number"),
    [("ann", 1), ("7", 1), ("ann -1", 1), ("ann 1\nbob 1e999", 2), ("ann often", 1)]
    + [("ann 1,000", 1), ("ann NaN", 1), ("\n\nann,", 3)],
)
def test_what_are_no_plays_is_said(form: Visit, written: str, number: int):
    form.page.get_by_text("plays, by listener").click()
    field = form.page.get_by_label("One listener a line")
    field.fill(written)
    line = written.splitlines()[-1]
    sentence = f"Line {number}, “{line}”, is no listener with a number of plays."
    form.page.get_by_text(sentence).wait_for()
    # Nothing is asked of them.
    assert form.page.get_by_text("Begin with a word").is_visible()
    form.page.get_by_role("button", name="Begin anew").click()
    assert field.get_attribute("aria-invalid") is None


def test_listeners_whom_the_model_does_not_know(form: Visit):
    form.expected = "400"
    form.page.get_by_text("plays, by listener").click()
    form.page.get_by_label("One listener a line").fill("nobody 3")
    form.page.get_by_text("Nothing is known of this artist").first.wait_for()
    assert "plays of listeners that it knows" in form.page.locator("#live").inner_text()


@pytest.mark.parametrize("window", [WIDE, PHONE])
def test_the_form_of_plays_has_manners(browser: Any, listened: Asked, window: dict[str, int]):
    for visit in visiting(browser, listened.server, viewport=window):
        visit.go("#/new?word=tags:dub")
        visit.page.locator(".row").first.wait_for()
        visit.page.get_by_text("plays, by listener").click()
        with visit.page.expect_response(NEW):
            visit.page.get_by_label("One listener a line").fill(f"{ANN} 3\n{BOB} 1")
        check_manners(visit)


def test_a_model_without_plays_is_not_asked_for_them(visit: Visit):
    assert not visit.ask("about")["takes_plays"]
    visit.go("#/new")
    visit.page.get_by_text("audio, 3 numbers").wait_for()
    assert visit.page.get_by_text("plays, by listener").count() == 0
