"""`artist-sim serve`."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Callable
from pathlib import Path


def add_command(
    commands: argparse._SubParsersAction,
    name: str,
    default_root: Callable[[], Path],
    quiet: Callable[[], None],
) -> None:
    """Adds `serve`.

    Args:
      commands: of the parser.
      name: of the model.
      default_root: gives the folder of the versions if none is named.
      quiet: called before libraries are imported that say too much.
    """
    parser = commands.add_parser(
        "serve",
        help="answer requests for the last pushed model, as TF Serving does",
        description="Serves the newest pushed version over TF Serving's REST and gRPC protocols, "
        "and goes over to newer ones as they are pushed. Ends with Ctrl-C.",
        epilog="A token in ARTIST_SIM_TOKEN must then come with every request, as "
        "'Authorization: Bearer <token>'.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=argparse.SUPPRESS,
        help="folder of the versions (default: where the pipeline pushes)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--rest-port", type=_port, default=8501, help="of REST; 0: any free one")
    parser.add_argument("--grpc-port", type=_port, default=8500, help="of gRPC; 0: any free one")
    parser.add_argument(
        "--max-body", type=_positive, default=16, metavar="MIB", help="largest request"
    )
    parser.add_argument(
        "--max-batch", type=_positive, default=4096, metavar="ROWS", help="most rows of a request"
    )
    parser.add_argument(
        "--max-k", type=_positive, default=1000, metavar="K", help="most similar artists asked for"
    )
    parser.add_argument(
        "--timeout", type=_positive, default=10, metavar="S", help="longest time of a request"
    )
    parser.add_argument(
        "--concurrent", type=_positive, default=256, metavar="N", help="most requests at once"
    )

    def serve(args: argparse.Namespace) -> int:
        quiet()
        return _serve(args, name, getattr(args, "root", None) or default_root())

    parser.set_defaults(func=serve)


def _serve(args: argparse.Namespace, name: str, root: Path) -> int:
    from serving.embedded.limits import MIB, Limits
    from serving.embedded.server import Listening, ServerConfig, run_server

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("artist_sim.serve").setLevel(logging.INFO)
    config = ServerConfig(
        root=root,
        name=name,
        host=args.host,
        rest_port=args.rest_port,
        grpc_port=args.grpc_port,
        token=os.environ.get("ARTIST_SIM_TOKEN") or None,
        limits=Limits(
            body=args.max_body * MIB,
            batch=args.max_batch,
            k=args.max_k,
            seconds=args.timeout,
            concurrent=args.concurrent,
        ),
    )

    def ready(at: Listening) -> None:
        host = f"[{args.host}]" if ":" in args.host else args.host
        print(f"serving version {at.version} of {name}")
        print(f"page: http://{host}:{at.rest_port}/")
        print(f"REST: http://{host}:{at.rest_port}/v1/models/{name}")
        print(f"gRPC: {host}:{at.grpc_port}", flush=True)

    run_server(config, ready)
    return 0


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above zero")
    return int(text)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port, 0 to 65535")
    return int(text)
