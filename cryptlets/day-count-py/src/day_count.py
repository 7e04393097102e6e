"""Day-count fractions of the 2006 ISDA Definitions, section 4.16, as exact fractions."""

from calendar import isleap
from datetime import date
from fractions import Fraction


class DayCountError(Exception):
    """There is no such fraction; `code` is for machines, the text for people."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


def year_fraction(convention: str, start: str, end: str) -> tuple[int, Fraction]:
    """The days from `start` to `end`, both as ISO 8601 has them, and the part of a year they are."""
    try:
        count = CONVENTIONS[convention]
    except KeyError:
        known = ", ".join(CONVENTIONS)
        raise DayCountError(
            "unknown-convention", f"{convention!r} is no convention known here; known are {known}"
        ) from None
    first, last = _date(start), _date(end)
    if last < first:
        raise DayCountError("reversed-period", f"{end} is before {start}; exchange them")
    return count(first, last)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DayCountError("invalid-date", f"{text!r} is no date; write it as 2026-01-31") from None


def _actual(year: int):
    def count(start: date, end: date) -> tuple[int, Fraction]:
        days = (end - start).days
        return days, Fraction(days, year)

    return count


def _actual_actual(start: date, end: date) -> tuple[int, Fraction]:
    """4.16(b): the days that fall into each year, over the days that this year has."""
    fraction = Fraction(0)
    at = start
    while at < end:
        until = end if at.year == end.year else date(at.year + 1, 1, 1)
        fraction += Fraction((until - at).days, 366 if isleap(at.year) else 365)
        at = until
    return (end - start).days, fraction


def _thirty(european: bool):
    """4.16(f), and (g) if european: months of thirty days."""

    def count(start: date, end: date) -> tuple[int, Fraction]:
        first = min(start.day, 30)
        last = 30 if end.day == 31 and (european or first == 30) else end.day
        months = 12 * (end.year - start.year) + end.month - start.month
        days = 30 * months + last - first
        return days, Fraction(days, 360)

    return count


CONVENTIONS = {
    "ACT/360": _actual(360),
    "ACT/365F": _actual(365),
    "ACT/ACT": _actual_actual,
    "30/360": _thirty(european=False),
    "30E/360": _thirty(european=True),
}
