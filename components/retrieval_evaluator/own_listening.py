"""The content `listening` as a model itself makes it of the plays that examples keep.

Vectors of plays have the axes of one fit (`trainer.listener_factors`): in the examples, that of the
examples. A model that was trained on others would read noise there, and what is judged beside it
would look too good.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from catalogues.spec import LISTENING
from trainer.graph import ArtistGraph, VectorContent
from trainer.kept_plays import PlaysBatch, plays_files, read_plays
from trainer.listener_factors import LISTENING_FILE

FoldIn = Callable[..., Mapping[str, Any]]
"""The signature `listening` of a model (`trainer.listening_signature`)."""


class OwnView(NamedTuple):
    """A catalogue as a model sees it.

    Attributes:
      graph: its content is what the model makes of the catalogue.
      warning: what it could not make, as a clause about the model; empty where nothing is amiss.
    """

    graph: ArtistGraph
    warning: str = ""


def own_view(
    graph: ArtistGraph, dim: int | None, fold_in: FoldIn | None, examples_uri: str
) -> OwnView:
    """The catalogue with `listening` by the model's own listeners.

    Plays are content, and the files that keep them hold nothing of edges: what comes to a model
    this way is made of the same rows as the vectors of the examples, so no hidden edge is in it.

    Args:
      graph: the catalogue, with the vectors of the examples.
      dim: the length of the vectors `listening` that the model reads; None: it reads none.
      fold_in: the model's signature `listening`, if it has one.
      examples_uri: the folder of the Examples artifact.
    """
    if dim is None:
        return OwnView(graph)
    files = plays_files(examples_uri)
    if fold_in is not None and files:
        own = _folded_in(graph.artist_id, dim, fold_in, read_plays(files))
        return OwnView(dataclasses.replace(graph, content={**graph.content, LISTENING: own}))
    has_vectors = LISTENING in graph.content
    instead = "is given the examples' vectors" if has_vectors else "goes without"
    if fold_in is not None:
        reason = "the examples keep no plays"
    elif has_vectors and tf.io.gfile.exists(os.path.join(examples_uri, LISTENING_FILE)):
        reason = "it has no such signature"
    else:
        # Vectors that somebody wrote down, or none: nothing that has axes of a fit.
        return OwnView(graph)
    return OwnView(graph, f"cannot make its own `{LISTENING}`, since {reason}, and {instead}")


def _folded_in(
    artist_id: np.ndarray, dim: int, fold_in: FoldIn, batches: Iterable[PlaysBatch]
) -> VectorContent:
    """The vectors of [num_artists] sorted artists; who is in no batch has none."""
    values = np.zeros((len(artist_id), dim), np.float32)
    present = np.zeros(len(artist_id), bool)
    for batch in batches:
        row = np.searchsorted(artist_id, batch.artist_id)
        answer = fold_in(listener_id=batch.listener_id, plays=batch.plays)
        values[row] = answer[LISTENING].numpy()
        present[row] = answer[f"{LISTENING}_present"].numpy() > 0
    return VectorContent(values, present)
