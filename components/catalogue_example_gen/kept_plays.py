"""Writes today's plays beside the examples, for a judge of models that were fitted on others."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
import numpy as np

from components.catalogue_example_gen.artists import WholeArtist
from components.catalogue_example_gen.listening import known_plays
from components.catalogue_example_gen.shards import WriteShards, shard_paths
from trainer.kept_plays import PLAYS_PREFIX, PLAYS_SUFFIX, encode_plays


class WriteKeptPlays(beam.PTransform):
    """(artist id, WholeArtist with its plays) -> `plays-*.gz`, TFRecords of `encode_plays`.

    An artist's vector `listening` has the axes of one fit. A model that was trained on another day
    has those of that day, and makes its own vector from these plays (`trainer.kept_plays`).

    Plays are content: rows of the table of plays, of artists of every split alike, and nothing of
    edges, so that no hidden edge can be among them. Ego graphs have none of them, and listeners are
    learnt from training artists before anything is written here.

    Plays of listeners who are not kept are left out: of all listeners they could be many times as
    many. A model that knows such a listener from its own day is judged without.

    Args:
      kept: one element, the sorted ids of the kept listeners.
      target: the artifact's folder.
      shards: how many files.
    """

    def __init__(self, kept: beam.PCollection, target: str, shards: int):
        super().__init__("Keep plays")
        self._kept, self._target, self._shards = kept, target, shards

    def expand(self, artists):
        """Writes the files."""
        return (
            artists
            | "Plays of kept listeners"
            >> beam.ParDo(_Encoded(), beam.pvalue.AsSingleton(self._kept))
            | WriteShards(
                "Write plays",
                shard_paths(f"{self._target}/{PLAYS_PREFIX}", PLAYS_SUFFIX, self._shards),
                self._target,
            )
        )


class _Encoded(beam.DoFn):
    """(artist id, WholeArtist) -> its record, if a kept listener played it."""

    def process(self, keyed: tuple[str, WholeArtist], listener_ids: np.ndarray) -> Iterator[bytes]:
        key, artist = keyed
        place, plays = known_plays(listener_ids, artist.plays)
        if len(place):
            yield encode_plays(key, listener_ids[place], plays)
