"""What cells mean, in any of the formats."""

import math
from decimal import Decimal

import numpy as np
import pytest

from catalogues.values import (
    to_categories,
    to_float,
    to_id,
    to_popularity,
    to_vector,
    to_weight,
)


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        (" a1 ", "a1"),
        ("Björk", "Björk"),
        (12, "12"),
        (12.0, "12"),
        (np.int32(12), "12"),
        (np.float64(12), "12"),
        (2**60, str(2**60)),
        (Decimal(12), "12"),
    ],
)
def test_ids(cell, meant):
    assert to_id(cell) == meant


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (None, "empty id"),
        ("  ", "empty id"),
        (1.5, "not text: 1.5"),
        (math.nan, "not text: nan"),
        (True, "not text: True"),
        (["a"], "not text"),
        ("a\x00b", "control character"),
        ("a\nb", "control character"),
        ("a\udce9", "control character"),
    ],
)
def test_no_ids(cell, reason):
    with pytest.raises(ValueError, match=reason):
        to_id(cell)


def test_numbers():
    assert to_float(None) is to_float("") is to_float(" ") is None
    assert to_float(" 1.5 ") == to_float(1.5) == to_float(np.float32(1.5)) == 1.5
    assert to_float(Decimal("0.25")) == 0.25
    assert (to_float(True), to_float("False"), to_float(np.bool_(True))) == (1, 0, 1)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("abc", "not a number: 'abc'"),
        ("1,5", "not a number: '1,5'"),
        ("1_000", "not a number: '1_000'"),
        ([1], "not a number"),
        ("NaN", "^NaN$"),
        (math.nan, "^NaN$"),
        ("-inf", "^infinite$"),
        ("1e999", "^infinite$"),
        (10**400, "^infinite$"),
        ("x" * 200, r"^not a number: '.{1,45}$"),
    ],
)
def test_no_numbers(cell, reason):
    with pytest.raises(ValueError, match=reason):
        to_float(cell)


def test_popularity_and_weight_have_a_sign():
    assert to_popularity("0") == 0
    assert to_popularity(None) is None
    assert to_weight("0.5") == 0.5
    assert to_weight("") is None
    with pytest.raises(ValueError, match="negative popularity"):
        to_popularity(-1)
    with pytest.raises(ValueError, match="weight not above zero"):
        to_weight(0)


@pytest.mark.parametrize(
    "cell", ["[1, 2.5]", "1;2.5", " 1 ; 2.5 ", [1, 2.5], (1, 2.5), np.array([1, 2.5]), ["1", 2.5]]
)
def test_vectors(cell):
    assert to_vector(cell) == (1.0, 2.5)


def test_a_vector_may_be_missing_or_short():
    assert to_vector(None) is to_vector("") is None
    assert to_vector("3") == to_vector(3) == (3.0,)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("[]", "empty vector"),
        ([], "empty vector"),
        ("[0.1 0.2]", "not a vector"),
        ("1;;2", "missing"),
        ([1, None], "missing"),
        ([1, math.nan], "NaN"),
        ("1;inf", "infinite"),
        ([[1], [2]], "not a number"),
        ("a;b", "not a number: 'a'"),
    ],
)
def test_no_vectors(cell, reason):
    with pytest.raises(ValueError, match=reason):
        to_vector(cell)


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        (" rock ", ("rock",)),
        ("rock; pop;rock;;", ("rock", "pop")),
        ('["rock; roll", "pop"]', ("rock; roll", "pop")),
        ("[unknown]", ("[unknown]",)),
        (["rock", " pop", None, "", "rock"], ("rock", "pop")),
        (np.array(["rock", "pop"], dtype=object), ("rock", "pop")),
        (1990, ("1990",)),
        (1990.0, ("1990",)),
        ("", None),
        ([], None),
        (None, None),
    ],
)
def test_categories(cell, meant):
    assert to_categories(cell) == meant


def test_no_categories():
    with pytest.raises(ValueError, match="not text: 1.5"):
        to_categories(1.5)
    with pytest.raises(ValueError, match="control character"):
        to_categories("a\x07")
