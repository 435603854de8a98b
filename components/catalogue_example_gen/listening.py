"""Plays become content: a vector for each artist that listeners of training artists played.

Weighted matrix factorisation for implicit feedback (Hu, Koren, Volinsky 2008), fitted on the
training artists' plays, kept beside the examples in `listening.npz`, used again at serving. Every
artist's vector, a training artist's too, is folded in by one formula from the listeners' vectors,
so that a new artist with the same plays gets the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import scipy.sparse as sp

from catalogues.spec import LISTENING, Catalogue, Modality
from components.catalogue_example_gen.artists import WholeArtist
from components.catalogue_example_gen.config import ListeningConfig
from components.catalogue_example_gen.content import is_training
from trainer.listener_factors import ListenerFactors, confidences, texts
from trainer.one_blas_thread import one_blas_thread


class TrainingRow(NamedTuple):
    """A training artist's plays by kept listeners, as bytes: 12 for each.

    `listeners` are int32 places among the kept listeners, `plays` float64.
    """

    artist_id: str
    listeners: bytes
    plays: bytes


def with_listening(catalogue: Catalogue, config: ListeningConfig) -> Catalogue:
    """The catalogue with the modality that its plays become, as the last one."""
    if catalogue.plays is None or not config.enabled:
        return catalogue
    table = catalogue.plays
    columns = tuple(f"factor {place}" for place in range(config.factors))
    modality = Modality(LISTENING, "vector", table.table, table.artist, columns)
    return dataclasses.replace(catalogue, content=(*catalogue.content, modality))


class Listening(beam.PTransform):
    """(artist id, WholeArtist) -> the artists with their vectors, and what was learnt.

    The fit is one step in memory (`fit`). Its side input are the ids of the kept listeners; that of
    the folding in are their vectors, listeners x factors x 4 bytes. Neither grows with the artists.

    Args:
      config: how.
    """

    def __init__(self, config: ListeningConfig):
        super().__init__("Listening")
        self._config = config

    def expand(self, artists):
        """Returns {'factors', 'kept', 'artists'}.

        The ListenerFactors and the sorted ids of their listeners are one element each; the artists
        are without the plays.
        """
        training = artists | "Training artists" >> beam.Filter(is_training)
        kept = (
            training
            | "Listeners" >> beam.FlatMap(_listeners)
            | "Artists played" >> beam.CombinePerKey(sum)
            | "Most active"
            >> beam.combiners.Top.Smallest(
                self._config.max_listeners, key=lambda found: (-found[1], found[0])
            )
            | "Kept listeners" >> beam.Map(lambda found: texts(sorted(name for name, _ in found)))
        )
        rows = (
            training
            | "Training rows" >> beam.ParDo(_TrainingRows(), beam.pvalue.AsSingleton(kept))
            | "Under one key" >> beam.Map(lambda row: (None, row))
        )
        # There is a fit of no rows as well. A list of them all, from one of Beam's combiners, would
        # be a side input of its own: Beam asks with it whether there is anything.
        once = training.pipeline | "Once" >> beam.Create([(None, None)])
        factors = (
            {"rows": rows, "once": once}
            | "All training rows" >> beam.CoGroupByKey()
            | "Fit" >> beam.Map(_fitted, beam.pvalue.AsSingleton(kept), self._config)
        )
        folded = artists | "Fold in" >> beam.ParDo(FoldIn(), beam.pvalue.AsSingleton(factors))
        return {"factors": factors, "kept": kept, "artists": folded}


def _fitted(
    found: tuple[None, Mapping[str, Iterable[TrainingRow]]],
    listener_ids: np.ndarray,
    config: ListeningConfig,
) -> ListenerFactors:
    return fit(found[1]["rows"], listener_ids, config)


def fit(
    rows: Iterable[TrainingRow], listener_ids: np.ndarray, config: ListeningConfig
) -> ListenerFactors:
    """Factorises the training artists' plays, in memory.

    Takes some 40 bytes for each pair of a listener and an artist, and 16 bytes a factor for each
    listener and each training artist: 3 GB for 50 million pairs, 100,000 listeners, a million
    artists and 64 factors.

    The same rows give the same bits in whatever order, on any number of threads: each row of a
    half-step is solved by one thread, and BLAS has one.

    Args:
      rows: of the training artists that a kept listener played, in any order.
      listener_ids: [num_listeners] text, the kept listeners, sorted.
      config: how.

    Returns:
      The listeners' vectors. What is learnt of other plays, be they nearly the same, has other
      axes: its vectors cannot be compared with these.
    """
    # Fetches a compiled extension, which only this step needs.
    from implicit.cpu.als import AlternatingLeastSquares

    rows = sorted(rows)
    if not rows:
        return _listener_factors(
            listener_ids, np.zeros((len(listener_ids), config.factors)), config
        )
    counts = [len(row.listeners) // 4 for row in rows]
    columns = np.frombuffer(b"".join(row.listeners for row in rows), np.int32)
    plays = np.frombuffer(b"".join(row.plays for row in rows), np.float64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    by_artist = sp.csr_matrix(
        (confidences(plays, config.alpha, config.epsilon).astype(np.float32), columns, offsets),
        shape=(len(rows), len(listener_ids)),
    )
    by_listener = by_artist.T.tocsr()
    del by_artist, plays, columns
    with one_blas_thread():
        model = AlternatingLeastSquares(
            factors=config.factors,
            regularization=config.regularization,
            # The matrix holds the confidences themselves.
            alpha=1.0,
            dtype=np.float64,
            # Conjugate gradients would leave factors that folding in does not find again.
            use_cg=False,
            iterations=config.iterations,
            random_state=config.seed,
        )
        model.fit(by_listener, show_progress=False)
        return _listener_factors(listener_ids, model.user_factors, config)


def _listener_factors(
    listener_ids: np.ndarray, factors: np.ndarray, config: ListeningConfig
) -> ListenerFactors:
    kept = factors.astype(np.float32)
    wide = kept.astype(np.float64)
    return ListenerFactors(
        listener_ids, kept, wide.T @ wide, config.alpha, config.epsilon, config.regularization
    )


class FoldIn(beam.DoFn):
    """(artist id, WholeArtist) -> the same with its vector instead of its plays.

    An artist that no kept listener played misses the modality, as it would miss any other.
    """

    def process(
        self, keyed: tuple[str, WholeArtist], factors: ListenerFactors
    ) -> Iterator[tuple[str, WholeArtist]]:
        """Yields one artist."""
        key, artist = keyed
        content: dict[str, Any] = artist.content
        place, plays = known_plays(factors.listener_id, artist.plays)
        if len(place):
            content = content | {LISTENING: tuple(factors.fold_in(place, plays).tolist())}
        yield key, artist._replace(content=content, plays=())


class _TrainingRows(beam.DoFn):
    def process(
        self, keyed: tuple[str, WholeArtist], listener_ids: np.ndarray
    ) -> Iterator[TrainingRow]:
        key, artist = keyed
        place, plays = known_plays(listener_ids, artist.plays)
        if len(place):
            yield TrainingRow(key, place.astype(np.int32).tobytes(), plays.tobytes())


def known_plays(
    listener_ids: np.ndarray, plays: Iterable[tuple[str, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """The plays of some listeners.

    Args:
      listener_ids: [num_listeners] text, sorted.
      plays: (listener, plays) of one artist.

    Returns:
      int64 places among listener_ids of those who are there, and float64 plays.
    """
    listed = list(plays)
    if not len(listener_ids) or not listed:
        return np.zeros(0, np.int64), np.zeros(0)
    names = texts(name for name, _ in listed)
    place = np.minimum(np.searchsorted(listener_ids, names), len(listener_ids) - 1)
    known = np.equal(listener_ids[place], names).astype(bool)
    return place[known], np.array([count for _, count in listed], np.float64)[known]


def _listeners(keyed: tuple[str, WholeArtist]) -> Iterator[tuple[str, int]]:
    for listener, _ in keyed[1].plays:
        yield listener, 1
