"""The explorer's page in a real browser: search, the walk, filters and a new artist."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from tests.serving.explorer.page_catalogue import NAMES, artist_id
from tests.serving.explorer.page_visit import Visit


@pytest.mark.parametrize(
    ("typed", "name"),
    [("beyonse", "Beyoncé"), ("BJORK", "Björk"), ("sigur r", "Sigur Rós"), ("roots", "The Roots")],
)
def test_search_forgives_accents_and_typing_errors(visit: Visit, typed: str, name: str):
    visit.go()
    visit.page.get_by_role("combobox", name="Search for an artist").press_sequentially(typed)
    first = visit.page.get_by_role("option").first
    first.get_by_text(name).wait_for()
    visit.page.keyboard.press("Enter")
    visit.at(name)


def test_search_is_a_combobox(visit: Visit):
    visit.go()
    field = visit.page.get_by_role("combobox", name="Search for an artist")
    assert field.get_attribute("aria-expanded") == "false"
    field.fill("m")
    visit.page.get_by_role("option").first.wait_for()
    assert field.get_attribute("aria-expanded") == "true"
    options = visit.page.get_by_role("option")
    listbox = visit.page.locator(f"#{field.get_attribute('aria-controls')}")
    assert listbox.get_attribute("role") == "listbox"
    for key, place in [
        ("ArrowDown", 0),
        ("ArrowDown", 1),
        ("ArrowUp", 0),
        ("ArrowUp", options.count() - 1),
        ("ArrowDown", 0),
    ]:
        field.press(key)
        active = visit.page.locator(f"#{field.get_attribute('aria-activedescendant')}")
        assert active.get_attribute("aria-selected") == "true"
        assert active.inner_text() == options.nth(place).inner_text()
        assert visit.page.locator("[role=option][aria-selected=true]").count() == 1
    field.press("Escape")
    assert field.get_attribute("aria-expanded") == "false" and field.input_value() == "m"
    assert field.get_attribute("aria-activedescendant") is None
    field.press("Escape")
    assert field.input_value() == ""
    field.fill("zzzzzz")
    visit.page.get_by_text("No artist is called anything like “zzzzzz”.").first.wait_for()


def test_an_answer_that_comes_late_is_not_shown(visit: Visit):
    late = []
    visit.page.route(re.compile(r"/search\?q=met&"), lambda route: late.append(route))
    visit.go()
    field = visit.page.get_by_role("combobox", name="Search for an artist")
    field.fill("met")
    while not late:
        visit.page.wait_for_timeout(20)
    field.fill("dea")
    visit.page.get_by_role("option", name="Death").wait_for()
    # The browser has given the first request up: it cannot be answered any more.
    assert late[0].request.failure is not None
    assert "Metallica" not in visit.page.get_by_role("option").all_inner_texts()


def test_walk_without_a_mouse(visit: Visit):
    visit.go()
    visit.settled()
    press = visit.page.keyboard.press
    focused = "document.activeElement.textContent"
    press("Tab")
    assert visit.page.evaluate(focused) == "Skip to the artists"
    press("Tab")
    press("Tab")
    visit.page.keyboard.type("metallica")
    visit.page.get_by_role("option").first.wait_for()
    press("ArrowDown")
    press("Enter")
    visit.at("Metallica")
    # The focus is where one reads on, and the next artist is not far.
    assert visit.page.evaluate(focused) == "Metallica"
    first = visit.rows()[0]
    for _ in range(12):
        press("Tab")
        if visit.page.evaluate(focused) == first:
            break
    press("Enter")
    visit.at(first)
    crumbs = visit.page.get_by_role("navigation", name="Your walk").get_by_role("link")
    assert crumbs.all_inner_texts() == ["Metallica", first]


def test_the_list_says_what_the_server_answers(visit: Visit):
    visit.artist("Nina Simone")
    answer = visit.ask("similar", id=artist_id("Nina Simone"))
    assert visit.rows() == [row["name"] for row in answer["similar"]]
    for row, shown in zip(answer["similar"], visit.page.locator(".row").all(), strict=True):
        text = shown.inner_text()
        assert f"{row['score']:.2f}" in text
        assert ("known" in text) == row["known"]
        shared = [word for words in row["shared_words"].values() for word in words]
        assert all(word in text for word in shared)
        count = row["shared_neighbors"]["count"]
        assert (f"{count} shared neighbour" in text) == (count > 0)
    assert f"{len(answer['similar'])} artists" in visit.page.locator("#live").inner_text()
    bars = visit.page.locator(".bar span").evaluate_all("all => all.map(one => one.style.width)")
    best = answer["similar"][0]["score"]
    for bar, row in zip(bars, answer["similar"], strict=True):
        assert float(bar[:-1]) == pytest.approx(max(0, row["score"] / best) * 100, abs=0.1)


def test_filters(visit: Visit):
    visit.artist("Björk")
    visit.page.get_by_text("Filters").click()
    visit.page.get_by_role("checkbox", name="audio").check()
    asked = {"id": artist_id("Björk"), "modality": "audio"}
    some = [row["name"] for row in visit.ask("similar", **asked)["similar"]]
    assert visit.rows() == some and "Portishead" not in some
    slider = visit.page.get_by_role("slider", name="Popularity")
    slider.focus()
    for _ in range(7):
        slider.press("ArrowRight")
    least = visit.ask("about")["popularity_quantiles"][7]
    fewer = [row["name"] for row in visit.ask("similar", min_popularity=least, **asked)["similar"]]
    assert visit.rows() == fewer and 0 < len(fewer) < len(some)
    assert slider.get_attribute("aria-valuetext") == f"{round(least, 1):g} or more: the top 30%"
    # They hold for the next artist too, and after the page is loaded again.
    visit.page.reload()
    assert visit.rows() == fewer
    visit.page.get_by_text("Filters").click()
    visit.page.get_by_role("checkbox", name="audio").uncheck()
    visit.page.get_by_label("Answers").select_option("5")
    assert len(visit.rows()) == 5


def test_filters_that_nobody_passes(visit: Visit):
    visit.artist("Björk")
    names = visit.rows()
    excluded = [{"id": artist_id(name), "name": name} for name in NAMES if name != "Björk"]
    visit.page.evaluate(
        "excluded => sessionStorage.setItem('artist_sim.filters', JSON.stringify({excluded}))",
        excluded,
    )
    visit.page.reload()
    visit.page.get_by_text("No similar artist passes these filters.").first.wait_for()
    visit.page.get_by_role("button", name="Take the filters off").click()
    visit.page.locator(".row").first.wait_for()
    assert visit.rows() == names


def test_leave_out_and_take_back(visit: Visit):
    visit.artist("Metallica")
    before = visit.rows()
    visit.page.get_by_role("button", name=f"Leave {before[1]} out").click()
    visit.page.get_by_text("1 artist left out").wait_for()
    assert before[1] not in visit.rows() and visit.rows()[1] == before[2]
    # Whoever works by keyboard is at the next one, not at the top of the page.
    focused = "document.activeElement.getAttribute('aria-label')"
    assert visit.page.evaluate(focused) == f"Leave {before[2]} out"
    assert before[1] not in visit.page.locator("#graph .node text").all_text_contents()
    visit.page.get_by_role("button", name=f"Take {before[1]} back").click()
    visit.page.get_by_text("1 artist left out").wait_for(state="detached")
    visit.settled()
    assert visit.rows() == before


def test_back_and_forward(visit: Visit):
    visit.artist("Nina Simone")
    second = visit.rows()[2]
    visit.page.get_by_role("link", name=second, exact=True).first.click()
    visit.at(second)
    third = visit.rows()[4]
    visit.page.locator(".row .who a").nth(4).click()
    visit.at(third)
    visit.page.go_back()
    visit.at(second)
    walk = visit.page.get_by_role("navigation", name="Your walk")
    assert walk.get_by_role("link").all_inner_texts() == ["Nina Simone", second, third]
    assert walk.locator("[aria-current=page]").inner_text() == second
    walk.get_by_role("link", name="Nina Simone").click()
    visit.at("Nina Simone")
    visit.page.go_forward()
    visit.page.go_forward()
    visit.at(third)
    # A new way from here on ends what lay ahead.
    visit.page.go_back()
    visit.at(second)
    other = visit.rows()[5]
    visit.page.locator(".row .who a").nth(5).click()
    visit.at(other)
    assert walk.get_by_role("link").all_inner_texts() == ["Nina Simone", second, other]


def test_a_new_artist(visit: Visit):
    visit.go("#/new")
    visit.page.get_by_text("Begin with a word").wait_for()
    visit.page.get_by_role("combobox", name="tags").fill("metl")
    visit.page.get_by_role("option", name="metal").click()
    visit.page.locator(".row").first.wait_for()
    visit.settled()

    def answered(content: dict[str, Any], neighbors: Sequence[str] = ()) -> list[str]:
        body = {"content": content, "neighbors": list(neighbors)}
        answer = visit.server.address.post("/explorer/api/new", body)
        assert answer.status_code == 200, answer.text
        return [row["name"] for row in answer.json()["similar"]]

    assert visit.rows() == answered({"tags": {"metal": 1}})
    assert visit.page.locator(".landing span").first.is_visible()
    visit.page.get_by_role("combobox", name="Known to be similar to").fill("bjork")
    with visit.page.expect_response(re.compile("/explorer/api/new")):
        visit.page.get_by_role("option", name="Björk").click()
    visit.page.get_by_role("button", name="Remove Björk").wait_for()
    assert visit.rows() == answered({"tags": {"metal": 1}}, [artist_id("Björk")])
    visit.page.get_by_text("audio, 3 numbers").click()
    numbers = visit.page.get_by_label("The 3 numbers of audio")
    numbers.fill("1.5, zwei")
    visit.page.get_by_text("“zwei” is no number.").wait_for()
    assert numbers.get_attribute("aria-invalid") == "true"
    numbers.fill("1.5 2")
    visit.page.get_by_text("2 of 3 numbers.").wait_for()
    with visit.page.expect_request(re.compile("/explorer/api/new")) as request:
        numbers.fill("9, -9 1e0")
        visit.page.get_by_text("All 3 numbers are there.").wait_for()
        visit.page.wait_for_timeout(600)
    assert request.value.post_data_json["content"] == {"tags": {"metal": 1}, "audio": [9, -9, 1]}
    assert visit.rows() == answered(
        {"tags": {"metal": 1}, "audio": [9, -9, 1]}, [artist_id("Björk")]
    )
    # What was added can be taken off, and by the browser's back as well.
    visit.page.go_back()
    visit.page.get_by_role("button", name="Remove Björk").wait_for(state="detached")
    visit.page.get_by_role("button", name="Remove metal").click()
    visit.page.get_by_role("button", name="Begin anew").click()
    visit.page.get_by_text("Begin with a word").wait_for()


def test_addresses_hold_any_id(visit: Visit):
    visit.go()
    ids = ["a", "a/b", "a?b#c", "100%", "ü ñ", "..", "%2F", "💿", "a:b&c=d", "new"]
    found = visit.page.evaluate(
        """async (ids) => {
          const { parseRoute, toArtist, toNew } = await import("/explorer/static/route.js");
          const strange = ["", "#", "#/nowhere", "#/artist/", "#/artist/%E0%A4%A"];
          return { back: ids.map((id) => parseRoute(toArtist(id)).id),
            made: parseRoute(toNew(ids.map((id) => ["tags", id]), ids)),
            strange: strange.map((hash) => parseRoute(hash).view) };
        }""",
        ids,
    )
    assert found["back"] == ids
    assert found["made"] == {"view": "new", "words": [["tags", one] for one in ids], "near": ids}
    assert found["strange"] == ["home"] * 5
