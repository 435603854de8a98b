"""What is typed finds the artist that is meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.explorer.search import SearchIndex
from serving.pushed_model import folded

# The most prominent first.
NAMES = [
    "The Beatles",
    "Beyoncé",
    "Radiohead",
    "Metallica",
    "AC/DC",
    "Nina Simone",
    "Björk",
    "Jay-Z",
    "Bela B",
    "Beat Happening",
    "Beyond",
    "Sigur Rós",
    "Mø",
    "The The",
    "Nina",
    "Ninajirachi",
    "坂本龍一",
    "!!!",
    "Simon & Garfunkel",
    "Ænigmatum",
]
INDEX = SearchIndex(NAMES)


def found(query: str, limit: int = 20) -> list[str]:
    return [NAMES[place] for place in INDEX.find(query, limit)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("radiohead", "Radiohead"),
        ("RADIOHEAD", "Radiohead"),
        ("bjork", "Björk"),
        ("BJÖRK", "Björk"),
        ("sigur ros", "Sigur Rós"),
        ("mo", "Mø"),
        ("acdc", "AC/DC"),
        ("ac dc", "AC/DC"),
        ("jayz", "Jay-Z"),
        ("beatles", "The Beatles"),
        ("the beatles", "The Beatles"),
        ("the the", "The The"),
        ("simone nina", "Nina Simone"),
        ("garfun", "Simon & Garfunkel"),
        ("坂本", "坂本龍一"),
        ("!!!", "!!!"),
        ("aenigma", "Ænigmatum"),
    ],
)
def test_case_accents_punctuation_and_the_article_do_not_matter(query, first):
    assert found(query)[0] == first


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("beyonse", "Beyoncé"),
        ("metalica", "Metallica"),
        ("radiohaed", "Radiohead"),
        ("beatels", "The Beatles"),
        ("bjrok", "Björk"),
        ("radiohae", "Radiohead"),  # Misspelt, and not yet typed to the end.
        ("simon and garfunkel", "Simon & Garfunkel"),
        ("garfunkle", "Simon & Garfunkel"),
    ],
)
def test_misspelt_names_are_found(query, first):
    assert found(query)[0] == first


def test_whole_names_come_before_beginnings_before_words_before_misspelt_ones():
    assert found("nina")[:3] == ["Nina", "Nina Simone", "Ninajirachi"]
    assert found("beat") == ["The Beatles", "Beat Happening"]
    # A word's beginning, then what is only like it.
    assert found("simon")[:2] == ["Simon & Garfunkel", "Nina Simone"]


def test_equally_good_ones_come_in_the_order_of_the_names():
    assert found("be") == ["The Beatles", "Beyoncé", "Bela B", "Beat Happening", "Beyond"]
    assert found("be", 2) == ["The Beatles", "Beyoncé"]


def test_of_an_empty_query_the_first_names_are_found():
    assert found("", 3) == found("  ", 3) == NAMES[:3]


@pytest.mark.parametrize("query", ["zzzzzz", "xq", "q" * 200, "\n", "\x00", "💥"])
def test_what_nobody_is_called_finds_nobody(query):
    assert found(query) == ([] if query.strip() else NAMES)


def test_there_may_be_nobody():
    assert SearchIndex([]).find("anybody", 5) == []
    assert SearchIndex([]).find("", 5) == []


@given(st.lists(st.text(max_size=12), max_size=12), st.text(max_size=12), st.integers(1, 9))
def test_places_are_of_the_names_and_none_comes_twice(names, query, limit):
    places = SearchIndex(names).find(query, limit)
    assert len(places) == len(set(places)) <= limit
    assert all(0 <= place < len(names) for place in places)


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=12), st.data())
def test_a_name_finds_itself(names, data):
    place = data.draw(st.integers(0, len(names) - 1))
    found = SearchIndex(names).find(names[place], len(names))
    assert place in found


@given(st.lists(st.text("ab ø", max_size=6), max_size=12), st.text("ab", min_size=1, max_size=3))
def test_every_name_with_a_word_that_begins_so_is_found(names, query):
    """Against a loop over all of them."""
    places = SearchIndex(names).find(query, len(names) + 1)
    for place, name in enumerate(names):
        key = folded(name.replace("ø", "o"))
        if any(word.startswith(query) for word in key.split()):
            assert place in places
