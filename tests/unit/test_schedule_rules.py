"""What of a schedule is read and what is due, event for event, from a head and a spec alone. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.events import ScheduleDue, ScheduleRead
from shared.model_yaml.spec_file import load_spec
from shared.retraining import schedules
from shared.retraining.cron import is_cron, is_time_zone, next_after
from shared.spec import Retrain, Schedule, Spec
from shared.state import Appointments, Head
from tests.unit.test_policy_rules import FOLDER, MODEL, NOW
from tests.world import spec_text

SPEC = load_spec(spec_text())
HOUR, DAY, MOMENT = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
BERLIN = "Europe/Berlin"  # an hour ahead of UTC on the first of March
NIGHTS = ("22:00-06:00",)


def asked(*hours: str, **plan: Any) -> Spec:
    return replace(SPEC, schedule=Schedule(**plan), retrain=Retrain(quiet_hours=hours))


def going_by(folder: str, **known: Any) -> Head:
    return replace(MODEL, next_line=7, appointments=Appointments(folder, **known))


def read(spec: Spec, head: Head) -> ScheduleRead | None:
    return schedules.read(head, spec, NOW)


def a_schedule(**moments: datetime) -> ScheduleRead:
    return ScheduleRead(id=f"schedule:{FOLDER}:7", at=NOW, folder=FOLDER, **moments)


# What is read of a folder


@pytest.mark.parametrize(
    ("spec", "moments"),
    [
        (asked(retrain="0 14 * * *", time_zone=BERLIN), {"retrain_at": NOW + HOUR}),
        (asked(data="30 13 * * *", time_zone=BERLIN), {"data_by": NOW + HOUR / 2}),
        (asked(retrain="0 12 * * *", data="0 13 * * *"), {"retrain_at": NOW + DAY, "data_by": NOW + HOUR}),
        (asked(monitor_hours=0.5), {}),
        (asked(*NIGHTS, time_zone=BERLIN), {"quiet_from": NOW + 9 * HOUR, "quiet_until": NOW + 17 * HOUR}),
    ],
)
def test_whatever_a_folder_asks_for_is_read_once_in_its_own_time(spec: Spec, moments: dict[str, datetime]) -> None:
    for head in (going_by(""), going_by("e" * 16)):
        assert read(spec, head) == a_schedule(**moments)
    assert read(spec, going_by(FOLDER)) is None


def test_a_folder_that_asks_for_nothing_is_not_read_while_nothing_is_expected() -> None:
    assert read(asked(), going_by("e" * 16)) is None


@pytest.mark.parametrize("expected", ["retrain_at", "data_by", "monitor_by", "quiet_until"])
def test_a_folder_that_asks_for_nothing_ends_what_was_expected(expected: str) -> None:
    assert read(asked(), going_by("e" * 16, **{expected: NOW + DAY})) == a_schedule()
    assert read(asked(), going_by(FOLDER, **{expected: NOW + DAY})) is None


# What is due

PLAN = asked(retrain="0 14 * * *", data="30 13 * * *", time_zone=BERLIN)
RETRAIN_AT, DATA_BY = NOW - 5 * DAY, NOW - HOUR
RETRAIN = ScheduleDue(
    id="schedule:retrain:2026-02-24T12:00:00+00:00", at=NOW, what="retrain", moment=RETRAIN_AT, next_at=NOW + HOUR
)
DATA = ScheduleDue(
    id="schedule:data:2026-03-01T11:00:00+00:00", at=NOW, what="data", moment=DATA_BY, next_at=NOW + HOUR / 2
)


def test_each_moment_that_has_passed_is_due_once_however_many_were_missed() -> None:
    head = going_by(FOLDER, retrain_at=RETRAIN_AT, data_by=DATA_BY)
    assert schedules.due(head, PLAN, NOW) == [RETRAIN, DATA]
    assert schedules.due(going_by(FOLDER, data_by=DATA_BY), PLAN, NOW) == [DATA]
    assert schedules.due(going_by(FOLDER, retrain_at=RETRAIN_AT), PLAN, NOW) == [RETRAIN]


def test_a_moment_is_due_from_itself_on() -> None:
    head = going_by(FOLDER, data_by=DATA_BY)
    assert schedules.due(head, PLAN, DATA_BY - MOMENT) == []
    assert [event.moment for event in schedules.due(head, PLAN, DATA_BY)] == [DATA_BY]


@pytest.mark.parametrize("changes", [{"paused": "by a person"}, {"freeze": 1}, {"folder": "e" * 16}])
def test_nothing_is_due_while_the_model_stands_still_or_its_folder_was_not_read(changes: dict[str, Any]) -> None:
    nights = replace(PLAN, retrain=Retrain(quiet_hours=NIGHTS))
    head = going_by(FOLDER, retrain_at=RETRAIN_AT, data_by=DATA_BY, quiet_until=NOW - HOUR)
    assert len(schedules.due(head, nights, NOW)) == 3
    assert schedules.due(replace(head, **changes), nights, NOW) == []


def test_quiet_hours_that_are_over_name_the_next() -> None:
    nights, over = asked(*NIGHTS, time_zone=BERLIN), NOW - 7 * HOUR
    following = ScheduleDue(
        id="schedule:quiet:2026-03-01T05:00:00+00:00",
        at=NOW,
        what="quiet",
        moment=over,
        next_at=NOW + 9 * HOUR,
        next_until=NOW + 17 * HOUR,
    )
    assert schedules.due(going_by(FOLDER, quiet_until=over), nights, NOW) == [following]
    assert schedules.due(going_by(FOLDER, quiet_until=over), asked(), NOW) == []
    assert schedules.due(going_by(FOLDER), nights, NOW) == []
    at_their_end = going_by(FOLDER, quiet_until=NOW)
    assert [event.moment for event in schedules.due(at_their_end, nights, NOW)] == [NOW]
    assert schedules.due(at_their_end, nights, NOW - MOMENT) == []


def test_what_is_due_besides_the_end_of_quiet_hours_comes_first() -> None:
    both = replace(PLAN, retrain=Retrain(quiet_hours=NIGHTS))
    head = going_by(FOLDER, data_by=DATA_BY, quiet_until=NOW - 7 * HOUR)
    assert [event.what for event in schedules.due(head, both, NOW)] == ["data", "quiet"]


# Cron and time zones


@pytest.mark.parametrize("text", ["0 6 * * 1", "*/5 * * * *", "0 0 29 2 *", "59 23 31 12 7"])
def test_five_fields_that_some_day_has_are_a_cron_expression(text: str) -> None:
    assert is_cron(text)


@pytest.mark.parametrize(
    "text", ["", "* * * *", "0 0 6 * * *", "0 6 * * * 2027", "@daily * * * *", "61 * * * *", "0 0 31 2 *"]
)
def test_more_or_fewer_fields_and_days_that_never_come_are_none(text: str) -> None:
    assert not is_cron(text)


def test_a_time_zone_is_one_of_the_database() -> None:
    assert (is_time_zone(BERLIN), is_time_zone("Mars/Olympus")) == (True, False)


def test_the_next_moment_is_later_and_in_utc() -> None:
    found = next_after("0 13 * * *", BERLIN, NOW)
    assert found == NOW + DAY
    assert found.tzinfo is UTC
    assert next_after("0 13 * * *", BERLIN, NOW - MOMENT) == NOW
