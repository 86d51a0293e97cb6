"""What a timer makes up at start. Expected: ScheduleMonitor.cs of Azure's timer extension."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.host.ncrontab import parse_schedule
from local.host.timers import ScheduleStatus, StatusFile, is_monitored, status_at_start, timer_datum

HOURLY = parse_schedule("0 0 * * * *")
NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 1, 1, hour, minute, tzinfo=UTC)


def test_a_first_start_looks_forward() -> None:
    assert status_at_start(None, HOURLY, NOW) == ScheduleStatus(None, at(13), NOW)


def test_a_missed_occurrence_stands_in_the_past() -> None:
    found = ScheduleStatus(at(9), at(10), at(9))
    assert status_at_start(found, HOURLY, NOW).next < NOW


def test_a_host_that_was_away_between_two_occurrences_missed_nothing() -> None:
    found = ScheduleStatus(at(12), at(13), at(12))
    assert status_at_start(found, HOURLY, NOW) == found


def test_a_changed_schedule_is_not_taken_for_a_missed_run() -> None:
    found = ScheduleStatus(at(9), at(9, 15), at(9))  # recorded under a schedule of every 15 minutes
    assert status_at_start(found, HOURLY, NOW) == ScheduleStatus(None, at(13), NOW)


@pytest.mark.parametrize(
    ("text", "expected"), [("0 * * * * *", True), ("*/30 * * * * *", False), ("0,30 0 * * * *", False)]
)
def test_runs_less_than_a_minute_apart_are_not_made_up(text: str, expected: bool) -> None:
    assert is_monitored(parse_schedule(text), NOW) is expected


def test_a_status_survives_its_file(tmp_path: Path) -> None:
    file = StatusFile(tmp_path / "timers" / "sweep.json")
    for status in (ScheduleStatus(None, at(13), NOW), ScheduleStatus(at(12), at(13), at(12))):
        file.write(status)
        assert file.read() == status


def test_a_damaged_status_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text('{"Last": ')
    assert StatusFile(tmp_path / "sweep.json").read() is None


def test_a_function_is_shown_schedule_and_status_in_azures_words() -> None:
    document = json.loads(timer_datum(ScheduleStatus(at(12), at(13), at(12)), past_due=True).value)
    assert document == {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {
            "Last": "2026-01-01T12:00:00+00:00",
            "Next": "2026-01-01T13:00:00+00:00",
            "LastUpdated": "2026-01-01T12:00:00+00:00",
        },
        "IsPastDue": True,
    }
