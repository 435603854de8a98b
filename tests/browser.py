"""The system's browser, for tests of pages; where there is none they say so and are skipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)
_MISSING = (
    "The explorer's page and the judge's, for want of a browser (looked for: "
    f"{', '.join(_BROWSERS)}); on Debian or Ubuntu: apt-get install chromium"
)


def browser_path() -> str:
    """Where the browser is; skips where there is none, which the tests' summary says."""
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        pytest.skip(_MISSING)
    return path


@contextmanager
def running_browser(path: str) -> Iterator[Any]:
    """A browser of Playwright, whose event loop runs in this thread until its end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_OPTIONS))
        try:
            yield browser
        finally:
            browser.close()
