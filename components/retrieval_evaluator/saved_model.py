"""A SavedModel under judgement: embeds a whole graph through its own signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol, TypeGuard

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from catalogues.spec import LISTENING
from components.retrieval_evaluator.own_listening import OwnView, own_view
from trainer.batches import message_edges
from trainer.graph import ArtistGraph, CategoryContent, Content, VectorContent
from trainer.systems.base import Scorer, pairwise_scorer

SIGNATURE: Final = "embed_graph"
SCORE_SIGNATURE: Final = "score"
EMBEDDING: Final = "embedding"


class Embedded(NamedTuple):
    """What a model makes of a graph.

    Attributes:
      embedding: [num_artists, dim] float32.
      pairwise: what its `similar` ranks by, if that is more than the dot product.
    """

    embedding: np.ndarray
    pairwise: Scorer | None = None


class Judged(Protocol):
    """A model that can be judged."""

    @property
    def artist_id(self) -> np.ndarray | None:
        """[num_known] text: ids of the artists of its catalogue, None where it does not say."""

    def own_view(self, graph: ArtistGraph) -> OwnView:
        """The catalogue as the model sees it, which all else here takes."""

    def reads(self, graph: ArtistGraph) -> tuple[str, ...]:
        """The modalities of a graph that it is given, sorted."""

    def embed(self, graph: ArtistGraph, edges: sp.csr_matrix) -> Embedded:
        """Embeds every artist of a graph in which `edges` are known."""


class JudgedModel:
    """A pushed or trained model, known by its SavedModel alone.

    A model of another day may know other modalities: those that the graph lacks, or has in another
    length, are missing for every artist; those that the model does not know are not given to it.

    Args:
      path: of the SavedModel.
      fan_out: the neighbours that a message is averaged over where edges have weights (0: all), if
        the model does not say it itself; older ones do not.
      examples_uri: the folder of the Examples artifact that it is judged on, for the plays; without
        it graphs are seen as they are.
    """

    def __init__(self, path: str, fan_out: int, examples_uri: str | None = None):
        # The model is kept: its variables die with it.
        self._model = tf.saved_model.load(path)
        self._embed = self._model.signatures[SIGNATURE]
        self._score = self._model.signatures.get(SCORE_SIGNATURE)
        self._fold_in = self._model.signatures.get(LISTENING)
        self._examples_uri = examples_uri
        own = getattr(self._model, "fan_out", None)
        self._fan_out = fan_out if own is None else int(own.numpy())

    @property
    def artist_id(self) -> np.ndarray | None:
        """[num_known] text: ids of the artists of its catalogue, None where it does not say."""
        found = getattr(self._model, "artist_id", None)
        return None if found is None else np.array([key.decode() for key in found.numpy()], str)

    def own_view(self, graph: ArtistGraph) -> OwnView:
        """The catalogue with what plays become by the model's own listeners."""
        if self._examples_uri is None:
            return OwnView(graph)
        wanted = self._embed.structured_input_signature[1]
        dim = wanted[LISTENING].shape[-1] if f"{LISTENING}_present" in wanted else None
        return own_view(graph, dim, self._fold_in, self._examples_uri)

    def reads(self, graph: ArtistGraph) -> tuple[str, ...]:
        """The modalities of a graph that it is given, sorted: it knows their name and kind."""
        wanted = self._embed.structured_input_signature[1]
        found = []
        for name, content in sorted(graph.content.items()):
            if isinstance(content, CategoryContent):
                known = f"{name}_length" in wanted
            else:
                known = f"{name}_present" in wanted
                known = known and _has_vector(content, wanted[name].shape[-1])
            if known:
                found.append(name)
        return tuple(found)

    def embed(self, graph: ArtistGraph, edges: sp.csr_matrix) -> Embedded:
        """Embeds every artist of a graph in which `edges` are known.

        Args:
          graph: the catalogue.
          edges: [num_artists, num_artists] CSR; nothing else carries a message.
        """
        edges = message_edges(edges, graph.weighted, self._fan_out)
        given: dict[str, Any] = {
            "artist_id": graph.artist_id.astype(str),
            "target": np.repeat(np.arange(len(graph)), np.diff(edges.indptr)).astype(np.int64),
            "source": edges.indices.astype(np.int64),
            "weight": edges.data.astype(np.float32),
        }
        wanted = self._embed.structured_input_signature[1]
        for name, spec in wanted.items():
            if name not in given and f"{name}_present" in wanted:
                values, present = _vector(graph, name, spec.shape[-1])
                given |= {name: values, f"{name}_present": present}
            elif name not in given and f"{name}_length" in wanted:
                words, weights, lengths = _words(graph, name)
                given |= {name: words, f"{name}_weight": weights, f"{name}_length": lengths}
        tensors = {name: tf.constant(value) for name, value in given.items()}
        profile = self._embed(**tensors)
        embedding = profile[EMBEDDING].numpy()
        return Embedded(embedding, self._pairwise(embedding, profile))

    def _pairwise(self, embedding: np.ndarray, profile: Mapping[str, tf.Tensor]) -> Scorer | None:
        score = self._score
        if score is None:
            return None

        def pair_score(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
            query, candidate = tf.constant(queries, tf.int64), tf.constant(candidates, tf.int64)
            return score(**profile, query=query, candidate=candidate)["score"].numpy()

        return pairwise_scorer(embedding, pair_score)


def _has_vector(content: Content | None, dim: int) -> TypeGuard[VectorContent]:
    return isinstance(content, VectorContent) and content.values.shape[1] == dim


def _vector(graph: ArtistGraph, name: str, dim: int) -> tuple[np.ndarray, np.ndarray]:
    content = graph.content.get(name)
    if _has_vector(content, dim):
        return content.values, content.present.astype(np.int64)
    return np.zeros((len(graph), dim), np.float32), np.zeros(len(graph), np.int64)


def _words(graph: ArtistGraph, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    content = graph.content.get(name)
    if isinstance(content, CategoryContent):
        return content.words.astype(str), content.weights, np.diff(content.offsets)
    return np.zeros(0, "<U1"), np.zeros(0, np.float32), np.zeros(len(graph), np.int64)
