"""Quartz cron expressions: reading them, and when they fire next. Pure.

    second minute hour day-of-month month day-of-week [year]

Names of months and days in English, SUN is 1. Exactly one of the two day fields is `?`. `L`, `LW`, `15W`, `L-3`,
`6L` and `6#3` as Quartz documents them. Every wall-clock time fires once: one that daylight saving skips fires as
much later as the clock jumped; of one that comes twice, the later is meant, as in Java's calendar [INFERRED].
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

LAST_YEAR = 2099
MAX_LENGTH = 1000  # every field as a list of all that it may be

MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MONTHS = {name: number for number, name in enumerate(MONTH_NAMES, 1)}
DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}

FIELDS: tuple[tuple[str, int, int, Mapping[str, int]], ...] = (
    ("seconds", 0, 59, {}),
    ("minutes", 0, 59, {}),
    ("hours", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, MONTHS),
    ("day of week", 1, 7, DAYS),
    ("year", 1970, LAST_YEAR, {}),
)

# SERVER: java.time.ZoneId.SHORT_IDS. Three of its names (EST, HST, MST) are IANA's too.
SHORT_NAMES = {
    "ACT": "Australia/Darwin", "AET": "Australia/Sydney", "AGT": "America/Argentina/Buenos_Aires",
    "ART": "Africa/Cairo", "AST": "America/Anchorage", "BET": "America/Sao_Paulo", "BST": "Asia/Dhaka",
    "CAT": "Africa/Harare", "CNT": "America/St_Johns", "CST": "America/Chicago", "CTT": "Asia/Shanghai",
    "EAT": "Africa/Addis_Ababa", "ECT": "Europe/Paris", "IET": "America/Indiana/Indianapolis", "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo", "MIT": "Pacific/Apia", "NET": "Asia/Yerevan", "NST": "Pacific/Auckland",
    "PLT": "Asia/Karachi", "PNT": "America/Phoenix", "PRT": "America/Puerto_Rico", "PST": "America/Los_Angeles",
    "SST": "Pacific/Guadalcanal", "VST": "Asia/Ho_Chi_Minh",
}  # fmt: skip

DayRule = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class QuartzSchedule:
    """What an expression means: the times of a day, and which days."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    months: frozenset[int]
    years: frozenset[int]
    days: tuple[DayRule, ...]

    def falls_on(self, day: date) -> bool:
        """Whether it fires at all on a day of its own time zone."""
        return day.year in self.years and day.month in self.months and any(rule(day) for rule in self.days)


@lru_cache(maxsize=1024)
def parse(expression: str) -> QuartzSchedule:
    """The schedule; ValueError says what is wrong, and what is probably meant."""
    if len(expression) > MAX_LENGTH:
        raise ValueError(f"it is longer than {MAX_LENGTH} characters")
    fields = expression.upper().split()
    if len(fields) == 5:
        raise ValueError("it has 5 fields as in Unix; Quartz wants seconds first, then 5 fields with one `?`")
    if len(fields) not in (6, 7):
        raise ValueError(f"it has {len(fields)} fields, Quartz wants 6 or 7")
    if (fields[3] == "?") == (fields[5] == "?"):
        raise ValueError("exactly one of day-of-month and day-of-week is `?`")
    seconds, minutes, hours = (tuple(sorted(_numbers(fields[index], index))) for index in range(3))
    return QuartzSchedule(
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        months=_numbers(fields[4], 4),
        years=_numbers(fields[6] if len(fields) == 7 else "*", 6),
        days=tuple(_days_of_month(fields[3]) if fields[5] == "?" else _days_of_week(fields[5])),
    )


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """ValueError for a name that is no zone of Java, which has those of IANA, short ones, and offsets such as GMT+2."""
    name = SHORT_NAMES.get(name, name)
    if matched := re.fullmatch(r"(?:GMT|UTC|UT)([+-])(\d{1,2})(?::?00)?", name):
        # SERVER: java.util.TimeZone. IANA's names for whole hours have the sign the other way round.
        sign, hours = "-" if matched[1] == "+" else "+", int(matched[2])
        name = f"Etc/GMT{sign}{hours}" if hours else "Etc/GMT"
    if name not in available_timezones():
        raise ValueError(f"'{name}' is no time zone; names are like Europe/Berlin or UTC")
    return ZoneInfo(name)


def next_fire(schedule: QuartzSchedule, where: ZoneInfo, after: datetime) -> datetime | None:
    """The first moment (UTC) after `after`; None when there is none any more."""
    local = after.astimezone(where)
    # A day back: the wall clock may have been turned since.
    day = local.date() - timedelta(days=1)
    while day.year <= LAST_YEAR:
        if day.year not in schedule.years:
            day = date(day.year + 1, 1, 1)
            continue
        if schedule.falls_on(day):
            moment = next(_moments(schedule, where, day, after), None)
            if moment is not None:
                return moment
        day += timedelta(days=1)
    return None


