"""`similar`, `similar_filtered` and `nearest` in plain loops, over a catalogue of nine."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

NUM_ARTISTS, DIM, SHORTLIST = 9, 2, 3
IDS = [f"artist:{row}" for row in range(NUM_ARTISTS)]
MODALITIES = ("audio", "tags")
NOBODY = "nobody"


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a catalogue knows; whole numbers, so that sums are exact and many scores tie."""

    embedding: list[list[int]]
    pair: list[list[int]]
    present: list[list[bool]]
    popularity: list[float]


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is asked beside artists or embeddings."""

    k: int
    modality: list[str]
    min_popularity: float
    exclude: list[list[str]]

    def tensors(self) -> dict[str, tf.Tensor]:
        width = max((len(row) for row in self.exclude), default=0)
        padded = [row + [""] * (width - len(row)) for row in self.exclude]
        return {
            "k": tf.constant(self.k, tf.int32),
            "modality": tf.constant(self.modality, tf.string),
            "min_popularity": tf.constant(self.min_popularity, tf.float32),
            "exclude_id": tf.constant(padded, tf.string, [len(padded), width]),
        }


NO_FILTER = {
    "modality": tf.constant([""]),
    "min_popularity": tf.constant(0.0),
    "exclude_id": tf.constant([[""]]),
}


def passing(facts: Facts, asked: Asked, row: int) -> list[int]:
    """Who is left for an answer, artist by artist and filter by filter."""
    left = []
    for other in range(NUM_ARTISTS):
        if IDS[other] in asked.exclude[row]:
            continue
        if any(
            name and not facts.present[other][MODALITIES.index(name)] for name in asked.modality
        ):
            continue
        known = facts.popularity[other] == facts.popularity[other]
        if asked.min_popularity > 0 and not (
            known and facts.popularity[other] >= asked.min_popularity
        ):
            continue
        left.append(other)
    return left


def dot(one, other) -> int:
    return sum(x * y for x, y in zip(one, other, strict=True))


def padded(best: list[int], scores: list[float], width: int):
    best, scores = best[:width], scores[:width]
    rest = width - len(best)
    return (
        [IDS[row].encode() for row in best] + [b""] * rest,
        [IDS[row].upper().encode() for row in best] + [b""] * rest,
        scores + [0.0] * rest,
    )


def similar_by_loops(facts: Facts, asked: Asked, artist: str, row: int, scores_pairs: bool):
    width = min(max(asked.k, 0), NUM_ARTISTS - 1)
    if artist not in IDS:
        return padded([], [], width)
    query = IDS.index(artist)
    near = [other for other in passing(facts, asked, row) if other != query]
    # Sorting is stable: of those who tie, the one that came first comes first.
    near.sort(key=lambda other: -dot(facts.embedding[query], facts.embedding[other]))
    if not scores_pairs:
        return padded(
            near, [dot(facts.embedding[query], facts.embedding[other]) for other in near], width
        )
    near = near[: max(width, SHORTLIST)]
    near.sort(key=lambda other: -facts.pair[query][other])
    return padded(near, [facts.pair[query][other] for other in near], width)


def nearest_by_loops(facts: Facts, asked: Asked, vector: list[int], row: int):
    width = min(max(asked.k, 0), NUM_ARTISTS)
    near = passing(facts, asked, row)
    near.sort(key=lambda other: -dot(vector, facts.embedding[other]))
    return padded(near, [dot(vector, facts.embedding[other]) for other in near], width)
