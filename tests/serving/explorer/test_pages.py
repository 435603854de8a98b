"""The page's files: their types, headers and tags, and nothing beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from serving.embedded.status import Refused
from serving.explorer.pages import Pages, is_page


@web.middleware
async def refusals(request: web.Request, handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as error:
        return web.json_response({"error": error.message}, status=error.http)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    page = tmp_path / "page"
    page.mkdir()
    (page / "index.html").write_text("<!doctype html><p>é")
    (page / "main.js").write_text("export {};")
    (page / "explorer.css").write_text("p {}")
    (page / "notes.txt").write_text("not for others")
    (tmp_path / "secret.js").write_text("secret")
    return page


def asked(folder: Path, ask: Callable[[TestClient], Awaitable[None]]) -> None:
    async def run() -> None:
        app = web.Application(middlewares=[refusals])
        Pages(folder).add_to(app)
        async with TestClient(TestServer(app)) as client:
            await ask(client)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "content_type", "content"),
    [
        ("/", "text/html; charset=utf-8", "<!doctype html><p>é"),
        ("/explorer/static/index.html", "text/html; charset=utf-8", "<!doctype html><p>é"),
        ("/explorer/static/main.js", "text/javascript; charset=utf-8", "export {};"),
        ("/explorer/static/explorer.css", "text/css; charset=utf-8", "p {}"),
    ],
)
def test_a_file_comes_with_its_type_and_its_headers(folder, path, content_type, content):
    async def ask(client: TestClient) -> None:
        answer: ClientResponse = await client.get(path)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == content_type
        assert await answer.text() == content
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert policy == [
            "default-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
        tag = answer.headers["ETag"]
        again = await client.get(path, headers={"If-None-Match": tag})
        assert (again.status, await again.text()) == (304, "")
        other = await client.get(path, headers={"If-None-Match": '"0"'})
        assert other.status == 200

    asked(folder, ask)


@pytest.mark.parametrize(
    "path", ["nothing.js", "notes.txt", "..%2Fsecret.js", "%2Fetc%2Fpasswd", "x%00.js", ""]
)
def test_nothing_else_is_served(folder, path):
    async def ask(client: TestClient) -> None:
        answer = await client.get(f"/explorer/static/{path}")
        assert answer.status == 404
        assert "secret" not in await answer.text() or path == "..%2Fsecret.js"

    asked(folder, ask)


def test_two_files_have_different_tags(folder):
    async def ask(client: TestClient) -> None:
        tags = {
            (await client.get(f"/explorer/static/{name}")).headers["ETag"]
            for name in ("index.html", "main.js", "explorer.css")
        }
        assert len(tags) == 3

    asked(folder, ask)


def test_the_page_alone_is_open():
    assert is_page("/")
    assert is_page("/explorer/static/main.js")
    assert not is_page("/explorer/api/about")
    assert not is_page("/metrics")
