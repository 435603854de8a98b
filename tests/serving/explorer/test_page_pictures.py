"""The explorer's neighbourhood and map in a real browser."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.serving.explorer.page_catalogue import NAMES, artist_id
from tests.serving.explorer.page_visit import WIDE, Visit, visiting
from tests.serving.running_server import RunningServer


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


Pixels = dict[str, tuple[float, float]]


def pixels(visit: Visit) -> Pixels:
    """Where the whole map, as it is shown at first, has each artist."""
    columns = visit.ask("map")
    box = visit.page.locator("#map canvas").bounding_box()
    scale = min(box["width"], box["height"]) / 2.16
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return {
        name: (middle[0] + x * scale, middle[1] - y * scale)
        for name, x, y in zip(columns["name"], columns["x"], columns["y"], strict=True)
    }


def alone(places: Pixels) -> str:
    """The one that stands alone enough to be hit."""
    return max(
        places,
        key=lambda one: min(math.dist(places[one], places[it]) for it in places if it != one),
    )


def test_the_map(visit: Visit):
    visit.go()
    visit.settled()
    columns = visit.ask("map")
    canvas = visit.page.locator("#map canvas")
    assert f"{len(NAMES)} artists" in canvas.get_attribute("aria-label")
    places = pixels(visit)
    name = alone(places)
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


def test_the_map_by_two_fingers(browser: Any, named_server: RunningServer):
    """What is under the fingers stays under them, and what is around it moves apart."""
    for visit in visiting(browser, named_server, viewport=WIDE, has_touch=True):
        visit.go()
        visit.settled()
        before = pixels(visit)
        name = alone(before)
        x, y = before[name]
        # From 80 pixels apart to 240, while the hand moves.
        middle, factor = (x + 24, y - 18), 3
        touch = visit.page.context.new_cdp_session(visit.page)

        def fingers(kind: str, *points: tuple[float, float], touch: Any = touch) -> None:
            at = [{"x": x, "y": y, "id": place} for place, (x, y) in enumerate(points)]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

        fingers("touchStart", (x - 40, y))
        fingers("touchStart", (x - 40, y), (x + 40, y))
        for share in (0.25, 0.5, 0.75, 1.0):
            half = 40 + 80 * share
            here = x + 24 * share, y - 18 * share
            fingers("touchMove", (here[0] - half, here[1]), (here[0] + half, here[1]))
        fingers("touchEnd", (middle[0] - 120, middle[1]))
        fingers("touchEnd")
        # It was no tap.
        visit.page.wait_for_timeout(100)
        assert "#/artist" not in visit.page.url and visit.page.locator("#map .tip").is_hidden()
        after = {
            one: (middle[0] + factor * (u - x), middle[1] + factor * (v - y))
            for one, (u, v) in before.items()
        }
        box = visit.page.locator("#map canvas").bounding_box()
        inside = [
            one
            for one, (u, v) in after.items()
            if 9 < u - box["x"] < box["width"] - 9 and 9 < v - box["y"] < box["height"] - 9
            if min(math.dist((u, v), after[it]) for it in after if it != one) > 6
        ]
        assert name in inside and len(inside) > 1
        for one in inside:
            visit.page.mouse.move(*after[one])
            visit.page.locator("#map .tip").get_by_text(one).wait_for()
        # A finger has no hover: its first tap says who it is, the second goes there.
        visit.page.mouse.move(box["x"] + 2, box["y"] + 2)
        visit.page.touchscreen.tap(*middle)
        visit.page.locator("#map .tip").get_by_text(name).wait_for()
        assert "#/artist" not in visit.page.url
        visit.page.touchscreen.tap(*middle)
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
