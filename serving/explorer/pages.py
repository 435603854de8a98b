"""The explorer's page and what belongs to it: files that hold no data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aiohttp import web

from serving.embedded.status import NOT_FOUND, Refused

_FOLDER: Final = Path(__file__).with_name("page")
_INDEX: Final = "index.html"
_STATIC: Final = "/explorer/static/"

_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
}

_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Kept, but asked for again each time: a page and its scripts are of one version.
    "Cache-Control": "no-cache",
}


def is_page(path: str) -> bool:
    """Whether a path is one of the page, which is open: it holds no data."""
    return path == "/" or path.startswith(_STATIC)


class Pages:
    """Serves the files of a folder, which are read once, so that nothing else can be asked for.

    Args:
      folder: with index.html and its scripts and styles; no folders in it.
    """

    def __init__(self, folder: Path = _FOLDER):
        self._files = {
            file.name: file.read_bytes()
            for file in sorted(folder.glob("*"))
            if file.suffix in _TYPES
        }
        self._tags = {
            name: f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            for name, content in self._files.items()
        }

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/", self._file)
        app.router.add_get(_STATIC + "{file}", self._file)

    async def _file(self, request: web.Request) -> web.Response:
        request["asked"] = "explorer"
        name = request.match_info.get("file", _INDEX)
        content = self._files.get(name)
        if content is None:
            raise Refused(NOT_FOUND, f"The explorer has no file '{name[:100]}'.")
        headers = {**_HEADERS, "ETag": self._tags[name]}
        if self._tags[name] in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = _TYPES[Path(name).suffix]
        return web.Response(body=content, headers=headers)
