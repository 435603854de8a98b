"""What the explorer keeps of a version in memory, loaded and swapped with it."""

from __future__ import annotations

import collections
import dataclasses
import functools
import logging
import math
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from serving.explorer.data import BrokenData, ExplorerData, Words, read_explorer_data
from serving.explorer.search import SearchIndex

_log = logging.getLogger("artist_sim.serve")

_MOST_ON_MAP: Final = 20_000
_NAMED_GROUPS: Final = 11
_OTHER: Final = "other"


@dataclasses.dataclass(frozen=True)
class Explorable:
    """A version's data and what is made of it once.

    Attributes:
      data: that it brings along.
      search: over the names in the order of `data.prominence`.
    """

    data: ExplorerData
    search: SearchIndex
    _word_searches: dict[str, tuple[np.ndarray, SearchIndex]] = dataclasses.field(
        default_factory=dict, repr=False
    )

    def find(self, query: str, limit: int) -> list[int]:
        """Rows of the artists whose names are like the query, the best first."""
        return [int(self.data.prominence[place]) for place in self.search.find(query, limit)]

    def find_words(self, modality: str, query: str, limit: int) -> list[int]:
        """Places of the words of a modality that the model reads, the best first."""
        order, search = self._word_search(modality)
        return [int(order[place]) for place in search.find(query, limit)]

    @functools.cached_property
    def about(self) -> dict[str, Any]:
        """Figures of the catalogue."""
        data = self.data
        known = data.popularity[~np.isnan(data.popularity)]
        quantiles = np.quantile(known, np.linspace(0, 1, 11)) if len(known) else None
        return {
            "num_artists": len(data),
            "num_known_links": len(data.edges) // 2,
            "has_popularity": bool(len(known)),
            "popularity_quantiles": None if quantiles is None else quantiles.tolist(),
            "modalities": [
                {
                    "name": name,
                    "kind": "words" if isinstance(content, Words) else "vector",
                    "dim": None if isinstance(content, Words) else content.dim,
                    "num_artists": int(content.present.sum()),
                }
                for name, content in data.modalities.items()
            ],
        }

    @functools.cached_property
    def map(self) -> bytes:
        """JSON of the map: columns over the artists, the most prominent first.

        The groups are the words that are the strongest of the most artists; an artist is in that of
        its strongest word among them.
        """
        data = self.data
        # The page names the first artists that it has room for.
        rows = data.prominence[:_MOST_ON_MAP]
        words = self._words()
        frequent = collections.Counter(words[row][0] for row in rows if words[row])
        # Of equally frequent ones the first of the alphabet.
        named = sorted(frequent, key=lambda word: (-frequent[word], word))[:_NAMED_GROUPS]
        group = {word: place for place, word in enumerate(named)}
        places = [next((group[word] for word in words[row] if word in group), None) for row in rows]
        return orjson.dumps(
            {
                "id": [data.artist_id[row] for row in rows],
                "name": [data.name[row] for row in rows],
                "x": np.round(data.x[rows].astype(np.float64), 4).tolist(),
                "y": np.round(data.y[rows].astype(np.float64), 4).tolist(),
                "group": [len(named) if place is None else place for place in places],
                "groups": [*named, _OTHER],
            }
        )

    def _word_search(self, modality: str) -> tuple[np.ndarray, SearchIndex]:
        if modality not in self._word_searches:
            words = self.data.modalities[modality]
            assert isinstance(words, Words)
            # A word that the model does not read would be offered in vain. Common ones first.
            order = np.flatnonzero(words.read)
            order = order[np.argsort(-words.count[order], kind="stable")]
            search = SearchIndex([words.vocabulary[place] for place in order])
            self._word_searches[modality] = order, search
        return self._word_searches[modality]

    def _words(self) -> list[list[str]]:
        """Of each artist, the strongest first, in the words modality that most have.

        Of modalities that as many have, that with the most words.
        """
        words = [one for one in self.data.modalities.values() if isinstance(one, Words)]
        if not words:
            return [[]] * len(self.data)
        widest = max(words, key=lambda one: (int(one.present.sum()), len(one.word)))
        return [
            [widest.vocabulary[word] for word in widest.word[start:end]]
            for start, end in zip(widest.offsets[:-1].tolist(), widest.offsets[1:].tolist())
        ]


def load_explorable(version: Path) -> Explorable | None:
    """What a version brings along, None where that is nothing or broken, which is logged.

    Args:
      version: its folder.
    """
    try:
        data = read_explorer_data(version)
        if data is None:
            _log.info("version %s brings no explorer data", version.name)
            return None
        names = [data.name[row] for row in data.prominence]
        return Explorable(data, SearchIndex(names))
    except BrokenData as error:
        _log.error("the explorer data of version %s %s", version.name, error)
    return None


def number(value: float) -> float | None:
    """A number as JSON has it: None for NaN."""
    return None if math.isnan(value) else float(value)
