"""NCRONTAB. The examples are those of Azure's timer trigger documentation, with dates worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from local.host.ncrontab import ScheduleRefused, parse_schedule

START = datetime(2026, 1, 1, 8, 58, 59, tzinfo=UTC)  # a Thursday


def following(text: str, count: int = 3, start: datetime = START) -> list[str]:
    return [f"{when:%m-%d %H:%M:%S}" for when in parse_schedule(text).occurrences_after(start, count)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 5 * * * *", ["01-01 09:05:00", "01-01 10:05:00", "01-01 11:05:00"]),
        ("0 */5 * * * *", ["01-01 09:00:00", "01-01 09:05:00", "01-01 09:10:00"]),
        ("5,8,10 * * * * *", ["01-01 08:59:05", "01-01 08:59:08", "01-01 08:59:10"]),
        ("5-7 * * * * *", ["01-01 08:59:05", "01-01 08:59:06", "01-01 08:59:07"]),
        ("0 0 */6 * * *", ["01-01 12:00:00", "01-01 18:00:00", "01-02 00:00:00"]),
        ("0 0 9-17 * * *", ["01-01 09:00:00", "01-01 10:00:00", "01-01 11:00:00"]),
        ("0 30 9 * * 1-5", ["01-01 09:30:00", "01-02 09:30:00", "01-05 09:30:00"]),
        ("0 30 9 * Jan Mon", ["01-05 09:30:00", "01-12 09:30:00", "01-19 09:30:00"]),
        ("30 4 1,15 * 5", ["05-01 04:30:00", "05-15 04:30:00", "01-01 04:30:00"]),
        ("10/20 * * * * *", ["01-01 08:59:10", "01-01 08:59:30", "01-01 08:59:50"]),
        ("0 0 0 * * sunday", ["01-04 00:00:00", "01-11 00:00:00", "01-18 00:00:00"]),
    ],
)
def test_a_schedule_occurs_when_azures_documentation_says(text: str, expected: list[str]) -> None:
    assert following(text) == expected


def test_all_fields_must_match_a_day_and_a_weekday_too() -> None:
    assert following("0 0 0 13 * fri", 1) == ["02-13 00:00:00"]


def test_the_29th_of_february_is_found_years_ahead() -> None:
    (when,) = parse_schedule("0 0 0 29 2 *").occurrences_after(START, 1)
    assert when == datetime(2028, 2, 29, tzinfo=UTC)


def test_an_occurrence_now_is_not_the_next_one() -> None:
    on_time = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
    assert parse_schedule("0 0 * * * *").next_after(on_time) == on_time + timedelta(hours=1)


def test_fractions_of_a_second_do_not_name_a_second_twice() -> None:
    early = datetime(2026, 1, 1, 8, 59, 59, 999_000, tzinfo=UTC)
    assert parse_schedule("0 0 * * * *").next_after(early) == datetime(2026, 1, 1, 9, 0, tzinfo=UTC)


def test_the_zone_of_the_given_time_is_kept() -> None:
    there = timezone(timedelta(hours=2))
    assert parse_schedule("0 0 9 * * *").next_after(datetime(2026, 1, 1, 8, 0, tzinfo=there)).tzinfo is there


@pytest.mark.parametrize(
    "text",
    ["", "* * * *", "* * * * * * *", "60 * * * * *", "* * 24 * * *", "* * * 0 * *", "x * * * * *", "*/0 * * * * *"],
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ScheduleRefused):
        parse_schedule(text)


def test_a_backward_range_is_refused_with_its_field() -> None:
    with pytest.raises(ScheduleRefused, match="hour"):
        parse_schedule("0 0 17-9 * * *")


def test_a_day_that_never_comes_is_refused() -> None:
    with pytest.raises(ScheduleRefused, match="never"):
        parse_schedule("0 0 0 31 2 *").next_after(START)
