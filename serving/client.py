"""A client of artist_sim models behind TensorFlow Serving.

It knows TensorFlow Serving's protocol and imports no TensorFlow.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

import grpc
import numpy as np
from numpy.typing import ArrayLike, NDArray

from catalogues.spec import LISTENING
from serving.answers import Embeddings, NewEmbeddings, Outputs, SimilarArtists, column, ranked
from serving.connection import Connection, signature_of
from serving.errors import InvalidRequest, ServingError
from serving.filters import Filters
from serving.grpc_transport import GrpcTransport
from serving.listening import (
    ListeningVectors,
    listening_vectors,
    tensors_of_plays,
    with_vectors,
)
from serving.new_artist import NewArtist, modalities_of, tensors_of
from serving.protocol import ModelMetadata, VersionStatus, texts_of
from serving.pushed_model import SimilarArtist
from serving.rest_transport import RestTransport
from serving.retries import Deadline, RetryPolicy

_LARGEST_K = int(np.iinfo(np.int32).max)


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
        self._timeout, self._max_batch = timeout, max_batch
        by_rest = RestTransport(rest_address, model, token) if rest_address else None
        by_grpc = GrpcTransport(address, model, token, credentials)
        self._connection = Connection(by_grpc, by_rest, version, retry)
        self._closed = False

    def embed(self, artist_ids: Sequence[str]) -> Embeddings:
        """The embeddings of artists of the catalogue.

        Args:
          artist_ids: any number of ids.

        Raises:
          ServingError: there is no answer; see its subclasses.
        """
        deadline, ids = self._start(), texts_of(artist_ids, "artist_ids")
        pieces = [{"artist_id": part} for part in self._parts(np.array(ids, object))]
        answers = self._connection.predict_all("serving_default", pieces, deadline)
        return Embeddings(
            self._vectors(answers, len(ids), deadline),
            column(answers, "known", np.bool_, (len(ids),)),
        )

    def similar(
        self, artist_ids: Sequence[str], k: int = 10, filters: Filters | None = None
    ) -> list[SimilarArtists]:
        """The artists of the catalogue that are most similar to each of some others of it.

        Args:
          artist_ids: any number of ids.
          k: artists in each answer, if there are so many others, and so many pass the filters.
          filters: who may be in an answer; all by default.

        Returns:
          One answer for each id, in the same order.

        Raises:
          InvalidRequest: the model has no modality that a filter names; the message has those that
            there are. Or it is older than filters.
          ServingError: there is no answer; see its subclasses.
        """
        deadline, ids = self._start(), texts_of(artist_ids, "artist_ids")
        count, signature = _count(k), "similar" if filters is None else "similar_filtered"
        pieces = [
            {"artist_id": part, "k": count, **(filters.tensors(len(part)) if filters else {})}
            for part in self._parts(np.array(ids, object))
        ]
        if filters is not None:
            self._connection.require(signature, deadline)
        answers = self._connection.predict_all(signature, pieces, deadline)
        known = column(answers, "known", np.bool_, (len(ids),))
        return [
            SimilarArtists(artist_id, bool(is_known), artists if is_known else ())
            for artist_id, is_known, artists in zip(
                ids, known, ranked(answers, len(ids)), strict=True
            )
        ]

    def nearest(
        self, embeddings: ArrayLike, k: int = 10, filters: Filters | None = None
    ) -> list[tuple[SimilarArtist, ...]]:
        """The artists of the catalogue whose embeddings have the largest dot product with others.

        Embeddings of two versions of a model cannot be compared. Where another may be pushed
        between `embed_new` and this, `similar_to_new` keeps to one.

        Args:
          embeddings: [num_embeddings, dim] finite numbers, as `embed` or `embed_new` gives them.
          k: artists in each answer, if so many pass the filters.
          filters: who may be in an answer; all by default.

        Returns:
          One answer for each embedding, in the same order, the largest dot product first.

        Raises:
          InvalidRequest: the embeddings are of another kind, or as for `similar`.
          ServingError: there is no answer; see its subclasses.
        """
        deadline, count, wanted = self._start(), _count(k), filters or Filters()
        vectors = _vectors_of(embeddings)
        pieces = [
            {"embedding": part, "k": count, **wanted.tensors(len(part))}
            for part in self._parts(vectors)
        ]
        self._connection.require("nearest", deadline)
        answers = self._connection.predict_all("nearest", pieces, deadline)
        return ranked(answers, len(vectors))

    def listening(self, plays: Iterable[Mapping[str, float]]) -> ListeningVectors:
        """What the plays of artists become: the content 'listening' of new ones.

        Args:
          plays: of each artist: listener id -> how often. Listeners whom the model does not know
            say nothing.

        Raises:
          InvalidRequest: plays are no finite numbers or below zero, or the model takes none.
          ServingError: there is no answer; see its subclasses.
        """
        deadline, rows = self._start(), list(plays)
        pieces = [tensors_of_plays(part) for part in self._parts(rows)]
        self._connection.require(LISTENING, deadline)
        answers = self._connection.predict_all(LISTENING, pieces, deadline)
        outputs = signature_of(self._connection.metadata(deadline), LISTENING).outputs
        return listening_vectors(answers, len(rows), outputs[LISTENING].shape[-1])

    def embed_new(self, new_artists: Iterable[NewArtist]) -> NewEmbeddings:
        """The embeddings of artists that the catalogue does not have.

        What content the model takes is asked for once, and again when it takes another. What plays
        become is asked of the version that embeds them.

        Args:
          new_artists: any number of artists with their content, neighbours and plays.

        Raises:
          InvalidRequest: an artist has content that the model does not take; the message has what
            it takes. Or as for `listening`; or an artist has plays and what they become.
          ServingError: there is no answer; see its subclasses.
        """
        deadline, artists = self._start(), list(new_artists)
        if any(artist.plays for artist in artists):
            answers = self._connection.at_one_version(
                lambda metadata: [
                    self._embed_part(part, metadata, deadline) for part in self._parts(artists)
                ],
                deadline,
            )
            return self._new_embeddings(answers, len(artists), deadline)
        remembered = self._connection.knows_metadata
        metadata = self._connection.metadata(deadline)
        try:
            answers = self._embed_new(artists, metadata, deadline)
        except InvalidRequest:
            # What is remembered may be of a version that has been replaced.
            newest = self._connection.newest_metadata(deadline) if remembered else metadata
            if newest.signatures == metadata.signatures:
                raise
            answers = self._embed_new(artists, newest, deadline)
        return self._new_embeddings(answers, len(artists), deadline)

    def similar_to_new(
        self, new_artists: Iterable[NewArtist], k: int = 10, filters: Filters | None = None
    ) -> list[tuple[SimilarArtist, ...]]:
        """The artists of the catalogue that are most similar to ones that it does not have.

        `embed_new` and then `nearest`, both answered by one version of the model.

        Args:
          new_artists: any number of artists, as for `embed_new`. Neighbours may be in the answer;
            `filters` can leave them out.
          k: artists in each answer, if so many pass the filters.
          filters: who may be in an answer; all by default.

        Returns:
          One answer for each artist, in the same order, the most similar first.

        Raises:
          InvalidRequest: as for `embed_new` and `nearest`.
          ServingError: there is no answer; see its subclasses.
        """
        deadline, artists, count = self._start(), list(new_artists), _count(k)
        wanted, parts = filters or Filters(), self._parts(artists)
        asked = [{"k": count, **wanted.tensors(len(part))} for part in parts]

        def ask(metadata: ModelMetadata) -> list[Outputs]:
            version = metadata.version
            signature_of(metadata, "nearest")
            answers = []
            for part, inputs in zip(parts, asked, strict=True):
                new = self._embed_part(part, metadata, deadline)
                embedding = column([new], "embedding", np.float32, (len(part), -1))
                inputs = {"embedding": embedding, **inputs}
                answers.append(self._connection.predict("nearest", inputs, version, deadline))
            return answers

        if not artists:
            return []
        return ranked(self._connection.at_one_version(ask, deadline), len(artists))

    def versions(self) -> list[VersionStatus]:
        """What the server says of the versions of the model that it knows, as it orders them.

        Raises:
          NotFound: it knows none.
          ServingError: there is no answer; see its subclasses.
        """
        return self._connection.statuses(self._start())

    def predict(self, signature: str, inputs: Mapping[str, NDArray[Any]]) -> Outputs:
        """The outputs of one request, as the server gives them.

        Args:
          signature: its name.
          inputs: name -> array; texts are objects.

        Returns:
          Name -> array, over REST nested lists.

        Raises:
          ServingError: there is no answer; see its subclasses.
        """
        deadline = self._start()
        (answer,) = self._connection.predict_all(signature, [inputs], deadline)
        return answer

    def close(self) -> None:
        """Ends the connections. What is asked afterwards raises a `ServingError`."""
        self._closed = True
        self._connection.close()

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

    def _parts(self, rows: Sequence[Any] | NDArray[Any]) -> list[Any]:
        return [
            rows[start : start + self._max_batch] for start in range(0, len(rows), self._max_batch)
        ]

    def _embed_new(
        self, artists: Sequence[NewArtist], metadata: ModelMetadata, deadline: Deadline
    ) -> list[Outputs]:
        modalities = modalities_of(signature_of(metadata, "embed_new"))
        pieces = [tensors_of(part, modalities) for part in self._parts(artists)]
        return self._connection.predict_all("embed_new", pieces, deadline)

    def _embed_part(
        self, artists: Sequence[NewArtist], metadata: ModelMetadata, deadline: Deadline
    ) -> Outputs:
        """What `embed_new` of a version says, with what it makes of the artists' plays."""
        modalities = modalities_of(signature_of(metadata, "embed_new"))
        if any(artist.plays for artist in artists):
            signature_of(metadata, LISTENING)
            given = tensors_of_plays([artist.plays for artist in artists])
            answer = self._connection.predict(LISTENING, given, metadata.version, deadline)
            artists = with_vectors(artists, listening_vectors([answer], len(artists), 0))
        given = tensors_of(artists, modalities)
        return self._connection.predict("embed_new", given, metadata.version, deadline)

    def _new_embeddings(
        self, answers: Sequence[Outputs], num_artists: int, deadline: Deadline
    ) -> NewEmbeddings:
        return NewEmbeddings(
            self._vectors(answers, num_artists, deadline),
            column(answers, "known_neighbors", np.int64, (num_artists,)),
        )

    def _vectors(
        self, answers: Sequence[Outputs], num_artists: int, deadline: Deadline
    ) -> NDArray[np.float32]:
        if answers:
            return column(answers, "embedding", np.float32, (num_artists, -1))
        metadata = self._connection.metadata(deadline)
        outputs = signature_of(metadata, "serving_default").outputs
        dim = outputs["embedding"].shape[-1] if "embedding" in outputs else 0
        return np.zeros((0, max(dim, 0)), np.float32)


def _count(k: int) -> NDArray[np.int32]:
    if operator.index(k) < 1:
        raise InvalidRequest("k has to be at least 1.")
    return np.array(min(k, _LARGEST_K), np.int32)


def _vectors_of(embeddings: ArrayLike) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            vectors = np.asarray(embeddings, np.float32)
    except OverflowError:
        vectors = np.full((1, 1), np.inf, np.float32)
    except (TypeError, ValueError):
        vectors = np.array(np.nan, np.float32)
    # [] is no embedding, of whatever length.
    if vectors.ndim != 2 and vectors.shape != (0,):
        raise InvalidRequest("The embeddings have to be rows of numbers, all of one length.")
    if not np.isfinite(vectors).all():
        raise InvalidRequest("The embeddings have to have finite numbers.")
    return vectors
