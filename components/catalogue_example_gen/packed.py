"""Records as bytes on their way between steps.

A runner may hold millions of them while a step goes on. As Python's objects a row of the edge table
takes some 330 bytes there, packed 110; and what is bytes already is sent as it is.
"""

from __future__ import annotations

import pickle
from typing import Any


def pack(record: Any) -> bytes:
    """A record of plain values as bytes; a named tuple is shorter as a mere tuple."""
    return pickle.dumps(record, pickle.HIGHEST_PROTOCOL)


def unpack(data: bytes) -> Any:
    """What `pack` was given. Only for what this run packed: it may name any code."""
    return pickle.loads(data)
