"""Bodies of requests: awaited for so long, and unpacked to so much, as is allowed and no more."""

from __future__ import annotations

import asyncio
import zlib
from typing import Final

from aiohttp import web

from serving.embedded.limits import Limits
from serving.embedded.status import DEADLINE_EXCEEDED, INVALID_ARGUMENT, Refused

# zlib finds out by itself which of the two it is.
_PACKED: Final = ("gzip", "deflate")
_EITHER: Final = zlib.MAX_WBITS | 32


async def read_body(request: web.Request, limits: Limits) -> bytes:
    """The body, unpacked.

    Raises:
      Refused: it is late, not whole, or not packed as it says.
      web.HTTPRequestEntityTooLarge: it is larger than the limit.
    """
    try:
        body = await asyncio.wait_for(request.read(), limits.seconds)
    except asyncio.TimeoutError:
        raise Refused(
            DEADLINE_EXCEEDED, f"The body did not come within {limits.seconds:g} s."
        ) from None
    except web.RequestPayloadError:
        raise Refused(INVALID_ARGUMENT, "The body is not whole.") from None
    return unpack(body, request.headers.get("Content-Encoding", ""), limits.body)


def unpack(body: bytes, encoding: str, most: int) -> bytes:
    """The bytes that were packed.

    aiohttp would unpack too, but goes on with what is refused to the end, on the thread that
    answers everybody: a bomb of some megabytes would keep it busy for a minute.

    Args:
      body: as it came.
      encoding: `Content-Encoding`, "" if there is none.
      most: bytes that it may have unpacked.

    Raises:
      Refused: it is packed otherwise, broken or larger.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in _PACKED:
        raise Refused(INVALID_ARGUMENT, "The body may be packed as gzip or deflate only.", http=415)
    unpacker = zlib.decompressobj(_EITHER)
    try:
        # One byte more than is allowed tells that there is more.
        found = unpacker.decompress(body, most + 1)
    except zlib.error:
        raise _broken(encoding) from None
    if len(found) > most:
        raise too_large(most)
    if not unpacker.eof or unpacker.unused_data:
        raise _broken(encoding)
    return found


def too_large(most: int) -> Refused:
    """What a body of more bytes is told."""
    return Refused(INVALID_ARGUMENT, f"The body has more than {most} bytes.", http=413)


def _broken(encoding: str) -> Refused:
    return Refused(INVALID_ARGUMENT, f"The body is not packed as {encoding}, as its header says.")
