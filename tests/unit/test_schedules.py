"""Schedules: when something is due in local time, a retrain at its time, and alarms for what does not come.

Dates by the tz database: Europe/Berlin went to summer time on 2026-03-29 at 02:00 (01:00 UTC) and back on 2026-10-25 at
03:00 (01:00 UTC). What cron does then is Debian's: https://manpages.debian.org/bookworm/cron/cron.8.en.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shared.errors import SpecRefused
from shared.events import PauseRequested, ResumeRequested
from shared.journaling import journal
from shared.journaling.rebuild import rebuild
from shared.model_yaml.spec_file import load_spec
from shared.retraining.cron import next_after
from shared.web import reading, views
from shared.web.person import Person
from tests.fakes.platform import Outcome
from tests.world import BEGIN, World, evidence, spec_text

BERLIN = "Europe/Berlin"
DAILY = '{data: "0 13 * * *"}'  # an hour after the worlds' begin, each day


def moments(cron: str, zone: str, after: datetime, count: int) -> list[str]:
    found: list[str] = []
    for _ in range(count):
        after = next_after(cron, zone, after)
        found.append(f"{after:%Y-%m-%d %H:%M}")
    return found


def told(world: World, what: str) -> list[str]:
    """Why the journal says `what`, in its order."""
    lines = [journal.read(line) for line in world.app.book.journal("m")]
    return [note.get("why", "") for line in lines for note in line["notes"] if note["what"] == what]


# Local time


def test_a_time_that_the_clocks_skip_comes_right_after_the_gap() -> None:
    found = moments("30 2 * * *", BERLIN, datetime(2026, 3, 28, 12, tzinfo=UTC), 2)
    assert found == ["2026-03-29 01:00", "2026-03-30 00:30"]


def test_a_time_that_the_clocks_repeat_comes_once() -> None:
    found = moments("30 2 * * *", BERLIN, datetime(2026, 10, 24, 12, tzinfo=UTC), 2)
    assert found == ["2026-10-25 00:30", "2026-10-26 01:30"]


def test_an_hourly_time_follows_real_time_through_both_changes() -> None:
    for day in (datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 10, 24, 20, tzinfo=UTC)):
        found = [datetime.fromisoformat(f"{text}+00:00") for text in moments("0 * * * *", BERLIN, day, 12)]
        assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(hours=1)}


def test_seven_in_the_morning_stays_seven_in_summer_and_winter() -> None:
    winter = moments("0 7 * * *", BERLIN, datetime(2026, 1, 5, 12, tzinfo=UTC), 1)
    summer = moments("0 7 * * *", BERLIN, datetime(2026, 7, 5, 12, tzinfo=UTC), 1)
    assert (winter, summer) == (["2026-01-06 06:00"], ["2026-07-06 05:00"])


def test_the_last_day_of_each_month_is_found() -> None:
    found = moments("0 6 L * *", "UTC", datetime(2027, 12, 31, 12, tzinfo=UTC), 4)
    assert found == ["2028-01-31 06:00", "2028-02-29 06:00", "2028-03-31 06:00", "2028-04-30 06:00"]


def test_the_31st_is_left_out_where_a_month_has_none() -> None:
    found = moments("0 6 31 * *", "UTC", datetime(2026, 1, 31, 12, tzinfo=UTC), 3)
    assert found == ["2026-03-31 06:00", "2026-05-31 06:00", "2026-07-31 06:00"]


def test_a_leap_day_comes_every_four_years() -> None:
    found = moments("0 0 29 2 *", "UTC", datetime(2026, 3, 1, tzinfo=UTC), 2)
    assert found == ["2028-02-29 00:00", "2032-02-29 00:00"]


@pytest.mark.parametrize("cron", ["", "0 6 * *", "0 6 * * * *", "61 * * * *", "0 0 31 2 *", "@daily", "every day"])
def test_what_is_no_cron_expression_is_refused_with_its_line(cron: str) -> None:
    text = spec_text(schedule=f'{{retrain: "{cron}"}}')
    line = text.splitlines().index(f'schedule: {{retrain: "{cron}"}}') + 1
    with pytest.raises(SpecRefused, match=rf"model.yaml:{line}: schedule.retrain: found .*; right would be "):
        load_spec(text)


def test_an_unknown_time_zone_is_refused() -> None:
    text = spec_text(schedule="{time_zone: Mars/Olympus}")
    with pytest.raises(SpecRefused, match="schedule.time_zone: found .*Mars/Olympus"):
        load_spec(text)


# A retrain at its time


def retrained_daily(world: World) -> None:
    world.publish(files=9, quiet=864000, schedule='{retrain: "0 13 * * *"}')
    world.settle()


def test_a_retrain_that_is_due_opens_a_release_with_the_schedule_as_its_cause(world: World) -> None:
    retrained_daily(world)
    world.drop("rows")
    world.settle()
    assert world.states() == {}
    world.wait(timedelta(hours=2))
    (cause,) = world.release("m-0001").causes
    assert (cause.kind, cause.detail) == ("schedule", "due 2026-03-01T13:00+00:00")


def test_a_retrain_that_is_due_with_nothing_new_is_not_done_and_says_why(world: World) -> None:
    retrained_daily(world)
    world.drop("rows")
    world.settle()
    world.wait(timedelta(days=3), step=timedelta(hours=1))
    assert list(world.states()) == ["m-0001"]
    useless = [why for why in told(world, "not retrained") if why.startswith("schedule")]
    why = "the same data and code were trained before"
    assert useless == [f"schedule (due 2026-03-0{day}T13:00+00:00): {why}" for day in (2, 3)]


def test_of_the_times_missed_in_an_outage_one_is_made_up(world: World) -> None:
    retrained_daily(world)
    world.drop("rows")
    world.settle()
    world.now += timedelta(days=5)
    world.settle()
    assert list(world.states()) == ["m-0001"]
    assert world.head().appointments.retrain_at == BEGIN + timedelta(days=5, hours=1)


def test_a_new_folder_brings_its_own_schedule_and_an_empty_one_ends_it(world: World) -> None:
    retrained_daily(world)
    world.publish(files=9, quiet=864000, schedule='{retrain: "30 12 * * *"}')
    world.settle()
    assert world.head().appointments.retrain_at == BEGIN + timedelta(minutes=30)
    world.publish(files=9, quiet=864000, alpha=2)
    world.settle()
    assert world.head().appointments.retrain_at is None


def test_a_model_without_a_schedule_has_no_word_of_it_in_its_journal(world: World) -> None:
    world.drop("rows")
    world.settle()
    world.publish(alpha=7)
    world.wait(timedelta(days=2), step=timedelta(hours=6))
    assert told(world, "schedule read") == []


# Data that does not come


def test_data_that_does_not_come_in_time_raises_an_alarm_and_tells_the_owner(world: World) -> None:
    world.publish(schedule=DAILY)
    world.settle()
    world.wait(timedelta(hours=2))
    assert told(world, "expected data missing") == ["no file was accepted until 2026-03-01T13:00+00:00"]
    notice = (world.home / "notices").glob("*.json")
    assert any("expected data missing" in file.read_text() for file in notice)


def test_the_alarm_counts_the_times_in_a_row_and_ends_with_the_next_file(world: World) -> None:
    world.publish(schedule=DAILY)
    world.settle()
    world.wait(timedelta(days=1, hours=2), step=timedelta(hours=1))
    assert told(world, "expected data missing")[-1].endswith("2026-03-02T13:00+00:00, the 2. time in a row")
    world.drop("rows")
    world.settle()
    assert told(world, "missed data came") == ["file 1 was accepted"]
    assert world.head().appointments.data_missed == 0


def test_data_that_came_in_time_raises_none(world: World) -> None:
    world.publish(schedule=DAILY)
    world.settle()
    for day in range(3):
        world.drop(f"rows of day {day}")
        world.wait(timedelta(days=1), step=timedelta(hours=1))
    assert told(world, "expected data missing") == []


def test_a_drop_that_is_still_being_checked_is_waited_for(world: World) -> None:
    world.publish(schedule=DAILY)
    world.settle()
    world.now += timedelta(hours=1)
    world.drop("rows")
    world.app.fold.advance("m")
    assert world.head().appointments.checking == 1
    world.wait(timedelta(minutes=5))
    assert told(world, "expected data missing") == []
    assert world.head().appointments.data_by == BEGIN + timedelta(days=1, hours=1)


def test_a_refused_file_is_not_the_data_that_was_expected(world: World) -> None:
    world.publish(schedule=DAILY)
    world.settle()
    world.drop("bad rows")
    world.wait(timedelta(hours=2))
    assert len(told(world, "expected data missing")) == 1


def test_data_that_waits_in_the_inbox_while_paused_was_not_missed(world: World) -> None:
    world.publish(schedule=DAILY)
    world.settle()
    world.ask(PauseRequested)
    world.settle()
    world.drop("rows")
    world.now += timedelta(hours=30)
    world.settle()
    world.ask(ResumeRequested)
    world.wait(timedelta(hours=2))
    assert told(world, "expected data missing") == []


# A monitor that is silent


def watched(world: World) -> None:
    world.publish(schedule="{monitor_hours: 5}")
    world.go_live()


def test_a_monitor_that_says_nothing_raises_an_alarm_again_after_each_such_time(world: World) -> None:
    watched(world)
    world.wait(timedelta(hours=11), step=timedelta(minutes=30))
    assert [why.split(",")[0] for why in told(world, "monitor silent")] == [
        "no monitor run completed for 5 hours",
        "no monitor run completed for 10 hours",
    ]


def test_a_completed_run_of_the_monitor_is_its_life_sign(world: World) -> None:
    watched(world)
    for run in range(4):
        world.monitor_reports(run=f"w{run}")
        world.wait(timedelta(hours=4), step=timedelta(minutes=30))
    assert told(world, "monitor silent") == []


def test_a_drift_alert_is_a_life_sign_too(world: World) -> None:
    watched(world)
    for run in range(4):
        world.drift(run=f"d{run}")
        world.wait(timedelta(hours=4), step=timedelta(minutes=30))
    assert told(world, "monitor silent") == []


def test_a_failed_run_of_the_monitor_is_none(world: World) -> None:
    watched(world)
    world.wait(timedelta(hours=4), step=timedelta(minutes=30))
    world.monitor_reports(run="w1", status="Failed")
    world.wait(timedelta(hours=2), step=timedelta(minutes=30))
    assert len(told(world, "monitor silent")) == 1


def test_nobody_listens_for_a_monitor_before_a_version_serves(world: World) -> None:
    world.publish(schedule="{monitor_hours: 5}")
    world.wait(timedelta(hours=20), step=timedelta(hours=1))
    assert told(world, "monitor silent") == []


def test_a_monitor_that_is_heard_again_is_told_once(world: World) -> None:
    watched(world)
    world.wait(timedelta(hours=6), step=timedelta(minutes=30))
    for run in ("w1", "w2"):
        world.monitor_reports(run=run)
        world.settle()
    assert told(world, "monitor heard again") == ["w1"]


# What people see


def test_what_did_not_come_needs_a_person_until_it_comes(world: World) -> None:
    world.publish(schedule='{data: "0 13 * * *", monitor_hours: 5}')
    world.settle()
    world.wait(timedelta(hours=2), step=timedelta(minutes=30))
    seen = reading.one_model(world.app, "m").view
    assert [(wait.of, wait.what) for wait in seen.waiting] == [("data", "expected data missing, 1 time in a row")]
    assert [wait.is_of_release for wait in seen.waiting] == [False]
    assert views.need([seen], Person("operations")) == views.Need("1 thing expected did not come", 1, "fail")
    world.drop("rows")
    world.settle()
    assert "data" not in [wait.of for wait in reading.one_model(world.app, "m").view.waiting]


# The journal


def test_the_journal_of_a_schedule_rebuilds_the_rows(world: World) -> None:
    world.publish(schedule='{time_zone: Europe/Berlin, retrain: "0 6 * * *", data: "0 7 * * *", monitor_hours: 5}')
    world.go_live(judged=evidence(3000.0))
    world.trainer.script["train"] = Outcome("failed", "no")
    world.wait(timedelta(days=3), step=timedelta(hours=2))
    head, opened, _ = rebuild("m", world.app.book.journal("m"), world.app.parts.rules)
    stored = world.app.book.read("m")
    assert stored.head is not None
    assert head is not None
    assert head.appointments == stored.head.appointments
    assert opened == dict(stored.releases)


def test_a_pause_is_no_silence_of_the_monitor(world: World) -> None:
    watched(world)
    world.ask(PauseRequested)
    world.settle()
    world.now += timedelta(hours=30)
    world.ask(ResumeRequested)
    world.wait(timedelta(hours=4), step=timedelta(minutes=30))
    assert told(world, "monitor silent") == []
    world.wait(timedelta(hours=2), step=timedelta(minutes=30))
    assert len(told(world, "monitor silent")) == 1
