"""The span of a catalogue where no driver resolves it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tfx.proto import example_gen_pb2

from catalogues.errors import InputError
from components.catalogue_example_gen.spans import resolve_span


def resolved(base: Path, pattern: str, wanted: str = "") -> tuple[int, str]:
    """The span, and the folder that its pattern names."""
    inputs = example_gen_pb2.Input(
        splits=[example_gen_pb2.Input.Split(name="catalogue", pattern=f"{pattern}/*")]
    )
    span = resolve_span(str(base), inputs, wanted)
    return span, inputs.splits[0].pattern.removesuffix("/*")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name in ("span-2", "span-10", "2026-01-31", "2026-02-01", "plain"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "catalogue.yaml").touch()
    return tmp_path


def test_the_newest_number_and_the_newest_day(base):
    assert resolved(base, "span-{SPAN}") == (10, "span-10")
    # 20,485 days from 1970-01-01: 56 years of 365 days, 14 leap days, 31 days of January.
    assert resolved(base, "{YYYY}-{MM}-{DD}") == (56 * 365 + 14 + 31, "2026-02-01")


def test_a_span_that_is_asked_for(base):
    assert resolved(base, "span-{SPAN}", "2") == (2, "span-2")
    assert resolved(base, "{YYYY}-{MM}-{DD}", "2026-01-31")[1] == "2026-01-31"


def test_a_path_without_spans(base):
    inputs = example_gen_pb2.Input(
        splits=[example_gen_pb2.Input.Split(name="catalogue", pattern="*")]
    )
    assert resolve_span(str(base / "plain"), inputs, "") == 0
    assert inputs.splits[0].pattern == "*"
    with pytest.raises(InputError, match=r"`catalogue.path` has no \{SPAN\}"):
        resolve_span(str(base / "plain"), inputs, "2")


@pytest.mark.parametrize(
    ("pattern", "wanted", "sentence"),
    [
        ("span-{SPAN}", "3", "No folder of the catalogue matches 'span-{SPAN}' for the span 3"),
        ("none-{SPAN}", "", "No folder of the catalogue matches 'none-{SPAN}'; check"),
        ("{YYYY}-{MM}-{DD}", "2026-03-01", "matches '{YYYY}-{MM}-{DD}' for the span 2026-03-01"),
        # A date without its hyphens is a number, and no day before the year 10,000.
        ("{YYYY}-{MM}-{DD}", "20260131", "matches '{YYYY}-{MM}-{DD}' for the span 20260131"),
        ("span-{SPAN}", "2147483648", "matches 'span-{SPAN}' for the span 2147483648"),
        ("span-{SPAN}", "newest", "The span 'newest' is neither a whole number nor a date"),
        ("span-{SPAN}", "2026-02-30", "neither a whole number nor a date"),
    ],
)
def test_a_span_that_is_not_there(base, pattern, wanted, sentence):
    with pytest.raises(InputError) as raised:
        resolved(base, pattern, wanted)
    assert sentence in str(raised.value)
    assert str(base) not in str(raised.value)
