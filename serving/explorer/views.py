"""Artists as the explorer's JSON has them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import numpy as np

from serving.explorer.data import ExplorerData, Words
from serving.explorer.explorable import number
from serving.explorer.model import Ranking
from serving.explorer.reasons import (
    Described,
    described,
    nearest_modality,
    shared_neighbors,
    shared_words,
)

_NAMED_NEIGHBORS: Final = 5


def brief(data: ExplorerData, row: int) -> dict[str, Any]:
    """What a list of artists says of one."""
    return {
        "id": data.artist_id[row],
        "name": data.name[row],
        "popularity": number(data.popularity[row]),
        "modalities": data.has(row),
    }


def whole(data: ExplorerData, row: int) -> dict[str, Any]:
    """All that is known of an artist."""
    words = {
        name: [[content.vocabulary[word], weight] for word, weight in content.of(row).items()]
        for name, content in data.modalities.items()
        if isinstance(content, Words) and content.present[row]
    }
    return {
        **brief(data, row),
        "words": words,
        "num_neighbors": len(data.neighbors(row)),
        **place(data, row),
    }


def place(data: ExplorerData, row: int) -> dict[str, float]:
    """Where an artist lies on the map."""
    return {"x": float(data.x[row]), "y": float(data.y[row])}


def similar_rows(
    data: ExplorerData, one: Described, ranking: Ranking, known: Collection[int]
) -> list[dict[str, Any]]:
    """A ranking with its reasons.

    Args:
      data: of the catalogue.
      one: who was asked for.
      ranking: of the model.
      known: rows of those known to be similar.
    """
    rows = []
    for artist_id, score in ranking:
        row = data.row[artist_id]
        other = described(data, row)
        neighbors = shared_neighbors(data, one, other)
        closest = nearest_modality(data, one, other)
        rows.append(
            {
                **brief(data, row),
                "score": score,
                **place(data, row),
                "known": row in known,
                "shared_words": shared_words(data, one, other),
                "shared_neighbors": {
                    "count": len(neighbors),
                    "artists": [
                        {"id": data.artist_id[each], "name": data.name[each]}
                        for each in neighbors[:_NAMED_NEIGHBORS].tolist()
                    ],
                },
                "nearest_modality": closest
                and {"name": closest[0], "similarity": round(closest[1], 4)},
            }
        )
    return rows


def among(data: ExplorerData, ranking: Ranking) -> dict[str, float | None]:
    """Where an artist would lie that has this ranking: the mean place, weighted by the scores.

    Scores are not above zero for those that are not similar, which count for nothing unless all
    are such.
    """
    if not ranking:
        return {"x": None, "y": None}
    rows = [data.row[artist_id] for artist_id, _ in ranking]
    weight = np.maximum([score for _, score in ranking], 0.0)
    if not weight.any():
        weight = np.ones(len(rows))
    return {
        "x": float(np.average(data.x[rows].astype(np.float64), weights=weight)),
        "y": float(np.average(data.y[rows].astype(np.float64), weights=weight)),
    }
