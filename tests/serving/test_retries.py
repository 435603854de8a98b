"""What is tried again, how far apart, and for how long."""

from __future__ import annotations

import pytest

from serving.errors import DeadlineExceeded, InvalidRequest, NotFound, ServingError, Unavailable
from serving.retries import Deadline, RetryPolicy, with_retries

AT_ONCE = RetryPolicy(attempts=4, first_wait=0.0)


class Question:
    """Raises its errors one after the other, then answers."""

    def __init__(self, *errors: ServingError):
        self.errors, self.asked = list(errors), 0

    def __call__(self) -> str:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.mark.parametrize("failures", range(4))
def test_what_is_unavailable_is_asked_again(failures):
    question = Question(*[Unavailable("")] * failures)
    assert with_retries(question, AT_ONCE, Deadline(10)) == "answer"
    assert question.asked == failures + 1


def test_the_last_error_is_raised_when_attempts_are_used_up():
    question = Question(*(Unavailable(str(number)) for number in range(9)))
    with pytest.raises(Unavailable, match="3"):
        with_retries(question, AT_ONCE, Deadline(10))
    assert question.asked == 4


@pytest.mark.parametrize(
    "error",
    [InvalidRequest(""), NotFound(""), DeadlineExceeded(), ServingError("RESOURCE_EXHAUSTED", "")],
)
def test_nothing_else_is_asked_again(error):
    question = Question(error)
    with pytest.raises(type(error)):
        with_retries(question, AT_ONCE, Deadline(10))
    assert question.asked == 1


def test_waits_double_up_to_the_longest_and_are_spread(monkeypatch):
    policy = RetryPolicy(first_wait=0.5, longest_wait=3.0)
    monkeypatch.setattr("random.uniform", lambda low, high: (low, high))
    bounds = [policy.wait(failures) for failures in range(1, 6)]
    assert bounds == [(0, 0.5), (0, 1.0), (0, 2.0), (0, 3.0), (0, 3.0)]


def test_no_wait_goes_beyond_the_deadline(monkeypatch):
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    question = Question(*[Unavailable("")] * 9)
    with pytest.raises(Unavailable):
        with_retries(question, RetryPolicy(attempts=9, first_wait=0.1), Deadline(0.25))
    # After 0.1 s comes the second; 0.2 s more would be too late.
    assert question.asked == 2


def test_nothing_is_asked_after_the_deadline():
    question = Question()
    with pytest.raises(DeadlineExceeded, match="did not answer in time"):
        with_retries(question, AT_ONCE, Deadline(0))
    assert question.asked == 0
