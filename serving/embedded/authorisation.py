"""Who may ask."""

from __future__ import annotations

import hmac

from serving.embedded.status import UNAUTHENTICATED, Refused


class Authorisation:
    """A bearer token that every request must bring, or none.

    Args:
      token: None lets everybody ask.
    """

    def __init__(self, token: str | None = None):
        self._wanted = f"Bearer {token}".encode() if token else None

    @property
    def needed(self) -> bool:
        """Whether there is a token."""
        return self._wanted is not None

    def check(self, header: str | None) -> None:
        """Raises Refused unless the `authorization` header has the token."""
        given = (header or "").encode(errors="surrogateescape")
        if self._wanted is not None and not hmac.compare_digest(given, self._wanted):
            raise Refused(UNAUTHENTICATED, "Give the token: 'Authorization: Bearer <token>'.")