def _moments(schedule: QuartzSchedule, where: ZoneInfo, day: date, after: datetime) -> Iterator[datetime]:
    """The firings of a day after a moment. Hours and minutes that are over as a whole are not looked into."""

    def moment(hour: int, minute: int, second: int) -> datetime:
        return _to_utc(datetime.combine(day, time(hour, minute, second, fold=1), where))

    for hour in schedule.hours:
        if moment(hour, 59, 59) <= after:
            continue
        for minute in schedule.minutes:
            if moment(hour, minute, 59) > after:
                moments = (moment(hour, minute, second) for second in schedule.seconds)
                yield from (firing for firing in moments if firing > after)


def _to_utc(local: datetime) -> datetime:
    """In UTC; a time the clock never showed counts from before the jump, so it comes later."""
    standard = local.astimezone(timezone.utc)
    if standard.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None):
        return standard
    return local.replace(fold=0).astimezone(timezone.utc)


def _numbers(field: str, index: int) -> frozenset[int]:
    if field == "?":
        raise ValueError(f"`?` stands only in the day fields, not in {FIELDS[index][0]}")
    return frozenset(number for part in field.split(",") for number in _part(part, index))


def _part(part: str, index: int) -> Sequence[int]:
    name, least, most, _ = FIELDS[index]
    # SERVER: Quartz takes `/5` for `0/5` (CronExpression).
    matched = re.fullmatch(r"(\*|[0-9A-Z]+)(?:-([0-9A-Z]+))?(?:/(\d+))?", f"*{part}" if part.startswith("/") else part)
    if matched is None or (matched[1] == "*" and matched[2]):
        raise ValueError(f"'{part}' is not understood in {name}")
    step = int(matched[3] or 1)
    if not 1 <= step <= most:
        raise ValueError(f"the step of '{part}' in {name} is out of range")
    if matched[1] == "*":
        return range(least, most + 1, step)
    first = _number(matched[1], index)
    last = _number(matched[2], index) if matched[2] else (most if matched[3] else first)
    if last >= first:
        return range(first, last + 1, step)
    # FRI-MON, 22-2: round the end, except that years do not come round.
    if index == 6:
        raise ValueError(f"'{part}' in {name} goes backwards")
    round_trip = [*range(first, most + 1), *range(least, last + 1)]
    return round_trip[::step]


def _number(text: str, index: int) -> int:
    name, least, most, names = FIELDS[index]
    value = names.get(text, int(text) if text.isdecimal() else -1)
    if not least <= value <= most:
        raise ValueError(f"'{text}' is out of range in {name}: {least} to {most}")
    return value


def _days_of_month(field: str) -> list[DayRule]:
    if field == "L":
        return [lambda day: day.day == _month_length(day)]
    if field == "LW":
        return [lambda day: day.day == _weekday_near(day, _month_length(day))]
    if matched := re.fullmatch(r"L-(\d+)", field):
        back = int(matched[1])
        if back > 30:
            raise ValueError(f"'{field}' goes back further than a month")
        return [lambda day: day.day == _month_length(day) - back]
    if matched := re.fullmatch(r"(\d+)W", field):
        near = _number(matched[1], 3)
        return [lambda day: near <= _month_length(day) and day.day == _weekday_near(day, near)]
    numbers = _numbers(field, 3)
    return [lambda day: day.day in numbers]


def _days_of_week(field: str) -> list[DayRule]:
    if field == "L":
        field = "7"
    if matched := re.fullmatch(r"([0-9A-Z]+)L", field):
        last = _number(matched[1], 5)
        return [lambda day: _quartz_day(day) == last and day.day + 7 > _month_length(day)]
    if matched := re.fullmatch(r"([0-9A-Z]+)#(\d)", field):
        weekday, nth = _number(matched[1], 5), int(matched[2])
        if not 1 <= nth <= 5:
            raise ValueError(f"'{field}': a month has a first to a fifth such day")
        return [lambda day: _quartz_day(day) == weekday and (day.day - 1) // 7 + 1 == nth]
    numbers = _numbers(field, 5)
    return [lambda day: _quartz_day(day) in numbers]


def _quartz_day(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _month_length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _weekday_near(day: date, number: int) -> int:
    """The working day nearest to a day of the month, without leaving the month."""
    weekday = day.replace(day=number).weekday()
    if weekday == 5:
        return number - 1 if number > 1 else number + 2
    if weekday == 6:
        return number + 1 if number < _month_length(day) else number - 2
    return number
