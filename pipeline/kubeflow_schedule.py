"""When a schedule on Kubeflow Pipelines starts its runs.

Its back end reads schedules with `cron.Parse` of github.com/robfig/cron 1.2.0: seconds first, then
minute, hour, day of month, month, and day of week, which alone may be left out; or a descriptor
such as `@daily` or `@every 24h`. So what is five fields everywhere else, "30 3 * * *", is there
second 30 of minute 3 of every hour, on all days.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Final, Protocol

from croniter import CroniterBadDateError, croniter

from catalogues.errors import InputError

_NUM_FIELDS: Final = 6
_SHORTEST: Final = timedelta(minutes=1)
_LOOK_AHEAD_YEARS: Final = 5
"""After which robfig/cron gives up, too."""
_DESCRIPTORS: Final = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
_EVERY: Final = "@every "
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_EXAMPLE: Final = '"0 30 3 * * *" (second, minute, hour, day of month, month, day of week)'


_MONTHS: Final = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclasses.dataclass(frozen=True)
class _Kind:
    """What one field counts; names are those of its values from the least on."""

    title: str
    least: int
    most: int
    names: tuple[str, ...] = ()


_KINDS: Final = (
    _Kind("second", 0, 59),
    _Kind("minute", 0, 59),
    _Kind("hour", 0, 23),
    _Kind("day of month", 1, 31),
    _Kind("month", 1, 12, _MONTHS),
    _Kind("day of week", 0, 6, _DAYS),
)


@dataclasses.dataclass(frozen=True)
class _Field:
    """The values of a field, and whether one of its parts was a star."""

    values: frozenset[int]
    starred: bool


class Schedule(Protocol):
    """Times at which runs start."""

    @property
    def text(self) -> str:
        """As the back end reads it."""

    def next_times(self, after: datetime, count: int) -> list[datetime]:
        """The first times after another, in UTC; fewer than `count` where no more come."""


@dataclasses.dataclass(frozen=True)
class Cron:
    """Times that match six fields.

    Attributes:
      text: as the back end reads it.
      expression: of croniter, seconds first.
      both_days: whether day of month and day of week must both match, or one of them.
    """

    text: str
    expression: str
    both_days: bool

    def next_times(self, after: datetime, count: int) -> list[datetime]:
        """The first times after another, in UTC; fewer than `count` where no more come."""
        times = croniter(
            self.expression,
            after.astimezone(timezone.utc),
            ret_type=datetime,
            day_or=not self.both_days,
            max_years_between_matches=_LOOK_AHEAD_YEARS,
            second_at_beginning=True,
        )
        found: list[datetime] = []
        try:
            while len(found) < count:
                found.append(times.get_next())
        except CroniterBadDateError:
            pass
        return found


@dataclasses.dataclass(frozen=True)
class Every:
    """Times that lie equally far apart: the first that long after the schedule was made."""

    text: str
    delay: timedelta

    def next_times(self, after: datetime, count: int) -> list[datetime]:
        """The first times, if the schedule is made now: at `after`."""
        return [after + i * self.delay for i in range(1, count + 1)]


def typed_schedule(text: str) -> Schedule:
    """The schedule that a person means.

    Five fields are those of every other cron: a second 0 is put before them, as the back end would
    take the first for seconds.

    Args:
      text: five or six fields, or a descriptor.

    Raises:
      InputError: it is no schedule, never comes, or comes more often than once a minute.
    """
    fields = text.split()
    if len(fields) == _NUM_FIELDS - 1 and not fields[0].startswith("@"):
        fields.insert(0, "0")
    schedule = backend_schedule(" ".join(fields))
    times = schedule.next_times(datetime.now(timezone.utc), 3)
    if not times:
        raise InputError(f"cron '{text}': no such day comes; give another day or month.")
    if any(later - earlier < _SHORTEST for earlier, later in zip(times, times[1:])):
        raise InputError(
            f"cron '{text}' starts a run more often than once a minute: the first of six fields "
            f"is the second; give a number, as in {_EXAMPLE}."
        )
    return schedule


def backend_schedule(text: str) -> Schedule:
    """The schedule as the back end reads it.

    Raises:
      InputError: it does not, or it takes it for something that nobody means, such as "*-3".
    """
    if text.startswith(_EVERY):
        return Every(text, _duration(text))
    if text.startswith("@") and text not in _DESCRIPTORS:
        raise InputError(
            f"cron '{text}' is not known; there are {', '.join(_DESCRIPTORS)} and such as "
            "'@every 24h'."
        )
    fields = _DESCRIPTORS.get(text, text).split()
    if len(fields) not in (_NUM_FIELDS - 1, _NUM_FIELDS):
        raise InputError(
            f"cron '{text}' has {len(fields)} fields, not five or six; write it as {_EXAMPLE}."
        )
    if len(fields) < _NUM_FIELDS:
        fields.append("*")
    parsed = [_field(text, field, kind) for field, kind in zip(fields, _KINDS)]
    day, weekday = parsed[3], parsed[5]
    both_days = day.starred or weekday.starred
    listed = [_listed(field, kind) for field, kind in zip(parsed, _KINDS)]
    if not both_days and "*" in (listed[3], listed[5]):
        # One of the two matches every day, so that the other does not matter.
        listed[3] = listed[5] = "*"
    return Cron(text, " ".join(listed), both_days)


def in_words(time: datetime) -> str:
    """A time for a person, such as 'Sunday 22 November 2026, 03:30 UTC'."""
    time = time.astimezone(timezone.utc)
    clock = f"{time:%H:%M:%S}" if time.second else f"{time:%H:%M}"
    return f"{time:%A} {time.day} {time:%B %Y}, {clock} UTC"


def _listed(field: _Field, kind: _Kind) -> str:
    if len(field.values) == kind.most - kind.least + 1:
        return "*"
    return ",".join(str(value) for value in sorted(field.values))


def _field(text: str, field: str, kind: _Kind) -> _Field:
    values: set[int] = set()
    starred = False
    for part in field.split(","):
        span, slash, step = part.partition("/")
        low, hyphen, high = span.partition("-")
        if span in ("*", "?"):
            first, last, starred = kind.least, kind.most, True
        else:
            first = _value(text, field, low, kind)
            last = _value(text, field, high, kind) if hyphen else first
            if slash and not hyphen:
                # "5/20" is "from 5 on, every 20th".
                last = kind.most
        if slash and not (step.isascii() and step.isdigit() and int(step)):
            raise _wrong(text, field, kind, f"'{step}' is not a step above zero")
        if first > last:
            raise _wrong(text, field, kind, f"{low} comes after {high}")
        values.update(range(first, last + 1, int(step) if slash else 1))
    return _Field(frozenset(values), starred)


def _value(text: str, field: str, word: str, kind: _Kind) -> int:
    if word.lower() in kind.names:
        return kind.least + kind.names.index(word.lower())
    value = int(word) if word.isascii() and word.isdigit() else None
    if value is None or not kind.least <= value <= kind.most:
        raise _wrong(text, field, kind, f"'{word}' is none of {_range_of(kind)}")
    return value


def _range_of(kind: _Kind) -> str:
    named = f" or {kind.names[0].upper()} to {kind.names[-1].upper()}" if kind.names else ""
    return f"{kind.least} to {kind.most}{named}"


def _wrong(text: str, field: str, kind: _Kind, why: str) -> InputError:
    where = "" if text == field else f", {kind.title} '{field}'"
    return InputError(f"cron '{text}'{where}: {why}; write it as {_EXAMPLE}.")


def _duration(text: str) -> timedelta:
    """As Go's time.ParseDuration, without a sign; what is less than a second is cut off."""
    given = text[len(_EVERY) :]
    parts: Sequence[tuple[str, str]] = _DURATION.findall(given)
    if not parts or "".join(number + unit for number, unit in parts) != given:
        raise InputError(
            f"cron '{text}': '{given}' is not a duration such as '24h' or '1h30m'; correct it."
        )
    seconds = int(sum(float(number) * _UNITS[unit] for number, unit in parts))
    return timedelta(seconds=max(seconds, 1))
