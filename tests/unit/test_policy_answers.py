"""What the retraining policy answers, word for word, and where each batch and each window of quiet hours begins and ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import policy
from shared.retraining import quiet
from shared.retraining.batches import PARTS_KEPT, Filled, Ready, complete_day, is_marker, part_of, ready, with_file
from shared.retraining.budgets import Answer, nearly_used
from shared.retraining.hysteresis import Limits, Reading, Watch, at_limit, heard
from shared.retraining.spending import Spent, Used, added, used
from shared.spec import Batch, Retrain
from shared.state import Basket, Cause
from tests.unit.test_policy_rules import (
    DAY,
    EASY,
    HEADS,
    HOUR,
    KINDS,
    MODEL,
    NOW,
    QUIET,
    RULES,
    ask,
    opened,
    spent,
    waiting,
)
from tests.unit.test_policy_rules import (
    quiet as in_quiet_hours,
)

NEWER = "newer data or a newly published folder"
SECOND = timedelta(seconds=1)


# Each rule's whole answer


def held(rule: str, why: str, passes: str, until: datetime | None = None, **numbers: float) -> Answer:
    return Answer(False, rule, why, until, False, passes, numbers)


def let_go(rule: str, why: str, passes: str, **numbers: float) -> Answer:
    return Answer(False, rule, why, None, True, passes, numbers)


@pytest.mark.parametrize(
    ("rules", "head", "kinds", "expected"),
    [
        (
            replace(EASY, on=("drift",)),
            MODEL,
            ("data", "code"),
            let_go("retrain.on", "cause code, data is not in retrain.on", "the cause in retrain.on"),
        ),
        (
            EASY,
            replace(MODEL, next_file=1),
            ("data",),
            let_go("data", "no file was accepted yet, so there is nothing to train on", "an accepted file"),
        ),
        (
            EASY,
            replace(MODEL, denied=("p",)),
            ("data",),
            let_go("denied", "a version of the same data and code was rolled back", NEWER),
        ),
        (
            EASY,
            replace(MODEL, trained=("p",)),
            ("data",),
            let_go("same_input", "the same data and code were trained before", NEWER),
        ),
        (
            replace(EASY, drift_repeats=0),
            replace(MODEL, last_print="p"),
            ("drift",),
            let_go(
                "loop",
                "drift had the same data and code trained again 0 times already, at most 0: a loop",
                NEWER,
                depth=1,
                limit=0,
            ),
        ),
        (
            replace(EASY, breaker=3),
            replace(MODEL, useless=3),
            ("data",),
            held(
                "breaker",
                "3 releases in a row were not promoted, the breaker opens at 3",
                "a person's `baton retrain`, which closes it",
                useless=3,
                limit=3,
            ),
        ),
        (
            replace(EASY, min_new_rows=9, deadline_hours=2),
            waiting(NOW - HOUR, rows=5),
            ("data",),
            held("min_new_rows", "5 new rows, at least 9 are wanted", "4 more rows", NOW + HOUR, rows=5, limit=9),
        ),
        (
            QUIET,
            in_quiet_hours(NOW, NOW + HOUR),
            ("data",),
            held("quiet_hours", "quiet hours until 2026-03-01 13:00 UTC", "their end", NOW + HOUR),
        ),
        (
            QUIET,
            MODEL,
            ("data",),
            held("quiet_hours", "the next quiet hours are being looked up", "a moment", NOW),
        ),
        (
            replace(EASY, cool_down_seconds=7200.5),
            opened(HOUR),
            ("data",),
            held(
                "cool_down",
                "a release was opened 2026-03-01 11:00 UTC, the cool-down of 7200.5 s is over 2026-03-01 13:00 UTC",
                "its end",
                NOW + HOUR + SECOND / 2,
                limit=7200.5,
            ),
        ),
        (
            replace(EASY, budget_per_day=1),
            opened(HOUR),
            ("data",),
            held(
                "budget_per_day",
                "1 releases in 24 hours, one more takes up to 1, the budget is 1",
                "time, or a larger retrain.budget_per_day",
                NOW + 23 * HOUR,
                used=1,
                limit=1,
            ),
        ),
        (
            replace(EASY, budget_per_day=0, budget_per_month=1),
            spent((DAY, 1, 0)),
            ("data",),
            held(
                "budget_per_month",
                "1 releases in 30 days, one more takes up to 1, the budget is 1",
                "time, or a larger retrain.budget_per_month",
                NOW + 29 * DAY,
                used=1,
                limit=1,
            ),
        ),
    ],
)
def test_each_rule_that_says_no_says_why_until_when_and_what_helps(
    rules: Retrain, head: Any, kinds: tuple[str, ...], expected: Answer
) -> None:
    assert ask(rules, head, *kinds) == expected


def test_causes_that_all_need_something_new_need_it_together() -> None:
    assert ask(EASY, replace(MODEL, trained=("p",)), "data", "code", "schedule").rule == "same_input"
    assert ask(replace(EASY, min_new_rows=9), waiting(NOW), "data", "drift", "schedule").rule == "min_new_rows"


@pytest.mark.parametrize(("hours", "ago", "go"), [(1, 1.0, True), (0.5, 0.5, True), (0.5, 0.49, False)])
def test_a_deadline_may_be_an_hour_or_less(hours: float, ago: float, go: bool) -> None:
    rules = replace(EASY, min_new_rows=9, deadline_hours=hours)
    assert ask(rules, waiting(NOW - ago * HOUR)).go is go


def test_an_answer_that_says_no_more_has_no_moment_and_lets_nothing_go() -> None:
    bare = Answer(True, "r", "w")
    assert (bare.until, bare.drop, bare.passes, bare.numbers) == (None, False, "", {})


@pytest.mark.parametrize(
    ("rules", "unit", "rule"),
    [
        ({"minutes_per_day": 10}, "minutes in 24 hours", "minutes_per_day"),
        ({"minutes_per_month": 10}, "minutes in 30 days", "minutes_per_month"),
        ({"money_per_day": 20, "price_per_minute": 2}, "EUR (estimated) in 24 hours", "money_per_day"),
        ({"money_per_month": 20, "price_per_minute": 2}, "EUR (estimated) in 30 days", "money_per_month"),
    ],
)
def test_a_budget_has_room_to_its_last_second(rules: dict[str, Any], unit: str, rule: str) -> None:
    price = rules.get("price_per_minute", 1)
    assert ask(replace(EASY, **rules), spent((HOUR, 1, 540)), run_seconds=60).go
    answer = ask(replace(EASY, **rules), spent((HOUR, 1, 540)), run_seconds=60.06)
    limit = 10 * price
    why = f"{9 * price} {unit}, one more takes up to {1.001 * price:.4g}, the budget is {limit}"
    until = NOW - HOUR + (DAY if rule.endswith("day") else 30 * DAY)
    assert answer == held(rule, why, f"time, or a larger retrain.{rule}", until, used=9.0 * price, limit=limit)


def test_nothing_spent_frees_nothing_and_no_run_says_no_seconds() -> None:
    assert ask(replace(EASY, minutes_per_day=1), MODEL, run_seconds=61).until is None
    alone = policy.should_retrain(
        replace(EASY, minutes_per_day=1), spent((HOUR, 1, 60)), (Cause("data", "e", NOW),), input_print="p", now=NOW
    )
    assert alone.go


def test_a_budget_is_nearly_used_above_four_fifths_and_the_fullest_is_named() -> None:
    rules = replace(EASY, budget_per_day=1, minutes_per_day=10, minutes_per_month=12)
    assert nearly_used(rules, spent((HOUR, 1, 480), opened=(NOW,)), NOW) is None
    found = nearly_used(rules, spent((HOUR, 1, 486), (2 * DAY, 1, 216)), NOW)
    assert found is not None
    assert (found.rule, found.share, found.one_more) == ("minutes_per_month", pytest.approx(0.975), 0)
    fullest = nearly_used(rules, spent((HOUR, 1, 597)), NOW)
    assert fullest is not None
    assert fullest.rule == "minutes_per_day"
    assert nearly_used(EASY, spent((HOUR, 9, 9e9)), NOW) is None
    assert nearly_used(replace(EASY, minutes_per_day=0.5), spent((HOUR, 1, 27)), NOW) is not None


def test_a_budget_of_nothing_is_no_limit_however_much_was_used() -> None:
    free = replace(EASY, budget_per_day=0)
    assert ask(free, spent((HOUR, 99, 9e9), opened=(NOW,) * 99), run_seconds=9e9).go


def test_the_cool_down_never_falls_below_the_stated_one() -> None:
    rules = Retrain(cool_down_seconds=100, back_off=3, back_off_most_hours=1)
    found = [policy.cool_down_seconds(rules, useless, frozenset(["data"])) for useless in range(5)]
    assert found == [100, 300, 900, 2700, 3600]
    for kind in ("performance", "drift", "code"):
        assert policy.cool_down_seconds(rules, 3, frozenset([kind, "data"])) == 100
    assert policy.cool_down_seconds(replace(rules, back_off_most_hours=0), 3, frozenset(["data"])) == 100


def test_only_what_waits_for_a_person_or_went_wrong_is_suspicious() -> None:
    """These warn and are told to the owner, all other answers are everyday ones."""
    assert policy.SUSPICIOUS == ("breaker", "denied", "loop")


def test_depth_counts_on_for_monitors_alone_with_the_same_data_and_code() -> None:
    head = replace(MODEL, last_print="p", last_depth=2)
    alone = (Cause("drift", "e", NOW), Cause("performance", "f", NOW))
    assert policy.depth_of(head, alone, "p") == 3
    assert policy.depth_of(head, alone, "q") == 0
    assert policy.depth_of(head, (*alone, Cause("data", "g", NOW)), "p") == 0


@given(RULES, HEADS, KINDS)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_order_of_the_causes_changes_no_answer(rules: Retrain, head: Any, kinds: tuple[str, ...]) -> None:
    assert len({repr(ask(rules, head, *order)) for order in permutations(kinds)}) == 1


# When a batch is cut

MARKED = Batch(marker="_SUCCESS", quiet_seconds=60)
CLOSED = Basket(rows=3, last_at=NOW, closed_by="m/_SUCCESS", closed_at=NOW)
PARTED = Batch(partitions=("north", "south"), quiet_seconds=60)
WHOLE = Basket(rows=3, last_at=NOW, parts=("2026-03-01 north", "2026-03-01 south"))
WAITS = "2 new files, waiting for 60 s of quiet"


@pytest.mark.parametrize(
    ("batch", "basket", "checking", "after", "expected"),
    [
        (Batch(), Basket(), 0, 0, Ready(False, "no new file")),
        (Batch(files=2), Basket(last_at=NOW), 9, 0, Ready(True, "2 new files, batch closes at 2")),
        (Batch(rows=5), Basket(rows=6, last_at=NOW), 9, 0, Ready(True, "6 new rows, batch closes at 5")),
        (Batch(bytes=5), Basket(bytes=6, last_at=NOW), 9, 0, Ready(True, "6 new bytes, batch closes at 5")),
        (Batch(), Basket(last_at=NOW), 0, 0, Ready(False, WAITS, NOW + 60 * SECOND)),
        (Batch(quiet_seconds=0.5), Basket(last_at=NOW), 9, 1, Ready(True, "2 new files and 0.5 s without another")),
        (Batch(), Basket(last_at=NOW), 0, 60, Ready(True, "2 new files and 60 s without another")),
        (Batch(), Basket(last_at=NOW), 0, 59, Ready(False, WAITS, NOW + 60 * SECOND)),
        (PARTED, WHOLE, 0, 0, Ready(True, "2 new files, all 2 partitions of 2026-03-01 are there")),
        (PARTED, WHOLE, 1, 0, Ready(False, WAITS, NOW + 60 * SECOND)),
        (MARKED, CLOSED, 0, 10, Ready(True, "2 new files, m/_SUCCESS closed the batch")),
        (MARKED, CLOSED, 0, 9, Ready(False, WAITS, NOW + 10 * SECOND)),
        (MARKED, CLOSED, 1, 10, Ready(False, WAITS, NOW + 60 * SECOND)),
        (MARKED, CLOSED, 1, 20, Ready(False, WAITS, NOW + 60 * SECOND)),
        (replace(MARKED, quiet_seconds=5), CLOSED, 1, 4, Ready(False, WAITS.replace("60", "5"), NOW + 5 * SECOND)),
    ],
)
def test_a_batch_says_why_it_is_cut_or_until_when_it_waits(
    batch: Batch, basket: Basket, checking: int, after: int, expected: Ready
) -> None:
    files = 0 if expected.why == "no new file" else 2
    assert ready(batch, Filled(basket, files, checking), NOW + after * SECOND) == expected


def test_the_policy_hands_the_batchs_answer_on() -> None:
    waits = policy.batch_ready(Batch(), Filled(Basket(last_at=NOW), 2, 0), NOW)
    assert waits == Answer(False, "batch", WAITS, NOW + 60 * SECOND)


def test_no_file_is_none_however_long_ago_one_came() -> None:
    assert ready(Batch(), Filled(Basket(last_at=NOW), 0, 0), NOW + DAY) == Ready(False, "no new file")
    assert ready(Batch(), Filled(Basket(), 2, 0), NOW + DAY) == Ready(False, "no new file")


def test_the_first_day_that_is_complete_is_taken_whatever_the_order_of_its_parts() -> None:
    parts = ("2026-03-02 a b", "2026-03-01 c", "2026-03-01 a b", "2026-03-02 c")
    for order in permutations(parts):
        assert complete_day(("a b", "c"), order) == "2026-03-01"
    assert complete_day(("a b", "c"), parts[:2]) == ""
    assert complete_day(("a b",), parts[:1]) == "2026-03-02"
    assert complete_day((), parts) == ""


@pytest.mark.parametrize(
    ("blob", "part"),
    [
        ("m/2026-03-01_north.csv", "2026-03-01 north"),
        ("m/2026-03-01/south=north/x", "2026-03-01 north"),
        ("m/2026-03-01/south/x", "2026-03-01 south"),
        ("m/2026-03-01/x", ""),
        ("m/north/x", ""),
    ],
)
def test_the_first_partition_of_the_spec_that_the_path_names_counts(blob: str, part: str) -> None:
    assert part_of(["north", "south"], blob) == part


@pytest.mark.parametrize(
    ("marker", "blob", "closes"),
    [
        ("_SUCCESS", "m/day/_SUCCESS", True),
        ("_SUCCESS", "_SUCCESS", True),
        ("_SUCCESS", "m/_SUCCESS/a.csv", False),
        ("_SUCCESS", "m/x_SUCCESS", False),
        ("", "m/", False),
    ],
)
def test_a_marker_is_the_last_part_of_the_path(marker: str, blob: str, closes: bool) -> None:
    assert is_marker(Batch(marker=marker), blob) is closes


def test_one_more_file_is_added_and_what_kept_the_basket_waiting_is_asked_again() -> None:
    before = Basket(rows=1, bytes=10, parts=("x",), refused_why="cool_down")
    blob = "m/2026-03-01/north/a.csv"
    once = with_file(before, PARTED, rows=2, size=20, blob=blob, now=NOW)
    parts = ("x", "2026-03-01 north")
    assert once == Basket(rows=3, bytes=30, parts=parts, last_at=NOW, since=NOW, refused_why="")
    again = with_file(once, PARTED, rows=2, size=20, blob=blob, now=NOW + HOUR)
    assert again == Basket(rows=5, bytes=50, parts=parts, last_at=NOW + HOUR, since=NOW, refused_why="")
    assert with_file(once, PARTED, rows=0, size=0, blob="m/other", now=NOW).parts == parts


def test_the_newest_parts_are_kept() -> None:
    full = Basket(parts=tuple(str(number) for number in range(PARTS_KEPT)))
    blob = "m/2026-03-01/north/a.csv"
    kept = with_file(full, PARTED, rows=1, size=1, blob=blob, now=NOW).parts
    assert kept == (*full.parts[1:], "2026-03-01 north")
    assert PARTS_KEPT == 200


# The account


def test_an_entry_leaves_its_span_after_exactly_that_time() -> None:
    account = (Spent(NOW - DAY, 1, 5.0), Spent(NOW - DAY + SECOND, 2, 7.0), Spent(NOW, 4, 11.0))
    assert used(account, NOW, DAY) == Used(6, 18.0, NOW + SECOND)
    assert used(account, NOW, 30 * DAY) == Used(7, 23.0, NOW + 29 * DAY)


def test_entries_of_an_hour_or_a_day_come_together_at_the_last_of_their_moments() -> None:
    late, early = NOW + timedelta(minutes=50), NOW + timedelta(minutes=10)
    assert added((Spent(late, 1, 2.0),), early, releases=3, seconds=4.0) == (Spent(late, 4, 6.0),)
    days_ago = NOW - 3 * DAY
    account = (Spent(days_ago, 1, 1.0), Spent(days_ago + 2 * HOUR, 1, 1.0), Spent(days_ago + 12 * HOUR, 1, 1.0))
    assert added(account, NOW) == (Spent(days_ago + 2 * HOUR, 2, 2.0), Spent(days_ago + 12 * HOUR, 1, 1.0), Spent(NOW))


def test_an_hour_that_is_kept_by_itself_is_not_summed_with_the_day_that_it_is_of() -> None:
    night = NOW.replace(hour=0)
    account = (Spent(night + HOUR / 2, 1), Spent(night + 3 * HOUR / 2, 2))
    assert added(account, night + DAY + 2 * HOUR)[:2] == account


# Hysteresis


def test_a_report_exactly_at_half_of_the_limit_keeps_the_alarm() -> None:
    limits = Limits(0.2, 2, 3)
    standing = Watch((Reading("a", 0.2), Reading("b", 0.2), Reading("c", 0.1)), alarmed=True)
    assert heard(standing, limits, "d", 0.0).alarmed
    below = replace(standing, readings=(*standing.readings[:2], Reading("c", 0.0999)))
    assert heard(below, limits, "d", 0.2) == Watch((Reading("c", 0.0999), Reading("d", 0.2)))


def test_a_run_that_reports_again_replaces_its_own_report_alone() -> None:
    watch = Watch((Reading("a", 0.1), Reading("b", 0.1)))
    assert heard(watch, Limits(0.2, 1, 3), "a", 0.15) == Watch((Reading("a", 0.15), Reading("b", 0.1)))
    assert heard(watch, Limits(0.2, 1, 3), "a", 0.05) == watch
    assert heard(watch, Limits(0.2, 1, 3), "b", 0.2) == Watch((Reading("a", 0.1), Reading("b", 0.2)), alarmed=True)


def test_an_alarm_that_stands_stands_without_new_reports_at_the_limit() -> None:
    standing = Watch((Reading("a", 0.15),), alarmed=True)
    assert heard(standing, Limits(0.2, 2, 3), "b", 0.15) == Watch((Reading("a", 0.15), Reading("b", 0.15)), True)
    assert heard(Watch((), alarmed=True), Limits(0.2, 2, 3), "b", 0.0).alarmed
    assert at_limit((Reading("a", 0.2), Reading("b", 0.19)), Limits(0.2, 1, 1)) == 0


@given(st.lists(st.floats(0, 0.6), min_size=1, max_size=10), st.integers(0, 9), st.floats(0, 0.5))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_higher_report_never_takes_an_alarm_away(values: list[float], place: int, more: float) -> None:
    limits, run = Limits(0.2, 2, 3), str(place % len(values))
    watch = Watch(tuple(Reading(str(number), value) for number, value in enumerate(values)))
    told, higher = (heard(watch, limits, run, values[int(run)] + extra) for extra in (0.0, more))
    assert higher.alarmed or not told.alarmed
    assert at_limit(higher.readings, limits) >= at_limit(watch.readings, limits)


# Quiet hours


@pytest.mark.parametrize(
    "text",
    ["00:00-23:59", "22:00-06:00", "mon 08:00-18:00", "sun,mon-wed 08:00-18:00", "fri-mon,wed 09:05-19:10"],
)
def test_a_part_of_the_day_may_have_days(text: str) -> None:
    assert quiet.is_quiet_hours(text)


@pytest.mark.parametrize(
    "text",
    [
        *("08:00-08:00", "mon 08:00-08:00", "24:00-06:00", "08:60-18:00", "8:00-18:00", "08:00-18:0", "MON 08:00-18:00"),
        *("mon08:00-18:00", "mon-08:00-18:00", "mon- 08:00-18:00", "mon,,tue 08:00-18:00", "day 08:00-18:00", "08:00"),
    ],
)  # fmt: skip
def test_what_is_no_part_of_the_day_is_none(text: str) -> None:
    assert not quiet.is_quiet_hours(text)


UTC_NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("hours", "begin", "end"),
    [
        (["08:00-12:00"], (8, 8), (8, 12)),
        (["08:00-12:01"], (7, 8), (7, 12)),
        (["12:00-13:00"], (7, 12), (7, 13)),
        (["13:00-12:00"], (7, 13), (8, 12)),
        (["wed 22:00-06:00"], (7, 22), (8, 6)),
        (["tue 13:00-12:30"], (6, 13), (7, 12)),
        (["tue 13:00-12:00"], (13, 13), (14, 12)),
        (["sun 01:00-02:00"], (11, 1), (11, 2)),
        (["mon-tue,thu 01:00-02:00"], (8, 1), (8, 2)),
        (["sat-mon 01:00-02:00"], (10, 1), (10, 2)),
        (["15:00-16:00", "14:00-17:00"], (7, 14), (7, 17)),
    ],
)
def test_a_window_lasts_from_its_first_moment_until_before_its_last(
    hours: list[str], begin: tuple[int, int], end: tuple[int, int]
) -> None:
    found = quiet.next_window(hours, "UTC", UTC_NOON)
    assert found is not None
    assert [(moment.day, moment.hour) for moment in found] == [begin, end]


@pytest.mark.parametrize(("number", "day"), [*enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))])
def test_days_are_crons(number: int, day: str) -> None:
    at = datetime(2026, 1, 4, tzinfo=UTC) + timedelta(days=number)
    assert quiet.next_window([f"{day} 09:07-10:09"], "UTC", at) == (
        at + timedelta(hours=9, minutes=7),
        at + timedelta(hours=10, minutes=9),
    )


@given(
    st.sampled_from(["22:00-06:00", "mon-fri 08:00-18:00", "sat 23:00-22:59", "fri-sun 00:00-12:30"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    st.integers(0, 366 * 24 * 60),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_next_window_is_not_over_and_lasts_less_than_two_days(hours: str, zone: str, minutes: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = quiet.next_window([hours], zone, now)
    assert found is not None
    begin, end = found
    assert end > now
    assert timedelta(0) < end - begin < timedelta(days=2)
    assert begin - now < timedelta(days=8)
