"""What the explorer's page owes everybody: safety, plain failures, access, a phone."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.serving.explorer.page_catalogue import HOSTILE, NAMES, artist_id
from tests.serving.explorer.page_visit import PHONE, WIDE, Visit, place_of, visiting
from tests.serving.running_server import RunningServer

SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


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


def test_an_artist_that_there_is_not(visit: Visit):
    visit.expected = "404"
    visit.go("#/artist/nobody")
    visit.page.get_by_role("heading", name="Not in the catalogue").wait_for()
    visit.page.get_by_role("button", name="Surprise me instead").click()
    visit.page.locator(".row").first.wait_for()
    assert visit.title() in NAMES


def test_a_token_is_asked_for(browser: Any, named_root: Path, tmp_path: Path):
    environment = {"ARTIST_SIM_TOKEN": "open sesame"}
    with RunningServer(named_root, tmp_path / "log.txt", (), environment) as guarded:
        for visit in visiting(browser, guarded, viewport=WIDE):
            visit.expected = "401"
            visit.go(place_of("Tricky"))
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
    about = {"model": "artist_sim", "version": "7", "explorable": False, "takes_plays": False}
    visit.page.route(re.compile("/about"), lambda route: route.fulfill(body=json.dumps(about)))
    visit.go()
    visit.page.get_by_text("brings no data for the explorer: run the pipeline again").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(browser: Any, named_server: RunningServer, scheme: str):
    options = {"viewport": PHONE, "color_scheme": scheme, "has_touch": True, "is_mobile": True}
    for visit in visiting(browser, named_server, **options):
        for place in ("", place_of(HOSTILE), "#/new?word=tags:jazz"):
            visit.go(place)
            visit.settled()
            for pane in ("list", "graph", "map"):
                button = visit.page.locator(f".panes [data-pane={pane}]")
                if button.is_hidden():
                    continue
                button.tap()
                assert not visit.page.evaluate(SIDEWAYS), (place, pane)
                assert button.get_attribute("aria-pressed") == "true"
                assert visit.page.locator("#panel").is_visible() == (pane == "list")
        check_manners(visit)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_manners(browser: Any, named_server: RunningServer, scheme: str):
    for visit in visiting(browser, named_server, viewport=WIDE, color_scheme=scheme):
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


def test_the_groups_colours_stand_out(browser: Any, named_server: RunningServer):
    for scheme, paper in (("light", (246, 245, 241)), ("dark", (18, 20, 26))):
        for visit in visiting(browser, named_server, viewport=WIDE, color_scheme=scheme):
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
def test_things_stand_still_for_whoever_wants_it(
    browser: Any, named_server: RunningServer, motion: str
):
    for visit in visiting(browser, named_server, viewport=WIDE, reduced_motion=motion):
        visit.go("#/new?word=tags:jazz")
        visit.page.locator(".row").first.wait_for()
        name = visit.page.locator(".landing span").first.evaluate(
            "one => getComputedStyle(one).animationName"
        )
        assert (name == "none") == (motion == "reduce")
