"""Names for artists who do not exist."""

from __future__ import annotations

from typing import Final

_FIRST: Final = """
Velvet Golden Silent Electric Paper Crimson Distant Lunar Hollow Wild Amber Northern
Glass Midnight Copper Gentle Neon Broken Salt Cedar Iron Coral Winter Bright Lost Silver
Slow Burning Quiet Rapid Stone Violet
"""

_SECOND: Final = """
Harbour Orchard Machine Parade River Mirror Signal Garden Empire Lantern Valley Compass
Theatre Static Meadow Engine Canyon Choir Circuit Island Motel Sparrow Tide Union Wagon
Archive Balcony Comet District Echo Ferry Gallery
"""

_FIRST_WORDS: Final = tuple(_FIRST.split())
_SECOND_WORDS: Final = tuple(_SECOND.split())


def artist_name(number: int) -> str:
    """The name of the artist of a number, such as 'Velvet Harbour 3'; all are different."""
    series, place = divmod(number, len(_FIRST_WORDS) * len(_SECOND_WORDS))
    second, first = divmod(place, len(_FIRST_WORDS))
    name = f"{_FIRST_WORDS[first]} {_SECOND_WORDS[second]}"
    return f"{name} {series + 1}" if series else name
