"""The options of the serving suite; imports nothing that takes time."""

from __future__ import annotations

import argparse
from typing import Final

EMBEDDED: Final = "embedded"
BENTOML: Final = "bentoml"
SERVERS: Final = (EMBEDDED, BENTOML)
"""That are started."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of this suite alone."""
    parser.add_argument("--servers", nargs="+", choices=SERVERS, help="only these")
    parser.add_argument("--artists", nargs="+", type=int, metavar="N", help="of the catalogues")
    parser.add_argument("--rounds", type=int, help="in which the servers take turns")
    parser.add_argument("--seconds", type=float, help="of each run")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--quick", action="store_true", help="one short round of 1,000 artists; nothing is written"
    )
    what.add_argument("--page-only", action="store_true", help="write the page from the results")
