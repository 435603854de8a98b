"""Options of the suite that make no page are refused."""

from __future__ import annotations

import pytest

from benchmarks import run
from benchmarks.retraining import program
from catalogues.errors import InputError


def test_a_number_of_days_below_one_is_refused(tmp_path):
    parser = run._own_parser(program)
    args = parser.parse_args(["retraining", "--days", "0"])
    with pytest.raises(InputError, match="at least 1, not 0"):
        program.run(args, tmp_path, tmp_path, lambda line: None)


def test_a_page_of_nothing_is_refused(tmp_path):
    args = run._own_parser(program).parse_args(["retraining", "--page-only"])
    with pytest.raises(InputError, match="Nothing is simulated yet"):
        program.run(args, tmp_path, tmp_path, lambda line: None)
