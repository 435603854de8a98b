"""Small artist graphs whose answers can be seen by eye."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import scipy.sparse as sp

from trainer.graph import SPLITS, TRAIN, ArtistGraph, CategoryContent, Content, VectorContent

Edge = tuple[int, int] | tuple[int, int, float]


@dataclasses.dataclass(frozen=True)
class HiddenGraph:
    """A graph as the trainer gets it, and the edges that its split hides.

    Attributes:
      graph: with the visible edges only.
      hidden: [num_artists, num_artists] CSR float32, symmetric: edges without a training artist.
    """

    graph: ArtistGraph
    hidden: sp.csr_matrix

    def truth(self, split: str) -> sp.csr_matrix:
        """The hidden edges inside a split."""
        member = sp.diags((self.graph.split == SPLITS.index(split)).astype(np.float32))
        truth = (member @ self.hidden @ member).tocsr()
        truth.eliminate_zeros()
        return truth

    def renamed(self, order: np.ndarray) -> HiddenGraph:
        """Some artists in another order, so under other ids: new row i is what order[i] was."""
        graph = self.graph
        moved = dataclasses.replace(
            graph,
            artist_id=graph.artist_id[: len(order)],
            name=graph.name[order],
            popularity=graph.popularity[order],
            split=graph.split[order],
            content={name: rows_of(content, order) for name, content in graph.content.items()},
            neighbors=graph.neighbors[order][:, order],
        )
        return HiddenGraph(moved, self.hidden[order][:, order])


def graph_of(
    edges: Iterable[Edge],
    split: Sequence[int] | np.ndarray,
    content: Mapping[str, Content] | None = None,
    popularity: Sequence[float] | None = None,
) -> HiddenGraph:
    """Builds a graph from undirected edges (source, target) or (source, target, weight).

    A training artist lists its training neighbours, another artist too; an edge between two artists
    outside the training split is hidden. Weights count if all edges have one.
    """
    edges = [edge for edge in edges if edge[0] != edge[1]]
    split_index = np.asarray(split, np.int8)
    num_artists = len(split_index)
    weight = {}
    for edge in edges:
        strength = float(edge[2]) if len(edge) == 3 else 1.0
        weight[edge[0], edge[1]] = weight[edge[1], edge[0]] = strength
    row = np.array([pair[0] for pair in weight], np.int64)
    column = np.array([pair[1] for pair in weight], np.int64)
    value = np.array(list(weight.values()), np.float32)
    listed = split_index[column] == TRAIN
    hidden = (split_index[row] != TRAIN) & (split_index[column] != TRAIN)

    def matrix(keep: np.ndarray) -> sp.csr_matrix:
        return sp.csr_matrix(
            (value[keep], (row[keep], column[keep])), shape=(num_artists, num_artists)
        )

    unknown = np.full(num_artists, np.nan)
    graph = ArtistGraph(
        artist_id=np.array([f"artist:{i:04d}" for i in range(num_artists)], object),
        name=np.array([f"Artist {i}" for i in range(num_artists)], object),
        popularity=np.asarray(unknown if popularity is None else popularity, np.float32),
        split=split_index,
        content=content or {},
        neighbors=matrix(listed),
        weighted=bool(edges) and all(len(edge) == 3 for edge in edges),
    )
    return HiddenGraph(graph, matrix(hidden))


def vectors(rows: Sequence[Sequence[float] | None]) -> VectorContent:
    """Vector content, None where unknown."""
    dim = max((len(row) for row in rows if row is not None), default=1)
    values = np.array([[0.0] * dim if row is None else row for row in rows], np.float32)
    return VectorContent(values, np.array([row is not None for row in rows]))


def words(bags: Sequence[Mapping[str, float]]) -> CategoryContent:
    """Category content, an empty bag where unknown."""
    return CategoryContent(
        words=np.array([word for bag in bags for word in bag], object),
        weights=np.array([weight for bag in bags for weight in bag.values()], np.float32),
        offsets=np.concatenate([[0], np.cumsum([len(bag) for bag in bags])]).astype(np.int64),
    )


def rows_of(content: Content, rows: np.ndarray) -> Content:
    """The content of some artists, in their order."""
    if isinstance(content, VectorContent):
        return VectorContent(content.values[rows], content.present[rows])
    spans = [slice(content.offsets[row], content.offsets[row + 1]) for row in rows]
    bags = [
        dict(zip(content.words[span], content.weights[span].tolist(), strict=True))
        for span in spans
    ]
    return words(bags)


def two_communities(num_each: int = 12) -> HiddenGraph:
    """Two communities of `num_each` artists; half of them train, a quarter each val and test.

    Every artist is connected to most of its community, the two meet in two edges. The content tells
    the communities apart; artists 2 and 23 have none, artist 11 has tags only. Popularity is known
    for all but artist 5 and says nothing.
    """
    rng = np.random.default_rng(7)
    num_artists = 2 * num_each
    community = np.arange(num_artists) // num_each
    split = np.tile(([0, 0, 1, 2] * num_each)[:num_each], 2)
    edges: list[Edge] = [
        (u, v)
        for u in range(num_artists)
        for v in range(u)
        if community[u] == community[v] and (u + v) % 5
    ]
    edges += [(0, num_each), (num_each - 3, num_artists - 4)]
    center = np.array([[1.0, 0, 0, 2], [0, 1, 2, 0]])[community]
    audio = center + 0.3 * rng.standard_normal(center.shape)
    genre = np.array(["dub", "polka"])[community]
    no_content, no_audio = {2, num_artists - 1}, {2, num_each - 1, num_artists - 1}
    return graph_of(
        edges,
        split,
        {
            "audio": vectors(
                [None if i in no_audio else audio[i].tolist() for i in range(num_artists)]
            ),
            "tags": words(
                [
                    {} if i in no_content else {genre[i]: 3.0, "live": 1.0, f"{i}": 1.0}
                    for i in range(num_artists)
                ]
            ),
        },
        [np.nan if i == 5 else 10.0 * (i * 7 % num_artists) for i in range(num_artists)],
    )


def awkward() -> HiddenGraph:
    """Ten artists: a weighted path, artists without any edge, useless and missing content.

    Artists 4, 8 and 9 have no edge at all. No popularity is known. One column is constant, one
    modality is known for nobody, one word is everyone's, artist 3 has only a word of its own.
    """
    return graph_of(
        [(0, 1, 1.0), (1, 2, 0.5), (2, 3, 2.0), (5, 0, 1.0), (6, 2, 0.1), (5, 6, 1.0), (7, 3, 1.0)],
        [0, 0, 0, 0, 0, 1, 1, 2, 2, 1],
        {
            "audio": vectors(
                [[5, 1], [5, 2], [5, 1], None, None, [5, 2], [5, 1], None, None, None]
            ),
            "mood": vectors([None] * 10),
            "country": words([{"Mali": 1.0}] * 3 + [{"Peru": 0.0}] + [{"Mali": 1.0}] * 5 + [{}]),
        },
    )
