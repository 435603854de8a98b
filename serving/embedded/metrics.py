"""What Prometheus is told."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "artist_sim_requests",
            "Requests by protocol, what they asked for, and status",
            ("protocol", "asked", "code"),
            registry=self._registry,
        )
        self.latency = Histogram(
            "artist_sim_request_seconds",
            "Time from a request's arrival to its answer",
            ("protocol", "asked"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.version = Gauge(
            "artist_sim_model_version", "The version that is served", registry=self._registry
        )
        self.in_flight = Gauge(
            "artist_sim_requests_in_flight",
            "Requests that are computed or wait",
            registry=self._registry,
        )
        self.artists = Counter(
            "artist_sim_artists",
            "Artists that were asked for, by whether the catalogue has them",
            ("known",),
            registry=self._registry,
        )
        self.unknown_share = Gauge(
            "artist_sim_unknown_artist_share",
            "Share of the artists asked for since the start that the catalogue does not have",
            registry=self._registry,
        )
        self._known = self._unknown = 0

    def count_artists(self, known: int, unknown: int) -> None:
        """Adds artists that were asked for; on the server's own thread."""
        self._known += known
        self._unknown += unknown
        self.artists.labels("yes").inc(known)
        self.artists.labels("no").inc(unknown)
        asked = self._known + self._unknown
        self.unknown_share.set(self._unknown / asked if asked else 0.0)

    def page(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)
