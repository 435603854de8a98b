"""The span of a catalogue without a driver, for runners that have none."""

from __future__ import annotations

import datetime
import re
from typing import Final

from tfx.components.example_gen import input_processor
from tfx.proto import example_gen_pb2, range_config_pb2

from catalogues.errors import InputError

_FIRST_DAY: Final = datetime.date(1970, 1, 1)
"""Spans of dated folders are numbered from here, by TFX."""


def resolve_span(base: str, inputs: example_gen_pb2.Input, wanted: str) -> int:
    """Puts a span's folder into the pattern of the one input split, as TFX's driver would.

    Args:
      base: the fixed part of the catalogue's path.
      inputs: its split's pattern is changed in place.
      wanted: the span's number, or the date of a dated folder; '' for the newest.

    Returns:
      The span's number; days since 1970 for a dated folder, 0 where the path has no pattern.

    Raises:
      InputError: a span is wanted of a path without spans, is no number or date, or is not there.
    """
    (split,) = inputs.splits
    if "{" not in split.pattern:
        if wanted:
            raise InputError(
                f"The span '{wanted}' is asked for, but `catalogue.path` has no {{SPAN}} and no "
                "date; leave the span out, or put one there."
            )
        return 0
    number = _span_number(wanted) if wanted else None
    chosen = None
    try:
        if number is not None:
            chosen = range_config_pb2.RangeConfig(
                static_range=range_config_pb2.StaticRange(
                    start_span_number=number, end_span_number=number
                )
            )
        processor = input_processor.FileBasedInputProcessor(base, inputs.splits, chosen)
        span, version = processor.resolve_span_and_version()
    # Also where the number is too large for a span (ValueError) or for a date (OverflowError).
    except (ValueError, OverflowError):
        raise InputError(
            f"No folder of the catalogue matches '{split.pattern.removesuffix('/*')}'"
            f"{f' for the span {wanted}' if wanted else ''}; check `catalogue.path`, and the span."
        ) from None
    split.pattern = processor.get_pattern_for_span_version(split.pattern, span, version)
    return span


def _span_number(wanted: str) -> int:
    if re.fullmatch(r"\d+", wanted):
        return int(wanted)
    try:
        return (datetime.date.fromisoformat(wanted) - _FIRST_DAY).days
    except ValueError:
        raise InputError(
            f"The span '{wanted}' is neither a whole number nor a date such as 2026-01-31; "
            "correct it, or leave it out for the newest."
        ) from None
