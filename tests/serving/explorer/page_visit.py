"""A browser's page at the explorer, for tests."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, urlsplit

from tests.serving.explorer.page_catalogue import artist_id
from tests.serving.running_server import RunningServer

WITHIN: Final = 20.0
WIDE: Final = {"width": 1280, "height": 900}
PHONE: Final = {"width": 360, "height": 740}


def place_of(name: str) -> str:
    """The page's address of an artist."""
    return f"#/artist/{quote(artist_id(name), safe='')}"


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
        self.go(place_of(name))
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
            "() => document.querySelector('h2') && !document.querySelector('[aria-busy], .loading')"
        )

    def until(self, condition: str, given: Any = None) -> None:
        """Waits from outside: Playwright's own waiting needs eval, which the page forbids."""
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


def visiting(browser: Any, server: RunningServer, **options: Any) -> Iterator[Visit]:
    """A visit of its own; no other host is asked, and nothing is complained of."""
    context = browser.new_context(**options)
    base = server.address.url("")
    visit = Visit(context.new_page(), base, server)
    yield visit
    context.close()
    assert visit.complaints == []
    assert visit.hosts <= {urlsplit(base).netloc}
