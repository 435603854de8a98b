"""What Beam's direct runner must be kept from when it has worker processes."""

from __future__ import annotations

from typing import Any, Final

import grpc
from apache_beam.runners.portability import local_job_service
from apache_beam.runners.portability.fn_api_runner import worker_handlers

_EVERYWHERE: Final = "[::]:"
_LOOPBACK: Final = "localhost:"


def mend_direct_runner() -> None:
    """From now on, in this process, runners lose no records and talk to workers of this machine.

    Beam has no option for either; it may be called again.

    - What a worker is to read is put together in a buffer, which another thread sends and empties
      once a second, without a lock: what is written between the two is lost, without an error
      (docs/decisions/0024). Here it is sent when it is whole.
    - Beam listens on all addresses, without encryption or password, for pickled data: whoever
      reaches such a port can run code here. Its worker processes connect to 'localhost' anyway.
    """
    worker_handlers.DATA_BUFFER_TIME_LIMIT_MS = 0
    for module in (worker_handlers, local_job_service):
        if module.grpc is grpc:
            module.grpc = _LocalGrpc()


class _LocalGrpc:
    """The module grpc, but for where its servers listen."""

    def __getattr__(self, name: str) -> Any:
        return getattr(grpc, name)

    @staticmethod
    def server(*args: Any, **kwargs: Any) -> grpc.Server:
        """A server whose ports on all addresses are ports of this machine alone."""
        server = grpc.server(*args, **kwargs)
        listen = server.add_insecure_port

        def add_insecure_port(address: str) -> int:
            port: int = listen(address.replace(_EVERYWHERE, _LOOPBACK, 1))
            return port

        server.add_insecure_port = add_insecure_port
        return server
