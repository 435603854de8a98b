"""The audio descriptors of `allmusic_influence/artist_audio_features.csv`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from catalogues.importers.text import read_public_csv, repair_double_encoding

DESCRIPTORS: Final = (
    "danceability",
    "energy",
    "valence",
    "tempo",
    "loudness",
    "mode",
    "key",
    "acousticness",
    "instrumentalness",
    "liveness",
    "speechiness",
    "duration_ms",
)
"""The raw descriptors; the table's normalised copies say nothing more."""


@dataclass(frozen=True)
class AudioDescriptors:
    """One artist's row: the name, the descriptors as written, and the popularity (0 to 100)."""

    name: str
    descriptors: tuple[str, ...]
    popularity: str


def read_audio_descriptors(path: Path) -> dict[int, AudioDescriptors]:
    """Reads the table.

    Args:
        path: ``artist_audio_features.csv``.

    Returns:
        The rows by AllMusic id, the digits of the ``MN`` id as a number.

    Raises:
        InputError: the file or one of its columns is missing.
    """
    required = ("artist_id", "artist_name", "popularity", *DESCRIPTORS)
    return {
        int(row["artist_id"]): AudioDescriptors(
            name=repair_double_encoding(row["artist_name"]),
            descriptors=tuple(row[column] for column in DESCRIPTORS),
            popularity=row["popularity"],
        )
        for row in read_public_csv(path, required)
    }
