"""What the explorer's page asks its server, all of it under /explorer/api/."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import orjson
from aiohttp import web

from catalogues.spec import LISTENING
from serving.embedded import json_tensors
from serving.embedded.asking import Asking
from serving.embedded.bodies import read_body
from serving.embedded.predictor import Predictor
from serving.embedded.status import FAILED_PRECONDITION, INVALID_ARGUMENT, Refused
from serving.explorer import asked, model, views
from serving.explorer.asked import FILTERS, Parameters, row_of
from serving.explorer.data import ExplorerData, Words
from serving.explorer.explorable import Explorable
from serving.explorer.new_request import is_known, read_new
from serving.explorer.reasons import described, described_new

_PREFIX: Final = "/explorer/api/"
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_LINKED: Final = 10
"""Two neighbours are linked if one is among as many most similar artists of the other."""
_PLACED_BY: Final = 10
"""The nearest artists that a new one is placed among."""

Work = Callable[[Asking], Any]


class ExplorerApi:
    """Routes of the explorer's API.

    Args:
      predictor: that answers; each request by one version.
    """

    def __init__(self, predictor: Predictor):
        self._predictor = predictor

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        for name, read in (
            ("about", self._about),
            ("search", self._search),
            ("artist", _artist),
            ("similar", self._similar),
            ("neighborhood", self._neighborhood),
            ("map", _map),
            ("words", _words),
        ):
            app.router.add_get(_PREFIX + name, self._handler(read))
        app.router.add_post(_PREFIX + "new", self._new)

    def _handler(self, read: Callable[[Any], Work]) -> Any:
        """A handler of what `read` makes of a query: work on a thread, with one version."""

        async def handle(request: web.Request) -> web.Response:
            request["asked"] = "explorer"
            return await self._answer(read(request.query))

        return handle

    async def _answer(self, work: Work) -> web.Response:
        def to_json(asking: Asking) -> bytes:
            answer = work(asking)
            return answer if isinstance(answer, bytes) else orjson.dumps(answer)

        body = await self._predictor.on_version(self._predictor.name, None, to_json)
        return web.Response(body=body, content_type="application/json", headers=_HEADERS)

    def _about(self, query: Any) -> Work:
        Parameters(query, ())

        def work(asking: Asking) -> Any:
            shown = asking.servable.explorable
            return {
                "model": self._predictor.name,
                "version": str(asking.servable.version),
                "explorable": shown is not None,
                "takes_plays": LISTENING in asking.servable.signatures,
                "most_k": self._default_k(asked.MOST_K),
                **(shown.about if shown else {}),
            }

        return work

    def _search(self, query: Any) -> Work:
        given = Parameters(query, ("q", "limit"))
        text, limit = given.text("q", ""), given.whole("limit", 8)

        def work(asking: Asking) -> Any:
            shown = _explorable(asking)
            return {"artists": [views.brief(shown.data, row) for row in shown.find(text, limit)]}

        return work

    def _similar(self, query: Any) -> Work:
        given = Parameters(query, ("id", "k", "min_popularity"), FILTERS)
        artist_id, k = given.text("id"), given.whole("k", self._default_k(20))
        filters = given.filters()

        def work(asking: Asking) -> Any:
            data = _explorable(asking).data
            row = row_of(data, artist_id)
            filters.check(data)
            [ranking] = model.similar(asking, [artist_id], k, filters)
            known = set(data.neighbors(row).tolist())
            return {
                "artist": views.whole(data, row),
                "similar": views.similar_rows(data, described(data, row), ranking, known),
            }

        return work

    def _neighborhood(self, query: Any) -> Work:
        given = Parameters(query, ("id", "k", "min_popularity"), FILTERS)
        artist_id, k = given.text("id"), given.whole("k", self._default_k(15))
        filters = given.filters()

        def work(asking: Asking) -> Any:
            data = _explorable(asking).data
            row_of(data, artist_id)
            filters.check(data)
            [ranking] = model.similar(asking, [artist_id], k, filters)
            ids = [one for one, _ in ranking]
            others = model.similar(asking, ids, self._default_k(_LINKED))
            return _neighborhood(data, artist_id, ranking, dict(zip(ids, others, strict=True)))

        return work

    async def _new(self, request: web.Request) -> web.Response:
        request["asked"] = "explorer"
        Parameters(request.query, ())
        given = json_tensors.parse_request(await read_body(request, self._predictor.limits))
        wanted = read_new(given, self._default_k(20))

        def work(asking: Asking) -> Any:
            data = _explorable(asking).data
            wanted.filters.check(data)
            new, known_listeners = model.with_listening(asking, wanted.artist)
            ranking, known_neighbors = model.similar_to_new(asking, new, wanted.k, wanted.filters)
            if not known_neighbors and not is_known(data, new.content):
                raise Refused(
                    INVALID_ARGUMENT,
                    "Nothing is known of this artist: give words that the model knows, a vector, "
                    "plays of listeners that it knows, or similar artists of the catalogue.",
                )
            if ranking and not any(score for _, score in ranking):
                # Neighbours are nothing to a model that reads no edge.
                raise Refused(
                    INVALID_ARGUMENT,
                    "The model reads nothing of what is given of this artist; give more content.",
                )
            words = {name: one for name, one in new.content.items() if isinstance(one, Mapping)}
            vectors = {
                name: np.asarray(one, np.float32)
                for name, one in new.content.items()
                if not isinstance(one, Mapping)
            }
            one = described_new(data, words, vectors, list(new.neighbors))
            known = set(one.neighbors.tolist())
            return {
                "similar": views.similar_rows(data, one, ranking, known),
                **views.among(data, ranking[:_PLACED_BY]),
                "known_neighbors": known_neighbors,
                "known_listeners": known_listeners,
            }

        return await self._answer(work)

    def _default_k(self, wanted: int) -> int:
        return min(wanted, self._predictor.limits.k)


def _artist(query: Any) -> Work:
    artist_id = Parameters(query, ("id",)).text("id")

    def work(asking: Asking) -> Any:
        data = _explorable(asking).data
        return views.whole(data, row_of(data, artist_id))

    return work


def _map(query: Any) -> Work:
    Parameters(query, ())
    return lambda asking: _explorable(asking).map


def _words(query: Any) -> Work:
    given = Parameters(query, ("modality", "q", "limit"))
    modality, text, limit = given.text("modality"), given.text("q", ""), given.whole("limit", 8)

    def work(asking: Asking) -> Any:
        shown = _explorable(asking)
        content = asked.modality_of(shown.data, modality)
        if not isinstance(content, Words):
            raise Refused(INVALID_ARGUMENT, f"The modality '{modality}' has vectors, not words.")
        return {
            "words": [
                {"word": content.vocabulary[place], "count": int(content.count[place])}
                for place in shown.find_words(modality, text, limit)
            ]
        }

    return work


def _neighborhood(
    data: ExplorerData,
    artist_id: str,
    ranking: model.Ranking,
    others: Mapping[str, model.Ranking],
) -> dict[str, Any]:
    """X, those most similar to it, and the links among them."""
    score: dict[str, float | None] = {artist_id: None, **dict(ranking)}
    # Undirected: of two that have each other among their most similar, the higher score.
    similar: dict[frozenset[str], float] = {
        frozenset((artist_id, other)): found for other, found in ranking
    }
    for source, found in others.items():
        for target, value in found:
            pair = frozenset((source, target))
            if target in score and (artist_id not in pair):
                similar[pair] = max(value, similar.get(pair, -math.inf))
    order = {one: place for place, one in enumerate(score)}
    links = [
        {"source": source, "target": target, "kind": "similar", "score": value}
        for pair, value in similar.items()
        for source, target in [sorted(pair, key=order.__getitem__)]
    ]
    rows = {data.row[one]: one for one in score}
    for row, source in rows.items():
        links += [
            {"source": source, "target": rows[other], "kind": "known", "score": None}
            for other in data.neighbors(row).tolist()
            if other in rows and order[source] < order[rows[other]]
        ]
    nodes = [
        {"id": one, "name": data.name[row], "score": score[one], **views.place(data, row)}
        for row, one in rows.items()
    ]
    return {"nodes": nodes, "links": links}


def _explorable(asking: Asking) -> Explorable:
    shown = asking.servable.explorable
    if shown is None:
        raise Refused(
            FAILED_PRECONDITION,
            f"Version {asking.servable.version} brings no explorer data; run the pipeline again.",
        )
    return shown
