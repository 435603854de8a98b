"""Unpacks bodies that come with `Content-Encoding`, and never to more than is allowed."""

from __future__ import annotations

import zlib
from typing import Final

from serving.embedded.status import INVALID_ARGUMENT, Refused

# zlib finds out by itself which of the two it is.
_PACKED: Final = ("gzip", "deflate")
_EITHER: Final = zlib.MAX_WBITS | 32


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
