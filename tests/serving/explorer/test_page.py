"""The explorer's page in a real browser, on the embedded server with a small model."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.serving.explorer.browser import running_browser
from tests.serving.explorer.page_catalogue import HOSTILE, NAMES, artist_id, push_named
from tests.serving.running_server import RunningServer

WITHIN = 20.0
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
NO_PLACE_TO_WALK = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explored") / "artist_sim"
    push_named(folder / "7")
    return folder


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Any]:
    with running_browser(request.config) as browser:
        yield browser


# After the browser, so that no model is trained where there is none.
@pytest.fixture(scope="module")
def served(browser: Any, request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    root = request.getfixturevalue("root")
    with RunningServer(root, root.parent / "log.txt") as server:
        yield server


@dataclasses.dataclass
class Visit:
    """A browser's page at the explorer, and what must not have happened there."""

    page: Any
    base: str
    server: RunningServer
    # What a test makes fail on purpose, as the console's messages have it.
    expected: str | None = None

    def __post_init__(self) -> None:
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.set_default_timeout(WITHIN * 1000)

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning") and not (
            self.expected and re.search(self.expected, message.text)
        ):
            self.complaints.append(message.text)

    def go(self, place: str = "") -> None:
        self.page.goto(f"{self.base}/{place}")

    def artist(self, name: str) -> None:
        self.go(f"#/artist/{quote(artist_id(name), safe='')}")
        self.at(name)

    def at(self, name: str) -> None:
        """Waits until an artist is the present one, with its answers."""
        self.until(
            "name => document.querySelector('h2')?.textContent === name"
            " && !document.querySelector('[aria-busy]')",
            name,
        )

    def settled(self) -> None:
        self.until(
            "() => document.querySelector('h2')"
            " && !document.querySelector('[aria-busy], .loading')"
        )

    def until(self, condition: str, given: Any = None) -> None:
        """Waits from outside: what Playwright itself runs in the page needs eval, which is forbidden."""
        deadline = time.monotonic() + WITHIN
        while not self.page.evaluate(condition, given):
            assert time.monotonic() < deadline, f"{condition} ({given}) within {WITHIN} s"
            self.page.wait_for_timeout(30)

    def rows(self) -> list[str]:
        self.settled()
        return self.page.locator(".row .who a").all_inner_texts()

    def ask(self, path: str, **parameters: Any) -> Any:
        answer = self.server.address.get(f"/explorer/api/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def title(self) -> str:
        return self.page.locator("h2").inner_text()


@pytest.fixture
def visit(browser: Any, served: RunningServer) -> Iterator[Visit]:
    """At the wide window; whatever happens, no other host is asked and nothing is complained of."""
    yield from visiting(browser, served, viewport=WIDE)


def visiting(browser: Any, served: RunningServer, **options: Any) -> Iterator[Visit]:
    context = browser.new_context(**options)
    base = served.address.url("")
    visit = Visit(context.new_page(), base, served)
    yield visit
    context.close()
    assert visit.complaints == []
    assert visit.hosts <= {urlsplit(base).netloc}


def test_the_page_keeps_to_its_policy(visit: Visit):
    # The header is there, and the browser refuses what it forbids.
    visit.expected = "Content Security Policy"
    with visit.page.expect_response(lambda response: response.url == f"{visit.base}/") as answer:
        visit.go()
    policy = answer.value.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    visit.settled()
    ran = visit.page.evaluate(
        "() => { const script = document.createElement('script');"
        " script.textContent = 'window.inline = 1'; document.body.append(script);"
        " return window.inline === 1; }"
    )
    assert not ran


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


def test_the_neighbourhood(visit: Visit):
    visit.artist("Slayer")
    asked = visit.ask("neighborhood", id=artist_id("Slayer"), k=15)
    nodes = visit.page.locator("#graph .node")
    assert nodes.locator("text").all_text_contents() == [node["name"] for node in asked["nodes"]]
    pairs = {
        kind: {
            frozenset((link["source"], link["target"]))
            for link in asked["links"]
            if link["kind"] == kind
        }
        for kind in ("known", "similar")
    }
    graph = visit.page.locator("#graph .links")
    assert graph.locator(".known").count() == len(pairs["known"])
    assert graph.locator(".similar").count() == len(pairs["similar"] - pairs["known"])
    dashes = "one => getComputedStyle(one).strokeDasharray"
    assert graph.locator(".known").first.evaluate(dashes) == "none"
    assert graph.locator(".similar").first.evaluate(dashes) != "none"
    nodes.nth(3).focus()
    visit.page.keyboard.press("Enter")
    visit.at(asked["nodes"][3]["name"])
    # The walk goes on in the picture.
    label = visit.page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert label == f"{asked['nodes'][3]['name']}, in the middle"


def test_the_neighbourhoods_layout(visit: Visit):
    visit.go()
    visit.settled()
    found = visit.page.evaluate(
        """async () => {
          const { layout, ringsOf } = await import("/explorer/static/graph_layout.js");
          const nodes = Array.from({ length: 16 }, (_, i) => (
            { id: `n${i}`, score: i ? 1 - i / 20 : null, width: 40 + 9 * (i % 7) }));
          const links = nodes.slice(2).map((node, i) => (
            { source: node.id, target: nodes[(i * 7) % 15 + 1].id, kind: "known" }));
          const draw = () => layout(nodes, links, 700, 600, 40);
          return { rings: ringsOf([0.9, 0.5, 0.7]), equal: ringsOf([0.3, 0.3]),
            first: draw(), second: draw(), widths: nodes.map((node) => node.width),
            alone: layout(nodes.slice(0, 1), [], 300, 300, 40) };
        }"""
    )
    assert found["rings"] == pytest.approx([0.42, 1, 0.71]) and found["equal"] == [0.75, 0.75]
    assert found["first"] == found["second"]
    assert len(found["alone"]) == 1
    places, widths = found["first"], found["widths"]
    for i, one in enumerate(places):
        assert widths[i] / 2 <= one["x"] <= 700 - widths[i] / 2 and 0 < one["y"] < 600
        for j, other in enumerate(places[:i]):
            beside = abs(one["x"] - other["x"]) >= (widths[i] + widths[j]) / 2
            assert beside or abs(one["y"] - other["y"]) >= 39.9, (i, j)


def test_the_map(visit: Visit):
    visit.go()
    visit.settled()
    columns = visit.ask("map")
    canvas = visit.page.locator("#map canvas")
    assert f"{len(NAMES)} artists" in canvas.get_attribute("aria-label")
    box = canvas.bounding_box()
    scale = min(box["width"], box["height"]) / 2.16

    def pixel(name: str) -> tuple[float, float]:
        place = columns["name"].index(name)
        x, y = columns["x"][place], columns["y"][place]
        return box["x"] + box["width"] / 2 + x * scale, box["y"] + box["height"] / 2 - y * scale

    places = {name: pixel(name) for name in NAMES}

    def distance(one: str, other: str) -> float:
        (x, y), (u, v) = places[one], places[other]
        return ((x - u) ** 2 + (y - v) ** 2) ** 0.5

    # One that stands alone enough to be hit.
    name = max(NAMES, key=lambda one: min(distance(one, it) for it in NAMES if it != one))
    visit.page.mouse.move(*places[name])
    visit.page.locator("#map .tip").get_by_text(name).wait_for()
    # A group that is taken off cannot be hit, until it is put back.
    group = columns["groups"][columns["group"][columns["name"].index(name)]]
    entry = visit.page.locator("#map .legend button").filter(has_text=group)
    entry.click()
    assert entry.get_attribute("aria-pressed") == "false"
    visit.page.mouse.click(*places[name])
    visit.page.wait_for_timeout(100)
    assert "#/artist" not in visit.page.url
    entry.click()
    # A drag is no click.
    visit.page.mouse.move(*places[name])
    visit.page.mouse.down()
    visit.page.mouse.move(places[name][0] + 40, places[name][1], steps=4)
    visit.page.mouse.up()
    assert "#/artist" not in visit.page.url
    visit.page.mouse.click(places[name][0] + 40, places[name][1])
    visit.at(name)


def test_the_map_by_keyboard(visit: Visit):
    visit.go()
    visit.settled()
    canvas = visit.page.locator("#map canvas")
    columns = visit.ask("map")
    canvas.focus()
    for key in ("+", "+", "ArrowLeft", "-", "0"):
        canvas.press(key)
    visit.page.wait_for_timeout(900)
    # 0 shows all: the middle is the middle of the map again. An arrow key moves by 60 pixels.
    box = canvas.bounding_box()
    scale = min(box["width"], box["height"]) / 2.16
    place = columns["name"].index("Kreator")
    across, up = (round(columns[axis][place] * scale / 60) for axis in "xy")
    for _ in range(abs(across)):
        canvas.press("ArrowRight" if across > 0 else "ArrowLeft")
    for _ in range(abs(up)):
        canvas.press("ArrowUp" if up > 0 else "ArrowDown")
    # The one nearest to the middle is said, which another one may be by now.
    middle = (across * 60 / scale, up * 60 / scale)

    def distance(row: int) -> float:
        return (columns["x"][row] - middle[0]) ** 2 + (columns["y"][row] - middle[1]) ** 2

    name = columns["name"][min(range(len(NAMES)), key=distance)]
    assert visit.page.locator("#live").inner_text() == name
    canvas.press("Enter")
    visit.at(name)
    assert canvas.evaluate("one => document.activeElement === one || one.offsetWidth === 0")


def test_the_nearest_of_the_map(visit: Visit):
    visit.go()
    visit.settled()
    wrong = visit.page.evaluate(
        """async () => {
          const { Points } = await import("/explorer/static/map_points.js");
          let seed = 1;
          const draw = () => (seed = (seed * 16807) % 2147483647) / 1073741824 - 1;
          const x = Float32Array.from({ length: 900 }, draw);
          const y = Float32Array.from({ length: 900 }, draw);
          const points = new Points({ x: [...x], y: [...y], group: x.map(() => 0), groups: ["a"] });
          const wrong = [];
          for (let trial = 0; trial < 400; trial += 1) {
            const [u, v, reach] = [draw() * 1.1, draw() * 1.1, Math.abs(draw()) * 0.2];
            const shown = (i) => i % 3 !== trial % 3;
            let best = -1;
            for (let i = 0; i < 900; i += 1) {
              const squared = (i) => (x[i] - u) ** 2 + (y[i] - v) ** 2;
              const near = shown(i) && squared(i) < reach ** 2;
              if (near && (best < 0 || squared(i) < squared(best))) best = i;
            }
            if (points.nearest(u, v, reach, shown) !== best) wrong.push(trial);
          }
          return wrong;
        }"""
    )
    assert wrong == []


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


def test_a_hostile_name_is_text(visit: Visit):
    visit.artist(HOSTILE)
    assert visit.title() == HOSTILE
    for view in ("map", "graph"):
        visit.page.locator(f".panes [data-pane={view}]").click()
    visit.page.locator(".row .who a").first.click()
    visit.until("() => document.querySelectorAll('.trail a').length === 2")
    visit.page.get_by_role("combobox", name="Search for an artist").fill("<img src=x")
    visit.page.get_by_role("option").get_by_text(HOSTILE).first.wait_for()
    visit.go(f"#/new?near={quote(artist_id(HOSTILE), safe='')}")
    visit.page.get_by_role("button", name=f"Remove {HOSTILE}").wait_for()
    visit.page.wait_for_timeout(300)
    assert visit.page.evaluate("window.hacked") is None
    assert visit.page.locator("img").count() == 0


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


def test_an_artist_that_there_is_not(visit: Visit):
    visit.expected = "404"
    visit.go("#/artist/nobody")
    visit.page.get_by_role("heading", name="Not in the catalogue").wait_for()
    visit.page.get_by_role("button", name="Surprise me instead").click()
    visit.page.locator(".row").first.wait_for()
    assert visit.title() in NAMES


def test_a_token_is_asked_for(browser: Any, root: Path, tmp_path: Path):
    environment = {"ARTIST_SIM_TOKEN": "open sesame"}
    with RunningServer(root, tmp_path / "log.txt", (), environment) as guarded:
        for visit in visiting(browser, guarded, viewport=WIDE):
            visit.expected = "401"
            visit.go(f"#/artist/{quote(artist_id('Tricky'), safe='')}")
            field = visit.page.locator("#token")
            field.fill("open barley")
            visit.page.get_by_role("button", name="Go on").click()
            visit.page.get_by_text("did not take that token").wait_for()
            visit.page.get_by_role("button", name="Not now").click()
            visit.page.get_by_text("This server answers only with its token.").wait_for()
            visit.page.get_by_role("button", name="Try again").click()
            field.fill("open sesame")
            field.press("Enter")
            visit.at("Tricky")
            # It is kept for the tab.
            visit.page.reload()
            visit.at("Tricky")
            assert visit.page.locator("dialog").count() == 0


def test_a_server_that_goes_and_comes_back(visit: Visit):
    visit.expected = "ERR_CONNECTION_REFUSED|ERR_FAILED"
    visit.artist("Air")
    pattern = re.compile("/explorer/api/")
    visit.page.route(pattern, lambda route: route.abort("connectionrefused"))
    visit.page.locator(".row .who a").first.click()
    visit.page.get_by_text("The server does not answer; the page tries again").wait_for()
    visit.page.unroute(pattern)
    visit.page.get_by_role("button", name="Try now").click()
    visit.page.get_by_text("The server does not answer").first.wait_for(state="detached")
    visit.page.locator(".row").first.wait_for()


def test_another_version_is_noted(visit: Visit):
    visit.artist("Air")
    about = {**visit.ask("about"), "version": "8"}
    visit.page.route(re.compile("/about"), lambda route: route.fulfill(body=json.dumps(about)))
    assert "version 7" in visit.page.locator("footer").inner_text()
    visit.page.locator(".row .who a").first.click()
    visit.page.get_by_text("Version 8 answers now, this page began with 7.").wait_for()
    visit.page.get_by_role("button", name="Load it").click()
    visit.page.locator("footer").get_by_text("version 8").wait_for()


def test_a_version_without_data_to_explore(visit: Visit):
    about = {"model": "artist_sim", "version": "7", "explorable": False}
    visit.page.route(re.compile("/about"), lambda route: route.fulfill(body=json.dumps(about)))
    visit.go()
    visit.page.get_by_text("brings no data for the explorer: run the pipeline again").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(browser: Any, served: RunningServer, scheme: str):
    options = {"viewport": PHONE, "color_scheme": scheme, "has_touch": True, "is_mobile": True}
    for visit in visiting(browser, served, **options):
        for place in ("", f"#/artist/{quote(artist_id(HOSTILE), safe='')}", "#/new?word=tags:jazz"):
            visit.go(place)
            visit.settled()
            for pane in ("list", "graph", "map"):
                button = visit.page.locator(f".panes [data-pane={pane}]")
                if button.is_hidden():
                    continue
                button.tap()
                assert not visit.page.evaluate(NO_PLACE_TO_WALK), (place, pane)
                assert button.get_attribute("aria-pressed") == "true"
                assert visit.page.locator("#panel").is_visible() == (pane == "list")
        check_manners(visit)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_manners(browser: Any, served: RunningServer, scheme: str):
    for visit in visiting(browser, served, viewport=WIDE, color_scheme=scheme):
        visit.go()
        visit.settled()
        check_manners(visit)
        visit.artist("Beyoncé")
        visit.page.get_by_text("Filters").click()
        visit.page.locator(".leave-out").first.click()
        visit.page.get_by_text("1 artist left out").wait_for()
        check_manners(visit)
        visit.page.locator(".panes [data-pane=map]").click()
        check_manners(visit)
        visit.go("#/new?word=tags:jazz")
        visit.page.locator(".row").first.wait_for()
        visit.page.get_by_text("audio, 3 numbers").click()
        visit.page.get_by_role("combobox", name="tags").click()
        visit.page.get_by_role("option").first.wait_for()
        check_manners(visit)


MANNERS = """() => {
  const wrong = [];
  const seen = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const say = (what, one) => wrong.push(`${what}: ${one.outerHTML.slice(0, 120)}`);
  const channels = (colour) => {
    const numbers = colour.match(/[\\d.]+(e-?\\d+)?/g).map(Number);
    if (!colour.startsWith("color(")) for (let i = 0; i < 3; i += 1) numbers[i] /= 255;
    return numbers;
  };
  const light = (colour) => channels(colour).slice(0, 3)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (one) => {
    for (let node = one; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0.99) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  if (document.documentElement.lang !== "en") wrong.push("no language");
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
  for (const tag of ["header", "main", "footer"]) {
    if (!document.querySelector(`body > ${tag}`)) wrong.push(`no ${tag}`);
  }
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    if (Number(heading.tagName[1]) > level + 1) say("heading out of order", heading);
    level = Number(heading.tagName[1]);
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  if (new Set(ids).size !== ids.length) wrong.push("an id twice");
  for (const name of ["aria-controls", "aria-labelledby", "aria-describedby"]) {
    for (const one of document.querySelectorAll(`[${name}]`)) {
      for (const id of (one.getAttribute(name) ?? "").split(" ").filter(Boolean)) {
        if (!document.getElementById(id)) say(`${name} leads nowhere`, one);
      }
    }
  }
  for (const one of document.querySelectorAll("button, a[href], input, select, textarea, canvas")) {
    if (!seen(one)) continue;
    const name = one.getAttribute("aria-label") || one.textContent.trim() || one.title
      || [...(one.labels ?? [])].map((label) => label.textContent.trim()).join("");
    if (!name) say("no name", one);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    const inside = one.closest("script, style, .unseen, svg, noscript, option, select");
    if (!walker.currentNode.data.trim() || inside || !seen(one)) continue;
    const [text, back] = [light(getComputedStyle(one).color), light(ground(one))];
    const contrast = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
    if (contrast < 4.5) say(`contrast ${contrast.toFixed(2)}`, one);
  }
  return wrong;
}"""


def check_manners(visit: Visit) -> None:
    """Names, roles, headings and contrast; by axe-core too, where AXE_CORE is its script."""
    # What fades in has its own contrast only at the end.
    visit.settled()
    visit.page.wait_for_timeout(500)
    assert visit.page.evaluate(MANNERS) == []
    script = os.environ.get("AXE_CORE")
    if script:
        visit.page.evaluate(Path(script).read_text() + "; undefined")
        # A shortened name ends with … in the picture; what is said is the whole name.
        rules = {"label-content-name-mismatch": {"enabled": False}}
        found = visit.page.evaluate("rules => axe.run({rules})", rules)["violations"]
        assert [
            (rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found
        ] == []


def test_the_groups_colours_stand_out(browser: Any, served: RunningServer):
    for scheme, paper in (("light", (246, 245, 241)), ("dark", (18, 20, 26))):
        for visit in visiting(browser, served, viewport=WIDE, color_scheme=scheme):
            visit.go()
            colours = visit.page.evaluate(
                """async () => {
                  const { groupColour } = await import("/explorer/static/palette.js");
                  const groups = [..."abcdefghijk", "other"];
                  return groups.map((_, g) => groupColour(g, groups));
                }"""
            )
            assert len(set(colours)) == 12
            for colour in colours:
                shown = tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))
                one, other = sorted([luminance(shown), luminance(paper)])
                assert (other + 0.05) / (one + 0.05) >= 3, (scheme, colour)


def luminance(colour: tuple[int, ...]) -> float:
    linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_things_stand_still_for_whoever_wants_it(browser: Any, served: RunningServer, motion: str):
    for visit in visiting(browser, served, viewport=WIDE, reduced_motion=motion):
        visit.go("#/new?word=tags:jazz")
        visit.page.locator(".row").first.wait_for()
        name = visit.page.locator(".landing span").first.evaluate(
            "one => getComputedStyle(one).animationName"
        )
        assert (name == "none") == (motion == "reduce")
