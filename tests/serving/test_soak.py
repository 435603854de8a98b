"""The soak: that it passes in small, and that it would see what it looks for."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from benchmarks.serving.soak import Soak, _pushes, soak
from benchmarks.serving.soak_client import _check
from benchmarks.serving.soak_page import write_page
from benchmarks.serving.soak_requests import GRPC, REST, Question, bad_questions
from benchmarks.serving.soak_watch import Course, Sample, course_of, faults_of


def test_a_small_soak_finds_nothing(tmp_path):
    found = soak(Soak(requests=2000, clients=3, swaps=1, artists=60), tmp_path)
    assert found["faults"] == []
    assert found["wrong"] == 0
    assert found["good"] + found["bad"] >= 2000
    assert 0.05 < found["bad"] / (found["good"] + found["bad"]) < 0.15
    assert set(found["by_version"]) == {1, 2}
    assert [one["broken"] for one in found["pushes"]] == [False, True]
    write_page(json.loads(json.dumps(found)), tmp_path / "soak.md")
    assert "Nothing was amiss." in (tmp_path / "soak.md").read_text()


def answered(*values: float) -> tuple[dict[str, np.ndarray], ...]:
    return tuple({"embedding": np.full((2, 3), value, np.float32)} for value in values)


def checked(
    question: Question, code: str, value: float, version: int | None, allowed
) -> int | None:
    found = {"embedding": np.full((2, 3), value)}
    return _check(question, code, found, version, allowed, {1: 0, 2: 1, 4: 2, 5: 0})


def test_an_answer_has_to_be_that_of_the_version_that_gave_it():
    by_grpc = Question(GRPC, "", b"", "OK", answer=answered(0.0, 1.0, 2.0))
    by_rest = dataclasses.replace(by_grpc, protocol=REST, code="200")
    assert checked(by_grpc, "OK", 1.0, 2, [1, 2]) == 2
    assert checked(by_rest, "200", 1.0, None, [1, 2]) == 2
    assert checked(by_rest, "200", 0.0, None, [4, 5]) == 5
    wrong = [
        (by_grpc, "OK", 0.0, 2, [1, 2]),  # another version's
        (by_grpc, "OK", 0.0, 1, [2]),  # a version that is no longer served
        (by_rest, "200", 0.0, None, [2]),
        (by_rest, "200", 1.001, None, [1, 2]),
        (by_rest, "503", 1.0, None, [1, 2]),
        (by_grpc, "UNAVAILABLE", 1.0, None, [1, 2]),
    ]
    for case in wrong:
        with pytest.raises(AssertionError):
            checked(*case)
    # Rows of two versions in one answer.
    mixed = {"embedding": np.array([[0.0] * 3, [1.0] * 3])}
    with pytest.raises(AssertionError):
        _check(by_rest, "200", mixed, None, [1, 2], {1: 0, 2: 1})


def test_a_bad_request_has_to_get_its_own_status():
    bad = Question(REST, "", b"", "400")
    assert _check(bad, "400", None, None, [1], {1: 0}) is None
    for code in ("200", "404", "500"):
        with pytest.raises(AssertionError):
            _check(bad, code, None, None, [1], {1: 0})
    assert {one.protocol for one in bad_questions(10)} == {REST, GRPC}


def test_the_broken_version_comes_after_the_first_good_one():
    pushes = _pushes(3, 3)
    assert [(one.version, one.broken) for one in pushes] == [
        (2, False),
        (3, True),
        (4, False),
        (5, False),
    ]
    good = [0] + [one.model for one in pushes if not one.broken]
    assert all(one != other for one, other in zip(good, good[1:]))
    assert [one.at for one in pushes] == [0.2, 0.4, 0.6, 0.8]


def test_growth_is_seen_after_the_warm_up():
    # 100 after the warm-up, one more for each hundred requests: worked by hand.
    samples = [
        Sample(asked, 10 if asked < 100 else 90 + asked // 100, 5, 7) for asked in range(1001)
    ]
    course = course_of(samples, "rss")
    assert (course.first, course.last) == (92.0, 98.0)
    assert course.slope == pytest.approx(100, rel=0.02)
    flat = course_of(samples, "fds")
    assert (flat.first, flat.last, flat.slope) == (5.0, 5.0, pytest.approx(0, abs=1e-9))


def test_what_does_not_stay_the_same_is_a_fault():
    flat = Course(100.0, 100.0, 120.0, 0.0)
    courses = {"rss": flat, "fds": flat, "threads": flat}
    assert faults_of(courses, True) == []
    for figure, last in (("rss", 105.1), ("fds", 109.0), ("threads", 105.0)):
        grown = {**courses, figure: dataclasses.replace(flat, last=last)}
        assert len(faults_of(grown, True)) == 1
    assert faults_of({**courses, "rss": dataclasses.replace(flat, last=105.1)}, False) == []
