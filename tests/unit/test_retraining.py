"""The retraining policy in a whole Baton: what waits goes on by itself, what is let go says why, and the journal rebuilds it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared import events
from shared.journaling import journal
from shared.journaling.rebuild import rebuild
from tests.fakes.platform import Outcome
from tests.world import TRAINED, World, evidence

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NO_BETTER = evidence(3000.0, 3000.0, lower=-5.0)


def notes(world: World, what: str) -> list[dict[str, object]]:
    """What the journal tells under these words, in its order."""
    lines = [journal.read(line) for line in world.app.book.journal("m")]
    return [note for line in lines for note in line["notes"] if note["what"] == what]


def why(world: World, what: str) -> list[object]:
    return [note.get("why", "") for note in notes(world, what)]


def check_rebuilt(world: World) -> None:
    """The journal alone gives the same head."""
    head, _, _ = rebuild("m", world.app.book.journal("m"), world.app.parts.rules)
    assert head is not None
    assert replace(head, wake_at=None) == replace(world.head(), wake_at=None)


@pytest.fixture
def live(world: World) -> World:
    """Version 1 serves, and no candidate is better any more."""
    world.go_live()
    world.trainer.script["judge"] = NO_BETTER
    return world


def released(world: World, more: str, **rules: object) -> None:
    """Publish other rules for the policy, and let the release that the new folder causes end."""
    world.publish(more=f", {more}", **rules)
    world.settle()


# Several causes


def test_several_causes_at_once_make_one_release_that_names_them_all(world: World) -> None:
    del world.trainer.script["train"]
    world.drop("rows")
    world.settle()
    world.publish(alpha=5)
    world.drift()
    world.ask(events.RetrainRequested)
    world.drop("more rows")
    world.settle()
    world.trainer.end("m-0001-t-1", TRAINED)
    world.settle()
    world.wait(timedelta(minutes=2))
    assert list(world.states()) == ["m-0001", "m-0002"]
    assert sorted(cause.kind for cause in world.release("m-0002").causes) == ["code", "data", "drift", "request"]


# Quiet hours


def test_a_drop_in_quiet_hours_waits_for_their_end_in_local_time(world: World) -> None:
    """World time begins on 2026-03-01 at 12:00 UTC, 13:00 in Berlin; the hours end at 18:00 there."""
    released(world, 'quiet_hours: ["08:00-18:00"]', schedule="{time_zone: Europe/Berlin}")
    world.drop("rows")
    world.settle()
    assert world.states() == {}
    assert world.head().basket.refused_why == "quiet hours until 2026-03-01 17:00 UTC"
    assert [note["rule"] for note in notes(world, "retrain waits")][-1] == "quiet_hours"
    world.wait(5 * HOUR - timedelta(minutes=2), step=timedelta(minutes=30))
    assert world.states() == {}
    world.wait(timedelta(minutes=4), step=timedelta(minutes=1))
    assert list(world.states()) == ["m-0001"]
    check_rebuilt(world)


def test_quiet_hours_follow_the_clock_change(world: World) -> None:
    """On 2026-03-29 the clocks of Berlin go forward: 06:00 is 04:00 UTC from then on."""
    released(world, 'quiet_hours: ["22:00-06:00"]', schedule="{time_zone: Europe/Berlin}")
    world.now = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
    world.settle()
    world.drop("rows")
    world.settle()
    assert world.head().basket.look_at == datetime(2026, 3, 29, 4, 0, tzinfo=UTC)
    world.now = datetime(2026, 3, 29, 4, 1, tzinfo=UTC)
    world.settle()
    assert list(world.states()) == ["m-0001"]
    assert world.head().appointments.quiet_until == datetime(2026, 3, 30, 4, 0, tzinfo=UTC)


def test_quiet_hours_that_passed_while_nobody_looked_are_looked_up_before_anything_is_trained(world: World) -> None:
    released(world, 'quiet_hours: ["08:00-18:00"]', schedule="{time_zone: UTC}")
    world.now += 3 * DAY
    world.drop("rows")
    world.settle()
    assert world.states() == {}
    assert world.head().basket.look_at == datetime(2026, 3, 4, 18, 0, tzinfo=UTC)


# Rows and deadline


def test_causes_wait_for_rows_until_the_deadline(world: World) -> None:
    """Each drop of the world has 100 rows."""
    released(world, "min_new_rows: 150, deadline_hours: 6")
    world.drop("rows")
    world.settle()
    assert world.head().basket.refused_why == "100 new rows, at least 150 are wanted"
    world.wait(5 * HOUR, step=HOUR)
    assert world.states() == {}
    world.wait(2 * HOUR, step=HOUR)
    assert list(world.states()) == ["m-0001"]
    assert world.head().basket.since is None
    check_rebuilt(world)


def test_enough_rows_go_on_at_once(world: World) -> None:
    released(world, "min_new_rows: 150")
    world.drop("rows")
    world.drop("more rows")
    world.settle()
    assert list(world.states()) == ["m-0001"]


# Money


def test_the_minutes_of_all_runs_count_and_the_budget_has_room_for_a_whole_run(world: World) -> None:
    """max_minutes is 5: after 4 minutes of training there is no room in 8 for a run of up to 5."""
    released(world, "minutes_per_day: 8")
    world.trainer.script["train"] = replace(TRAINED, seconds=180)
    world.trainer.script["judge"] = replace(evidence(3000.0), seconds=60)
    world.drop("rows")
    world.settle()
    assert sum(one.seconds for one in world.head().spent) == 240
    world.drop("more rows")
    world.settle()
    assert list(world.states()) == ["m-0001"]
    assert world.head().basket.refused_why == "4 minutes in 24 hours, one more takes up to 5, the budget is 8"
    world.wait(25 * HOUR, step=HOUR)
    assert list(world.states()) == ["m-0001", "m-0002"]
    check_rebuilt(world)


def test_a_run_that_never_ended_counts_with_the_longest_time_that_it_may_take(world: World) -> None:
    del world.trainer.script["train"]
    world.drop("rows")
    world.settle()
    world.wait(HOUR, step=timedelta(minutes=5))
    assert world.states() == {"m-0001": "failed"}
    assert sum(one.seconds for one in world.head().spent) == 300


# Drift


def test_one_noisy_report_retrains_nothing_and_two_of_three_do(live: World) -> None:
    released(live, "drift_limit: 0.2, drift_alarms: 2, drift_of: 3")
    first = live.head().next_release
    live.drift(run="d1")
    live.monitor_reports(run="d1")
    live.monitor_reports(run="d2")
    live.settle()
    assert live.head().next_release == first
    said = why(live, "drift noted, no alarm")
    assert said == ["monitor m, coefficient 0.4; 1 of the last 3 reports at 0.2 or more, an alarm begins at 2"]
    live.drift(run="d3")
    live.settle()
    (cause,) = live.release(f"m-{first:04d}").causes
    assert cause.detail == "monitor m, coefficient 0.4; 2 of the last 3 reports at 0.2 or more"
    check_rebuilt(live)


def test_a_drift_that_lasts_is_one_alarm(live: World) -> None:
    released(live, "drift_limit: 0.2, drift_alarms: 2, drift_of: 3, drift_repeats: 9")
    first = live.head().next_release
    for number in range(6):
        live.drift(run=f"d{number}")
        live.settle()
    assert live.head().next_release == first + 1
    assert "the alarm stands already" in str(why(live, "drift noted, no alarm")[-1])


def test_a_promotion_resets_what_the_monitor_saw_and_lets_its_causes_go(world: World) -> None:
    released(world, "drift_limit: 0.2", cool_down=86400)
    world.drop("rows")
    world.settle()
    world.drift()
    world.settle()
    assert [cause.kind for cause in world.head().basket.causes] == ["drift"]
    assert world.head().watch.alarmed
    world.decide("m-0001")
    world.wait(timedelta(minutes=5))
    assert world.release("m-0001").state == "live"
    assert world.head().basket.causes == ()
    assert world.head().watch.readings == ()
    assert why(world, "cause dropped") == ["drift and performance were measured of the champion before"]
    world.drift(run="d2")
    world.settle()
    assert [cause.kind for cause in world.head().basket.causes] == ["drift"]
    check_rebuilt(world)


def test_drift_retrains_the_same_data_once_and_is_a_loop_after_that(live: World) -> None:
    live.drift(run="d1")
    live.settle()
    assert live.release("m-0002").depth == 1
    live.drift(run="d2")
    live.settle()
    assert list(live.states()) == ["m-0001", "m-0002"]
    (note,) = notes(live, "not retrained")
    assert (note["rule"], note["level"], note["next"]) == ("loop", "warning", "docs/retraining.md#loop")
    live.drop("newer rows")
    live.settle()
    live.drift(run="d3")
    live.settle()
    assert live.release("m-0004").causes[0].kind == "drift"
    check_rebuilt(live)


# What was rolled back


def test_data_and_code_of_a_version_that_was_rolled_back_are_not_trained_again_by_themselves(world: World) -> None:
    world.go_live()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    second = world.go_live("more rows")
    world.ask(events.RollbackRequested)
    world.settle()
    assert world.release(second).state == "rolled back"
    assert world.head().denied == (world.release(second).input_print,)
    before = world.head().next_release
    world.drift(run="after")
    world.settle()
    assert world.head().next_release == before
    assert [note["rule"] for note in notes(world, "not retrained")][-1] == "denied"
    world.ask(events.RetrainRequested)
    world.settle()
    assert world.head().next_release == before + 1
    assert "was rolled back before" in str(why(world, "release opened")[-1])


# Breaker


def test_the_breaker_counts_every_end_without_a_promotion_and_tells_its_owner_once(world: World) -> None:
    world.publish(breaker=3, alpha=3)
    world.settle()
    world.drop("rows")
    world.settle()
    world.decide("m-0001", approve=False)
    world.settle()
    world.trainer.script["train"] = Outcome("failed", "no memory")
    for number in range(4):
        world.drop(f"rows {number}")
        world.settle()
    assert world.head().useless == 3
    assert list(world.states().values()) == ["rejected", "failed", "failed"]
    (note,) = notes(world, "breaker opened")
    assert note["why"] == "3 releases in a row were not promoted, the limit is 3: nothing is retrained by itself"
    assert note["next"] == "`baton why-not m` tells what stopped each; docs/retraining.md#breaker"
    told = [line for line in (world.home / "notices").rglob("*") if "breaker opened" in line.read_text()]
    assert len(told) == 1
    check_rebuilt(world)


def test_a_request_closes_the_breaker(world: World) -> None:
    world.publish(breaker=1, alpha=3)
    world.go_live()
    world.trainer.script["judge"] = NO_BETTER
    for number in range(2):
        world.drop(f"rows {number}")
        world.settle()
    assert list(world.states()) == ["m-0001", "m-0002"]
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.ask(events.RetrainRequested)
    world.settle()
    assert world.head().useless == 0
    assert why(world, "breaker closed") == ["operations: because"]
    world.drop("rows 9")
    world.settle()
    assert list(world.states()) == ["m-0001", "m-0002", "m-0003", "m-0004"]
