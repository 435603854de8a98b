"""Answers beside the right ones: what is wrong with each is worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.questions import Question, fault, read_questions, write_questions

EMBEDDING = Question(
    "serving_default",
    {"artist_id": np.array(["a", "b"], object)},
    {
        "embedding": np.array([[0.0, 2.0], [1.0, 0.5]], np.float32),
        "known": np.array([True, True]),
    },
)
SIMILAR = Question(
    "similar",
    {"artist_id": np.array(["a"], object), "k": np.array(3, np.int32)},
    {
        "similar_id": np.array([["b", "c", "d"]], object),
        "name": np.array([["B", "C", "D"]], object),
        "score": np.array([[0.9, 0.5, 0.499]], np.float32),
    },
)


def changed(question: Question, **outputs: Any) -> dict[str, Any]:
    """The right answer, as nested lists, with other values for some outputs."""
    return {**{name: value.tolist() for name, value in question.answer.items()}, **outputs}


@pytest.mark.parametrize("question", [EMBEDDING, SIMILAR])
def test_the_right_answer_has_no_fault(question):
    assert fault(question, question.answer) is None
    assert fault(question, changed(question)) is None, "as REST has it"


def test_numbers_may_differ_by_a_hundredth_of_the_largest():
    assert fault(EMBEDDING, changed(EMBEDDING, embedding=[[0.0, 2.015], [1.0, 0.5]])) is None
    assert fault(EMBEDDING, changed(EMBEDDING, embedding=[[0.03, 2.0], [1.0, 0.5]])) == (
        "the output 'embedding' of 'serving_default' is up to 0.03 away from what the judged model "
        "answers"
    )


@pytest.mark.parametrize(
    ("outputs", "told"),
    [
        ({"embedding": [[0.0, float("nan")], [1.0, 0.5]]}, "has numbers that are not finite"),
        ({"embedding": [[0.0, 2.0]]}, "has the shape [1, 2], not [2, 2]"),
        ({"embedding": "text"}, "is missing or of another type"),
        ({"known": [True, False]}, "the output 'known' of 'serving_default' is another"),
    ],
)
def test_what_is_wrong_with_embeddings(outputs, told):
    assert told in fault(EMBEDDING, changed(EMBEDDING, **outputs))


def test_an_output_that_is_missing():
    answer = changed(EMBEDDING)
    del answer["known"]
    assert "'known' of 'serving_default' is missing" in fault(EMBEDDING, answer)


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (["b", "d", "c"], None),  # Nearly the same score.
        (["b", "c", "e"], None),  # As far as the last one's score goes.
        (["c", "b", "d"], "'similar' has 'c' in another place than the judged model"),
        (["e", "c", "d"], "'similar' has 'e' in another place"),
        (["b", "c", "c"], "'similar' has an artist twice"),
        (["b", "c", "a"], "'similar' of 'a' has that artist itself"),
    ],
)
def test_rankings(ids, told):
    found = fault(SIMILAR, changed(SIMILAR, similar_id=[ids]))
    assert found is None if told is None else told in found


def test_fewer_similar_artists_than_there_are():
    answer = changed(SIMILAR, similar_id=[["b", "c"]], name=[["B", "C"]], score=[[0.9, 0.5]])
    assert "has the shape [1, 2], not [1, 3]" in fault(SIMILAR, answer)


def test_questions_survive_a_file(tmp_path: Path):
    path = tmp_path / "questions.npz"
    write_questions([EMBEDDING, SIMILAR], path)
    for before, after in zip([EMBEDDING, SIMILAR], read_questions(path), strict=True):
        assert before.signature == after.signature
        for kind in ("inputs", "answer"):
            assert set(getattr(before, kind)) == set(getattr(after, kind))
            for name, value in getattr(before, kind).items():
                np.testing.assert_array_equal(getattr(after, kind)[name], value, strict=True)
