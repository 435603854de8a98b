"""A catalogue of six artists whose answers can be worked out by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from serving.explorer.data import ExplorerData, Vectors, Words

ABBA, BECK, CAN, DEVO, ENO, FELA = range(6)
EDGES = [(ABBA, BECK), (ABBA, CAN), (BECK, CAN), (BECK, DEVO), (CAN, DEVO), (DEVO, ENO)]


def words(bags: Sequence[Mapping[str, float]], unread: Sequence[str] = ()) -> Words:
    """Words as a model brings them: of each artist the strongest first."""
    vocabulary = sorted({word for bag in bags for word in bag})
    ordered = [sorted(bag.items(), key=lambda pair: (-pair[1], pair[0])) for bag in bags]
    flat = [pair for bag in ordered for pair in bag]
    return Words(
        vocabulary=vocabulary,
        count=np.array([sum(word in bag for bag in bags) for word in vocabulary], np.int32),
        read=np.array([word not in unread for word in vocabulary], bool),
        word=np.array([vocabulary.index(word) for word, _ in flat], np.int32),
        weight=np.array([weight for _, weight in flat], np.float32),
        offsets=np.cumsum([0, *map(len, bags)]),
    )


def vectors(rows: Sequence[Sequence[float] | None]) -> Vectors:
    """Vectors of mean 0 and deviation 1."""
    known = [row for row in rows if row is not None]
    present = np.array([row is not None for row in rows])
    dim = len(known[0])
    return Vectors(
        dim=dim,
        present=present,
        place=np.cumsum(present) - 1,
        values=np.array(known, np.float16),
        mean=np.zeros(dim, np.float32),
        deviation=np.ones(dim, np.float32),
        axes=None,
    )


def small_catalogue(**changed: object) -> ExplorerData:
    """Abba to Fela; Can is the most popular, then Devo; Fela's popularity is unknown."""
    lists: list[list[int]] = [[] for _ in range(6)]
    for one, other in EDGES:
        lists[one].append(other)
        lists[other].append(one)
    data = ExplorerData(
        artist_id=["abba", "beck", "can", "devo", "eno", "fela"],
        name=["ABBA", "Beck", "Can", "Devo", "Brian Eno", "Fela Kuti"],
        popularity=np.array([10, 10, 50, 40, 5, np.nan], np.float32),
        x=np.array([-1, -0.5, 0, 0.5, 1, 0], np.float32),
        y=np.array([0, 0, 0.5, 0, 0, -1], np.float32),
        edge_offsets=np.cumsum([0, *map(len, lists)]),
        edges=np.array([other for one in lists for other in sorted(one)], np.int32),
        modalities={
            "tags": words(
                [
                    {"pop": 4.0, "disco": 2.0},
                    {"pop": 1.0, "funk": 3.0, "folk": 3.0},
                    {"krautrock": 5.0, "funk": 1.0},
                    {},
                    {"ambient": 2.0},
                    {"afrobeat": 9.0, "funk": 9.0},
                ],
                unread=["disco"],
            ),
            "audio": vectors([[1, 0], [0.6, 0.8], [0, 1], [-1, 0], None, [0, 2]]),
            "country": words([{"SE": 1.0}, {"US": 1.0}, {"DE": 1.0}, {"US": 1.0}, {}, {}]),
        },
    )
    return dataclasses.replace(data, **changed)  # type: ignore[arg-type]
