"""Positive PMI and its factors as slow, obvious NumPy, and catalogues made of words."""

from __future__ import annotations

import numpy as np

SPEC = """\
name: words
artists: {table: artists.csv, id: id, split: split}
content:
  tags: {table: tags.csv, artist: artist, categories: tag, weight: count}
edges: {table: edges.csv, source: a, target: b}
"""


def log_shares(counts: np.ndarray) -> np.ndarray:
    """[V] log of each word's share of all weights of [num_artists, V] counts."""
    return np.log(counts.sum(axis=0) / counts.sum())


def positive_pmi(counts: np.ndarray, log_share: np.ndarray) -> np.ndarray:
    """[num_artists, V] float64, cell by cell."""
    rows = np.zeros(counts.shape)
    for artist, word in zip(*np.nonzero(counts), strict=True):
        share = counts[artist, word] / counts[artist].sum()
        rows[artist, word] = max(0.0, np.log(share) - log_share[word])
    return rows


def files_of(counts: np.ndarray, judged: np.ndarray | None = None) -> dict[str, str]:
    """A catalogue whose training artists have these counts of the words w00, w01, …

    Args:
      counts: [num_artists, V], zeros where an artist has not the word.
      judged: [2, V] the same of an artist of val and one of test.
    """
    names = [f"t{row}" for row in range(len(counts))] + ["v", "x"]
    splits = ["train"] * len(counts) + ["val", "test"]
    if judged is None:
        judged = np.ones((2, counts.shape[1]))
    tags = [
        f"{name},w{word:02},{weight}"
        for name, row in zip(names, [*counts, *judged], strict=True)
        for word, weight in enumerate(row.tolist())
        if weight
    ]
    pairs = zip(names, names[1:], strict=False)
    return {
        "catalogue.yaml": SPEC,
        "artists.csv": "id,split\n" + "\n".join(map(",".join, zip(names, splits, strict=True))),
        "tags.csv": "artist,tag,count\n" + "\n".join(tags),
        "edges.csv": "a,b\n" + "\n".join(map(",".join, pairs)),
    }
