"""Schedules: read as the back end reads them, and as a person means them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogues.errors import InputError
from pipeline.kubeflow_schedule import backend_schedule, in_words, typed_schedule

AFTER = datetime(2026, 11, 21, 10, 0, 30, tzinfo=timezone.utc)  # a Saturday

# Four times after AFTER, as a program of a few lines on github.com/robfig/cron 1.2.0 printed them:
# t = schedule.Next(t), four times over, of cron.Parse.
ROBFIG = {
    "0 30 3 * * *": "2026-11-22T03:30:00 2026-11-23T03:30:00 2026-11-24T03:30:00"
    " 2026-11-25T03:30:00",
    # Five fields: no day of week, and still the second first.
    "30 3 * * *": "2026-11-21T10:03:30 2026-11-21T11:03:30 2026-11-21T12:03:30 2026-11-21T13:03:30",
    "0 0 12 1 * 1": "2026-11-23T12:00:00 2026-11-30T12:00:00 2026-12-01T12:00:00"
    " 2026-12-07T12:00:00",
    "0 0 12 ? * 1": "2026-11-23T12:00:00 2026-11-30T12:00:00 2026-12-07T12:00:00"
    " 2026-12-14T12:00:00",
    # A star with a step is a star: both days must match.
    "0 0 12 */2 * 1": "2026-11-23T12:00:00 2026-12-07T12:00:00 2026-12-21T12:00:00"
    " 2027-01-11T12:00:00",
    "0 0 12 1,*/10 * 1": "2026-12-21T12:00:00 2027-01-11T12:00:00 2027-02-01T12:00:00"
    " 2027-03-01T12:00:00",
    # All days without a star: either is enough.
    "0 0 12 1-31 * 1": "2026-11-21T12:00:00 2026-11-22T12:00:00 2026-11-23T12:00:00"
    " 2026-11-24T12:00:00",
    "0 0 12 13 * 0-6": "2026-11-21T12:00:00 2026-11-22T12:00:00 2026-11-23T12:00:00"
    " 2026-11-24T12:00:00",
    "0 0 0 29 2 *": "2028-02-29T00:00:00 2032-02-29T00:00:00 2036-02-29T00:00:00"
    " 2040-02-29T00:00:00",
    "0 0 0 31 2 *": "",
    "0 0 12 * * MON-FRI": "2026-11-23T12:00:00 2026-11-24T12:00:00 2026-11-25T12:00:00"
    " 2026-11-26T12:00:00",
    "0 0 12 * jan,Feb sun": "2027-01-03T12:00:00 2027-01-10T12:00:00 2027-01-17T12:00:00"
    " 2027-01-24T12:00:00",
    "0 5/20 * * * *": "2026-11-21T10:05:00 2026-11-21T10:25:00 2026-11-21T10:45:00"
    " 2026-11-21T11:05:00",
    "0 */90 * * * *": "2026-11-21T11:00:00 2026-11-21T12:00:00 2026-11-21T13:00:00"
    " 2026-11-21T14:00:00",
    "15,45 0-10/5 8-18/2 1-7 */3 tue-Thu": "2027-01-01T08:00:15 2027-01-01T08:00:45"
    " 2027-01-01T08:05:15 2027-01-01T08:05:45",
    "59 59 23 31 12 *": "2026-12-31T23:59:59 2027-12-31T23:59:59 2028-12-31T23:59:59"
    " 2029-12-31T23:59:59",
    "@yearly": "2027-01-01T00:00:00 2028-01-01T00:00:00 2029-01-01T00:00:00 2030-01-01T00:00:00",
    "@annually": "2027-01-01T00:00:00 2028-01-01T00:00:00 2029-01-01T00:00:00 2030-01-01T00:00:00",
    "@monthly": "2026-12-01T00:00:00 2027-01-01T00:00:00 2027-02-01T00:00:00 2027-03-01T00:00:00",
    "@weekly": "2026-11-22T00:00:00 2026-11-29T00:00:00 2026-12-06T00:00:00 2026-12-13T00:00:00",
    "@daily": "2026-11-22T00:00:00 2026-11-23T00:00:00 2026-11-24T00:00:00 2026-11-25T00:00:00",
    "@midnight": "2026-11-22T00:00:00 2026-11-23T00:00:00 2026-11-24T00:00:00 2026-11-25T00:00:00",
    "@hourly": "2026-11-21T11:00:00 2026-11-21T12:00:00 2026-11-21T13:00:00 2026-11-21T14:00:00",
    "@every 24h": "2026-11-22T10:00:30 2026-11-23T10:00:30 2026-11-24T10:00:30 2026-11-25T10:00:30",
    "@every 1h30m5s": "2026-11-21T11:30:35 2026-11-21T13:00:40 2026-11-21T14:30:45"
    " 2026-11-21T16:00:50",
    "@every 1.5h": "2026-11-21T11:30:30 2026-11-21T13:00:30 2026-11-21T14:30:30"
    " 2026-11-21T16:00:30",
    "@every 1h0.5s": "2026-11-21T11:00:30 2026-11-21T12:00:30 2026-11-21T13:00:30"
    " 2026-11-21T14:00:30",
    "@every 500ms": "2026-11-21T10:00:31 2026-11-21T10:00:32 2026-11-21T10:00:33"
    " 2026-11-21T10:00:34",
}


@pytest.mark.parametrize("text", ROBFIG)
def test_times_are_those_of_the_library_that_the_back_end_uses(text):
    times = backend_schedule(text).next_times(AFTER, 4)
    assert [f"{time:%Y-%m-%dT%H:%M:%S}" for time in times] == ROBFIG[text].split()
    assert all(time.tzinfo == timezone.utc for time in times)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        # All of these are refused by that library, too.
        ("", "has 0 fields"),
        ("30 3 * *", "has 4 fields"),
        ("TZ=UTC 0 0 3 * * *", "has 7 fields"),
        ("60 0 0 * * *", "second '60': '60' is none of 0 to 59"),
        ("0 0 24 * * *", "hour '24'"),
        ("0 0 0 0 * *", "day of month '0': '0' is none of 1 to 31"),
        ("0 0 0 * 13 *", "month '13': '13' is none of 1 to 12 or JAN to DEC"),
        # croniter takes all of the next.
        ("0 0 12 * * 7", "day of week '7': '7' is none of 0 to 6 or SUN to SAT"),
        ("0 0 12 L * *", "'L' is none of 1 to 31"),
        ("0 0 12 * * 1#2", "'1#2' is none of 0 to 6"),
        ("0 0 22-2 * * *", "22 comes after 2"),
        ("0 0 H * * *", "'H' is none of 0 to 23"),
        ("0 0 12 * * monday", "'monday' is none of"),
        ("0 */0 * * * *", "'0' is not a step above zero"),
        ("0 */x * * * *", "'x' is not a step"),
        ("0 1--3 * * * *", "'-3' is none of 0 to 59"),
        ("0 */2/2 * * * *", "'2/2' is not a step"),
        ("@reboot", "'@reboot' is not known; there are @yearly"),
        ("@Daily", "'@Daily' is not known"),
        ("@every", "'@every' is not known"),
        ("@every 24", "'24' is not a duration"),
        ("@every  24h", "' 24h' is not a duration"),
        ("@every 1d", "'1d' is not a duration"),
        # These it takes, and nobody means what it takes them for.
        ("0 , 12 * * *", "'' is none of 0 to 59"),
        ("0 0 12 * * *-3", "'*' is none of 0 to 6"),
        ("@every -5s", "'-5s' is not a duration"),
    ],
)
def test_what_the_back_end_would_refuse_or_misread(text, sentence):
    with pytest.raises(InputError) as refused:
        backend_schedule(text)
    assert sentence in str(refused.value)
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)


@st.composite
def field(draw: st.DrawFn, least: int, most: int) -> tuple[str, set[int], bool]:
    """A field, its values, and whether it has a star; worked out beside the code under test."""
    parts: list[str] = []
    values: set[int] = set()
    starred = False
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["star", "value", "range"]))
        low = draw(st.integers(least, most))
        high = draw(st.integers(low, most))
        step = draw(st.none() | st.integers(1, most))
        if kind == "star":
            text, low, high, starred = draw(st.sampled_from(["*", "?"])), least, most, True
        elif kind == "value":
            text, high = str(low), low if step is None else most
        else:
            text = f"{low}-{high}"
        parts.append(text if step is None else f"{text}/{step}")
        values |= {
            v for v in range(least, most + 1) if low <= v <= high and not (v - low) % (step or 1)
        }
    return ",".join(parts), values, starred


@given(field(0, 23), field(1, 31), field(1, 12), field(0, 6), st.dates())
def test_times_match_a_slow_search_hour_by_hour(hour, day, month, weekday, date):
    if not 1 < date.year < 9990:
        return
    after = datetime(date.year, date.month, date.day, 5, 59, 59, tzinfo=timezone.utc)
    schedule = backend_schedule(f"0 0 {hour[0]} {day[0]} {month[0]} {weekday[0]}")

    def matches(time: datetime) -> bool:
        days = (time.day in day[1], time.isoweekday() % 7 in weekday[1])
        right_day = all(days) if day[2] or weekday[2] else any(days)
        return right_day and time.hour in hour[1] and time.month in month[1]

    hours = (after + timedelta(seconds=1 + 3600 * i) for i in range(24 * 60))
    expected = [time for time in hours if matches(time)][:3]
    assert schedule.next_times(after, len(expected)) == expected
    if not expected:
        (first, *_) = [*schedule.next_times(after, 1), None]
        assert first is None or (matches(first) and first > after + timedelta(days=60))


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("0 30 3 * * *", "0 30 3 * * *"),
        # What everybody else calls 03:30 every day, which the back end takes for every hour.
        ("30 3 * * *", "0 30 3 * * *"),
        ("  30  3 * *\t* ", "0 30 3 * * *"),
        ("0 4 1 * MON", "0 0 4 1 * MON"),
        (" @daily ", "@daily"),
        ("@every  24h", "@every 24h"),
    ],
)
def test_what_a_person_types_is_sent_so_that_the_back_end_reads_the_same(typed, sent):
    assert typed_schedule(typed).text == sent


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("* 30 3 * * *", "more often than once a minute"),
        ("0,30 0 3 * * *", "more often than once a minute"),
        ("@every 30s", "more often than once a minute"),
        ("0 0 0 31 2 *", "no such day comes"),
        ("nightly", "has 1 fields"),
    ],
)
def test_what_nobody_means_is_refused(typed, sentence):
    with pytest.raises(InputError, match=sentence):
        typed_schedule(typed)


def test_once_a_minute_may_be():
    assert typed_schedule("* * * * *").text == "0 * * * * *"


def test_times_in_words():
    assert in_words(AFTER) == "Saturday 21 November 2026, 10:00:30 UTC"
    east = timezone(timedelta(hours=3))
    time = datetime(2026, 12, 1, 2, 5, tzinfo=east)
    assert in_words(time) == "Monday 30 November 2026, 23:05 UTC"
