"""How a pushed version is tried where it is served; each default once."""

from __future__ import annotations

import dataclasses
import re
from typing import Final

_ADDRESS: Final = re.compile(r"\[?[\w.:-]+\]?:\d{1,5}")
_URL: Final = re.compile(r"https?://[^\s@/]+(/[^\s@]*)?")


@dataclasses.dataclass(frozen=True)
class SmokeTestConfig:
    """The smoke test of a pushed version.

    Attributes:
      server: host:port of the gRPC interface of the server that serves the push destination. None:
        the pushed files are loaded in a process of their own instead; a local run then has no
        smoke test.
      rest_server: host:port or URL of its REST interface, asked where gRPC cannot be reached.
      model: its name at the server.
      seconds: that the server may take until it serves the version, and again until it serves the
        one before.
    """

    server: str | None = None
    rest_server: str | None = None
    model: str = "artist_sim"
    seconds: int = 300

    def __post_init__(self) -> None:
        """Raises ValueError for an address or a time of no use."""
        if self.server is not None and not _ADDRESS.fullmatch(self.server):
            raise ValueError(f"server must be host:port of gRPC, not {self.server!r}")
        rest = self.rest_server
        if rest is not None and not (_ADDRESS.fullmatch(rest) or _URL.fullmatch(rest)):
            raise ValueError("rest_server must be host:port or a URL without a user and password")
        if rest is not None and self.server is None:
            raise ValueError("rest_server is asked where gRPC fails; name `server` too")
        if not self.model:
            raise ValueError("model is empty; it is the name of the model at the server")
        if self.seconds < 1:
            raise ValueError(f"seconds must be at least 1, not {self.seconds}")
