"""One model at a server: over one interface or the other, again and again, and at one version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from numpy.typing import NDArray

from catalogues.spec import LISTENING
from serving.answers import Outputs
from serving.errors import InvalidRequest, NotFound, Unavailable
from serving.grpc_transport import GrpcTransport
from serving.listening import TAKES_NO_PLAYS
from serving.protocol import ModelMetadata, Signature, VersionStatus
from serving.rest_transport import RestTransport
from serving.retries import Deadline, RetryPolicy, with_retries

Answer = TypeVar("Answer")
Inputs = Mapping[str, NDArray[Any]]


class Connection:
    """Asks the server; thread-safe.

    Args:
      by_grpc: is asked first.
      by_rest: is asked while no gRPC connection can be made, if there is one.
      version: of the model; None for the newest.
      retry: how often and how far apart to ask a server that is unavailable.
    """

    def __init__(
        self,
        by_grpc: GrpcTransport,
        by_rest: RestTransport | None,
        version: int | None,
        retry: RetryPolicy,
    ):
        self._grpc, self._rest = by_grpc, by_rest
        self._version, self._retry = version, retry
        self._remembered: ModelMetadata | None = None

    def predict(
        self, signature: str, inputs: Inputs, version: int | None, deadline: Deadline
    ) -> Outputs:
        """The outputs of a signature, of that version or the newest."""
        return self._ask(
            lambda transport: transport.predict(signature, inputs, version, deadline), deadline
        )

    def predict_all(
        self, signature: str, pieces: Sequence[Inputs], deadline: Deadline
    ) -> list[Outputs]:
        """The outputs of each piece, all of one version: vectors of two cannot be compared."""

        def ask_all(version: int | None) -> list[Outputs]:
            return [self.predict(signature, piece, version, deadline) for piece in pieces]

        if self._version is not None or len(pieces) < 2:
            return ask_all(self._version)
        return self.at_one_version(lambda metadata: ask_all(metadata.version), deadline)

    def at_one_version(self, ask: Callable[[ModelMetadata], Answer], deadline: Deadline) -> Answer:
        """What several requests to one version find.

        Args:
          ask: given a version and its signatures; called again, with the next version, if the first
            is replaced meanwhile.
          deadline: for all of it.
        """
        if self._version is not None:
            return ask(self.metadata(deadline))
        newest = self.newest_metadata(deadline)
        try:
            return ask(newest)
        except NotFound:
            replacement = self.newest_metadata(deadline)
            if replacement.version == newest.version:
                raise
            return ask(replacement)

    @property
    def knows_metadata(self) -> bool:
        """Whether `metadata` is remembered, and so may be of a version that has been replaced."""
        return self._remembered is not None

    def metadata(self, deadline: Deadline) -> ModelMetadata:
        """What the server said of the model when it was last asked."""
        return self._remembered or self.newest_metadata(deadline)

    def newest_metadata(self, deadline: Deadline) -> ModelMetadata:
        """What the server says of the model now."""
        self._remembered = self._ask(
            lambda transport: transport.metadata(self._version, deadline), deadline
        )
        return self._remembered

    def require(self, signature: str, deadline: Deadline) -> None:
        """Refuses a signature that the model does not have.

        Raises:
          InvalidRequest: so it is, also now.
        """
        known = self.knows_metadata
        if signature not in self.metadata(deadline).signatures and known:
            self.newest_metadata(deadline)
        signature_of(self.metadata(deadline), signature)

    def statuses(self, deadline: Deadline) -> list[VersionStatus]:
        """What the server says of its versions."""
        return self._ask(lambda transport: transport.statuses(deadline), deadline)

    def close(self) -> None:
        """Ends the connections."""
        self._grpc.close()
        if self._rest is not None:
            self._rest.close()

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


def signature_of(metadata: ModelMetadata, name: str) -> Signature:
    """A signature of the model.

    Raises:
      InvalidRequest: it has none of that name.
    """
    if name not in metadata.signatures and name == LISTENING:
        raise InvalidRequest(TAKES_NO_PLAYS)
    if name not in metadata.signatures:
        raise InvalidRequest(
            f"The model has no signature '{name}'; is it one of artist_sim? If so, it is older "
            "than this client: run the pipeline again."
        )
    return metadata.signatures[name]
