"""A client of artist_sim models behind TensorFlow Serving.

It knows TensorFlow Serving's protocol and imports no TensorFlow.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

import grpc
import numpy as np
from numpy.typing import DTypeLike, NDArray

from serving.errors import InvalidRequest, NotFound, ServingError, Unavailable, error_of
from serving.grpc_transport import GrpcTransport
from serving.new_artist import NewArtist, modalities_of, tensors_of
from serving.protocol import ModelMetadata, Signature, texts_of
from serving.pushed_model import SimilarArtist
from serving.rest_transport import RestTransport
from serving.retries import Deadline, RetryPolicy, with_retries

Answer = TypeVar("Answer")
Inputs = Mapping[str, NDArray[Any]]

_LARGEST_K = int(np.iinfo(np.int32).max)


@dataclasses.dataclass(frozen=True, eq=False)
class Embeddings:
    """Of artists of the catalogue, in the order in which they were asked for.

    Attributes:
      embedding: [num_artists, dim] float32; zeros for an artist that is not known.
      known: [num_artists] bool: whether the catalogue has the artist.
    """

    embedding: NDArray[np.float32]
    known: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class NewEmbeddings:
    """Of new artists, in the order in which they were given.

    Attributes:
      embedding: [num_artists, dim] float32.
      known_neighbors: [num_artists] int64: how many of the artist's neighbours the catalogue has.
    """

    embedding: NDArray[np.float32]
    known_neighbors: NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class SimilarArtists:
    """The answer to "who sounds like X?".

    Attributes:
      artist_id: who was asked for.
      known: whether the catalogue has that artist.
      artists: the most similar first; none if it is not known.
    """

    artist_id: str
    known: bool
    artists: tuple[SimilarArtist, ...]


class Client:
    """Asks one model. Thread-safe; a context manager.

    Questions go over gRPC. With a `rest_address` they go over REST while no gRPC connection can be
    made. A server that is unavailable is asked again, with growing waits, within the timeout.
    Large requests are split; all parts of one are answered by the same version of the model.

    Args:
      address: host:port of gRPC, with TensorFlow Serving mostly port 8500.
      rest_address: host:port or URL of REST, mostly port 8501.
      model: its name at the server.
      version: of the model; the newest by default.
      timeout: seconds that one call of a method may take, retries and all parts included.
      token: sent with every request as `authorization: Bearer <token>`. It travels as readably as
        the rest: use it with `credentials` and a URL of https, or inside a network that is trusted.
      max_batch: artists in one request. Not more than the server's `max_batch_size`, if that
        has one.
      retry: how often and how far apart to ask a server that is unavailable.
      credentials: for gRPC over TLS, as `grpc.ssl_channel_credentials()`.

    Raises:
      ValueError: an argument is of no use; the message never has the token.
    """

    def __init__(
        self,
        address: str,
        *,
        rest_address: str | None = None,
        model: str = "artist_sim",
        version: int | None = None,
        timeout: float = 10.0,
        token: str | None = None,
        max_batch: int = 256,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 (frozen)
        credentials: grpc.ChannelCredentials | None = None,
    ):
        if not 0 < timeout < float("inf"):
            raise ValueError("timeout has to be a number of seconds, more than 0.")
        if max_batch < 1:
            raise ValueError("max_batch has to be at least 1.")
        # Libraries would quote what they refuse.
        if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
            raise ValueError("token has to be printable ASCII without spaces.")
        self._version, self._timeout = version, timeout
        self._max_batch, self._retry = max_batch, retry
        self._rest = RestTransport(rest_address, model, token) if rest_address else None
        self._grpc = GrpcTransport(address, model, token, credentials)
        self._remembered: ModelMetadata | None = None
        self._closed = False

    def embed(self, artist_ids: Sequence[str]) -> Embeddings:
        """The embeddings of artists of the catalogue.

        Args:
          artist_ids: any number of ids.

        Raises:
          ServingError: there is no answer; see its subclasses.
        """
        deadline, ids = self._start(), texts_of(artist_ids, "artist_ids")
        pieces = [{"artist_id": part} for part in self._parts(ids)]
        answers = self._ask_pieces("serving_default", pieces, deadline)
        return Embeddings(
            self._vectors(answers, len(ids), deadline),
            _column(answers, "known", np.bool_, (len(ids),)),
        )

    def similar(self, artist_ids: Sequence[str], k: int = 10) -> list[SimilarArtists]:
        """The artists of the catalogue that are most similar to each of some others of it.

        Args:
          artist_ids: any number of ids.
          k: artists in each answer, if the catalogue has so many others.

        Returns:
          One answer for each id, in the same order.

        Raises:
          ServingError: there is no answer; see its subclasses.
        """
        deadline, ids = self._start(), texts_of(artist_ids, "artist_ids")
        if operator.index(k) < 1:
            raise InvalidRequest("k has to be at least 1.")
        count = np.array(min(k, _LARGEST_K), np.int32)
        pieces = [{"artist_id": part, "k": count} for part in self._parts(ids)]
        answers = self._ask_pieces("similar", pieces, deadline)
        known = _column(answers, "known", np.bool_, (len(ids),))
        table = (len(ids), -1)
        similar_id = _column(answers, "similar_id", object, table)
        name = _column(answers, "name", object, table)
        score = _column(answers, "score", np.float32, table)
        if not similar_id.shape == name.shape == score.shape:
            raise error_of("INTERNAL", "'similar_id', 'name' and 'score' differ in shape")
        return [
            SimilarArtists(
                artist_id,
                bool(known[row]),
                tuple(
                    SimilarArtist(*found)
                    for found in zip(similar_id[row], name[row], score[row].tolist(), strict=True)
                )
                if known[row]
                else (),
            )
            for row, artist_id in enumerate(ids)
        ]

    def embed_new(self, new_artists: Iterable[NewArtist]) -> NewEmbeddings:
        """The embeddings of artists that the catalogue does not have.

        What content the model takes is asked for once, and again when it takes another.

        Args:
          new_artists: any number of artists with their content and neighbours.

        Raises:
          InvalidRequest: an artist has content that the model does not take; the message has what
            it takes.
          ServingError: there is no answer; see its subclasses.
        """
        deadline, artists = self._start(), list(new_artists)
        remembered = self._remembered
        metadata = self._metadata(deadline)
        try:
            answers = self._embed_new(artists, metadata, deadline)
        except InvalidRequest:
            # What is remembered may be of a version that has been replaced.
            newest = metadata if remembered is None else self._ask_metadata(deadline)
            if newest.signatures == metadata.signatures:
                raise
            answers = self._embed_new(artists, newest, deadline)
        return NewEmbeddings(
            self._vectors(answers, len(artists), deadline),
            _column(answers, "known_neighbors", np.int64, (len(artists),)),
        )

    def close(self) -> None:
        """Ends the connections. What is asked afterwards raises a `ServingError`."""
        self._closed = True
        self._grpc.close()
        if self._rest is not None:
            self._rest.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self) -> Deadline:
        if self._closed:
            raise ServingError("CANCELLED", "The client is closed.")
        return Deadline(self._timeout)

    def _parts(self, ids: Sequence[str]) -> list[NDArray[np.object_]]:
        return [
            np.array(ids[start : start + self._max_batch], object)
            for start in range(0, len(ids), self._max_batch)
        ]

    def _embed_new(
        self, artists: Sequence[NewArtist], metadata: ModelMetadata, deadline: Deadline
    ) -> list[Mapping[str, Any]]:
        modalities = modalities_of(_signature(metadata, "embed_new"))
        pieces = [
            tensors_of(artists[start : start + self._max_batch], modalities)
            for start in range(0, len(artists), self._max_batch)
        ]
        return self._ask_pieces("embed_new", pieces, deadline)

    def _ask_pieces(
        self, signature: str, pieces: Sequence[Inputs], deadline: Deadline
    ) -> list[Mapping[str, Any]]:
        """The outputs of each piece, all of one version: vectors of two cannot be compared."""

        def ask_all(version: int | None) -> list[Mapping[str, Any]]:
            return [ask_one(piece, version) for piece in pieces]

        def ask_one(piece: Inputs, version: int | None) -> Mapping[str, Any]:
            return self._ask(
                lambda transport: transport.predict(signature, piece, version, deadline), deadline
            )

        if self._version is not None or len(pieces) < 2:
            return ask_all(self._version)
        newest = self._ask_metadata(deadline).version
        try:
            return ask_all(newest)
        except NotFound:
            # It may have been replaced on the way; then the next one answers all.
            replacement = self._ask_metadata(deadline).version
            if replacement == newest:
                raise
            return ask_all(replacement)

    def _metadata(self, deadline: Deadline) -> ModelMetadata:
        return self._remembered or self._ask_metadata(deadline)

    def _ask_metadata(self, deadline: Deadline) -> ModelMetadata:
        self._remembered = self._ask(
            lambda transport: transport.metadata(self._version, deadline), deadline
        )
        return self._remembered

    def _ask(
        self, question: Callable[[GrpcTransport | RestTransport], Answer], deadline: Deadline
    ) -> Answer:
        def ask() -> Answer:
            try:
                if self._rest is None or self._grpc.reachable(deadline):
                    return question(self._grpc)
                return question(self._rest)
            except Unavailable:
                self._grpc.look_again()
                raise

        return with_retries(ask, self._retry, deadline)

    def _vectors(
        self, answers: Sequence[Mapping[str, Any]], num_artists: int, deadline: Deadline
    ) -> NDArray[np.float32]:
        if answers:
            return _column(answers, "embedding", np.float32, (num_artists, -1))
        outputs = _signature(self._metadata(deadline), "serving_default").outputs
        dim = outputs["embedding"].shape[-1] if "embedding" in outputs else 0
        return np.zeros((0, max(dim, 0)), np.float32)


def _signature(metadata: ModelMetadata, name: str) -> Signature:
    if name not in metadata.signatures:
        raise InvalidRequest(f"The model has no signature '{name}'; is it one of artist_sim?")
    return metadata.signatures[name]


def _column(
    answers: Sequence[Mapping[str, Any]], name: str, dtype: DTypeLike, shape: tuple[int, ...]
) -> NDArray[Any]:
    """One output of all pieces, put together.

    Args:
      answers: the outputs of each piece, as arrays or nested lists.
      name: of the output.
      dtype: to have.
      shape: to have; -1 where any size will do.
    """
    if not answers:
        return np.zeros([max(size, 0) for size in shape], dtype)
    try:
        column = np.concatenate([np.asarray(answer[name], dtype) for answer in answers])
        if column.ndim != len(shape) or len(column) != shape[0]:
            raise ValueError(f"The shape is {column.shape}.")
    except (KeyError, TypeError, ValueError) as error:
        raise error_of("INTERNAL", f"'{name}' is missing or not as the signature says") from error
    return column
