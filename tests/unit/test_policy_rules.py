"""Each rule of the retraining policy by itself: where it begins, where it ends, and what it says.

Pure and fast: the mutation tests (`python -m tests.mutants`) run this file once for every mutant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import policy
from shared.retraining import batches, spending
from shared.spec import Batch, Retrain
from shared.state import Appointments, Basket, Cause, Head

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FOLDER = "f" * 16
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MODEL = Head("m", FOLDER, "author", next_file=2)
EASY = Retrain(cool_down_seconds=0, back_off=1, budget_per_day=50, breaker=100)


def ask(retrain: Retrain = EASY, head: Head = MODEL, *kinds: str, run_seconds: float = 0.0) -> policy.Answer:
    causes = tuple(Cause(kind, "e", NOW) for kind in kinds or ("data",))
    return policy.should_retrain(retrain, head, causes, input_print="p", run_seconds=run_seconds, now=NOW)


def waiting(since: datetime | None = None, *, rows: int = 0, **fields: Any) -> Head:
    return replace(MODEL, basket=Basket(rows=rows, since=since), **fields)


def spent(*entries: tuple[timedelta, int, float], **fields: Any) -> Head:
    account = tuple(spending.Spent(NOW - ago, releases, seconds) for ago, releases, seconds in entries)
    return replace(MODEL, spent=account, **fields)


def opened(*ago: timedelta) -> Head:
    return replace(MODEL, opened=tuple(NOW - one for one in ago))


# What passes


@pytest.mark.parametrize("kind", ["data", "drift", "code", "schedule"])
def test_a_cause_that_is_heard_passes_where_nothing_is_limited(kind: str) -> None:
    answer = ask(EASY, opened(HOUR, 2 * DAY), kind)
    assert answer == policy.Answer(True, "retrain", "1 of 50 releases in 24 hours used")


def test_a_request_says_that_a_person_asked() -> None:
    assert ask(EASY, MODEL, "request") == policy.Answer(True, "request", "a person asked")


def test_adopted_work_has_the_same_budget_of_releases_but_reserves_no_minutes() -> None:
    rules = replace(EASY, budget_per_day=1, minutes_per_day=10)
    assert policy.within_budget(rules, opened(), NOW) == policy.Answer(
        True, "retrain", "0 of 1 releases in 24 hours used"
    )
    assert policy.within_budget(rules, opened(HOUR), NOW).rule == "budget_per_day"
    assert policy.within_budget(EASY, opened(HOUR), NOW).why == "1 of 50 releases in 24 hours used"
    assert policy.within_budget(replace(EASY, minutes_per_day=10), spent((HOUR, 1, 600)), NOW).go
    assert policy.within_budget(replace(EASY, minutes_per_day=10), spent((HOUR, 1, 601)), NOW).rule == "minutes_per_day"


# What lets the causes go


def test_a_cause_outside_of_retrain_on_is_let_go_by_name() -> None:
    answer = ask(replace(EASY, on=("data",)), MODEL, "drift", "code")
    assert answer == policy.Answer(
        False,
        "retrain.on",
        "cause code, drift is not in retrain.on",
        drop=True,
        passes="the cause in retrain.on",
    )


@pytest.mark.parametrize("kind", ["request", "schedule"])
def test_requests_and_the_schedule_are_heard_whatever_retrain_on_says(kind: str) -> None:
    assert ask(replace(EASY, on=()), MODEL, kind).go


@pytest.mark.parametrize("kind", ["data", "drift", "request"])
def test_without_a_file_nothing_is_trained(kind: str) -> None:
    answer = ask(EASY, replace(MODEL, next_file=1), kind)
    assert (answer.go, answer.rule, answer.drop, answer.passes) == (False, "data", True, "an accepted file")
    assert answer.why == "no file was accepted yet, so there is nothing to train on"


@pytest.mark.parametrize("kind", ["data", "code", "schedule"])
def test_the_same_data_and_code_is_trained_once(kind: str) -> None:
    answer = ask(EASY, replace(MODEL, trained=("q", "p")), kind)
    assert (answer.rule, answer.why, answer.drop) == ("same_input", "the same data and code were trained before", True)
    assert answer.passes == "newer data or a newly published folder"
    assert ask(EASY, replace(MODEL, trained=("q",)), kind).go


def test_drift_beside_another_cause_has_the_same_input_trained_again() -> None:
    assert ask(EASY, replace(MODEL, trained=("p",)), "code", "drift").go


@pytest.mark.parametrize("kind", ["data", "drift", "code", "schedule"])
def test_what_was_rolled_back_is_denied(kind: str) -> None:
    answer = ask(EASY, replace(MODEL, denied=("p",)), kind)
    assert (answer.go, answer.rule, answer.drop) == (False, "denied", True)
    assert answer.why == "a version of the same data and code was rolled back"
    assert answer.passes == "newer data or a newly published folder"


def test_a_person_may_ask_for_what_was_rolled_back_and_is_told_so() -> None:
    answer = ask(EASY, replace(MODEL, denied=("p",)), "request")
    assert answer.go
    assert answer.why == "a person asked; a version of this data and code was rolled back before"


@pytest.mark.parametrize(("depth", "limit", "go"), [(0, 0, False), (0, 1, True), (1, 1, False), (1, 2, True)])
def test_drift_alone_may_repeat_the_same_training_so_many_times(depth: int, limit: int, go: bool) -> None:
    head = replace(MODEL, last_print="p", last_depth=depth)
    for kinds in (("drift",), ("performance",), ("drift", "performance")):
        assert ask(replace(EASY, drift_repeats=limit), head, *kinds).go is go


def test_a_loop_says_how_deep_it_is() -> None:
    answer = ask(EASY, replace(MODEL, last_print="p", last_depth=1), "drift")
    assert (answer.rule, answer.drop, answer.numbers) == ("loop", True, {"depth": 2, "limit": 1})
    assert answer.why == "drift had the same data and code trained again 1 time already, at most 1: a loop"
    assert answer.passes == "newer data or a newly published folder"
    twice = ask(replace(EASY, drift_repeats=2), replace(MODEL, last_print="p", last_depth=2), "drift")
    assert "2 times already, at most 2" in twice.why


@pytest.mark.parametrize(("kinds", "last"), [(("drift", "code"), "p"), (("code",), "p"), (("drift",), "other")])
def test_other_causes_and_other_data_are_no_loop(kinds: tuple[str, ...], last: str) -> None:
    assert ask(EASY, replace(MODEL, last_print=last, last_depth=9), *kinds).go
    causes = tuple(Cause(kind, "e", NOW) for kind in kinds)
    assert policy.depth_of(replace(MODEL, last_print=last, last_depth=9), causes, "p") == 0


# What waits


@pytest.mark.parametrize("kind", ["data", "drift", "code", "schedule"])
def test_the_breaker_opens_at_its_limit_and_only_a_person_passes(kind: str) -> None:
    rules = replace(EASY, breaker=3)
    assert ask(rules, replace(MODEL, useless=2), kind).go
    answer = ask(rules, replace(MODEL, useless=3), kind)
    assert (answer.go, answer.rule, answer.until, answer.drop) == (False, "breaker", None, False)
    assert answer.why == "3 releases in a row were not promoted, the breaker opens at 3"
    assert answer.passes == "a person's `baton retrain`, which closes it"
    assert answer.numbers == {"useless": 3, "limit": 3}
    assert ask(rules, replace(MODEL, useless=4), kind).rule == "breaker"
    assert ask(rules, replace(MODEL, useless=4), kind, "request").go


@pytest.mark.parametrize("kind", ["data", "drift", "schedule"])
def test_too_few_new_rows_wait(kind: str) -> None:
    rules = replace(EASY, min_new_rows=100)
    answer = ask(rules, waiting(NOW, rows=99), kind)
    assert (answer.go, answer.rule, answer.until, answer.drop) == (False, "min_new_rows", None, False)
    assert (answer.why, answer.passes) == ("99 new rows, at least 100 are wanted", "1 more rows")
    assert answer.numbers == {"rows": 99, "limit": 100}
    assert ask(rules, waiting(NOW, rows=100), kind).go


def test_a_code_change_needs_no_new_rows() -> None:
    assert ask(replace(EASY, min_new_rows=100), waiting(NOW), "code").go
    assert ask(replace(EASY, min_new_rows=100), waiting(NOW), "code", "drift").go
    assert ask(replace(EASY, min_new_rows=100), waiting(NOW), "performance").go


def test_after_the_deadline_too_few_rows_are_enough() -> None:
    rules = replace(EASY, min_new_rows=100, deadline_hours=24)
    early = ask(rules, waiting(NOW - 23 * HOUR, rows=1))
    assert (early.rule, early.until) == ("min_new_rows", NOW + HOUR)
    assert ask(rules, waiting(NOW - 24 * HOUR, rows=1)).go
    assert ask(rules, waiting(None, rows=1)).until is None
    assert not ask(replace(rules, deadline_hours=0), waiting(NOW - 99 * DAY, rows=1)).go


def quiet(begin: datetime | None, end: datetime | None, *, folder: str = FOLDER, since: datetime | None = None) -> Head:
    known = Appointments(folder=folder, quiet_from=begin, quiet_until=end)
    return replace(MODEL, appointments=known, basket=Basket(since=since))


QUIET = replace(EASY, quiet_hours=("08:00-18:00",))


def test_quiet_hours_wait_from_their_first_moment_until_before_their_last() -> None:
    answer = ask(QUIET, quiet(NOW, NOW + HOUR))
    assert (answer.go, answer.rule, answer.until) == (False, "quiet_hours", NOW + HOUR)
    assert (answer.why, answer.passes) == ("quiet hours until 2026-03-01 13:00 UTC", "their end")
    assert ask(QUIET, quiet(NOW + timedelta(seconds=1), NOW + HOUR)).go
    assert ask(EASY, quiet(NOW, NOW + HOUR)).go
    assert ask(QUIET, quiet(NOW, NOW + HOUR), "request").go


@pytest.mark.parametrize(
    "head",
    [quiet(NOW - HOUR, NOW), quiet(None, None), quiet(NOW - HOUR, NOW + HOUR, folder="another")],
    ids=["over", "not yet read", "of another folder"],
)
def test_quiet_hours_that_are_not_known_are_looked_up_first(head: Head) -> None:
    answer = ask(QUIET, head)
    assert (answer.go, answer.rule, answer.until, answer.passes) == (False, "quiet_hours", NOW, "a moment")
    assert answer.why == "the next quiet hours are being looked up"


def test_a_window_without_a_beginning_is_not_waited_for() -> None:
    assert ask(QUIET, quiet(None, NOW + HOUR)).go


def test_the_deadline_cuts_quiet_hours_short() -> None:
    rules = replace(QUIET, deadline_hours=2)
    assert ask(rules, quiet(NOW, NOW + 3 * HOUR, since=NOW - HOUR)).until == NOW + HOUR
    assert ask(rules, quiet(NOW, NOW + HOUR / 2, since=NOW - HOUR)).until == NOW + HOUR / 2
    assert ask(rules, quiet(NOW, NOW + 3 * HOUR, since=NOW - 2 * HOUR)).go


def test_a_cool_down_counts_from_the_last_release() -> None:
    rules = replace(EASY, cool_down_seconds=3600)
    answer = ask(rules, opened(3 * HOUR, HOUR / 2))
    assert (answer.go, answer.rule, answer.until) == (False, "cool_down", NOW + HOUR / 2)
    said = "a release was opened 2026-03-01 11:30 UTC, the cool-down of 3600 s is over 2026-03-01 12:30 UTC"
    assert (answer.why, answer.passes, answer.numbers) == (said, "its end", {"limit": 3600})
    assert ask(rules, opened(HOUR)).go
    assert ask(rules, opened()).go


def test_releases_that_were_not_promoted_make_the_cool_down_longer_but_not_for_drift() -> None:
    rules = replace(EASY, cool_down_seconds=3600, back_off=2, back_off_most_hours=3)
    head = replace(opened(HOUR), useless=1)
    answer = ask(rules, head)
    assert (answer.rule, answer.until, answer.numbers) == ("cool_down", NOW + HOUR, {"limit": 7200})
    assert ask(rules, replace(head, useless=9)).until == NOW + 2 * HOUR
    assert ask(rules, head, "drift").go
    assert ask(rules, head, "data", "performance").go
    assert ask(replace(rules, back_off_most_hours=0), head).go
    assert ask(replace(rules, back_off_most_hours=99), replace(head, useless=3)).until == NOW + 7 * HOUR


def test_the_first_rule_in_the_stated_order_is_the_answer() -> None:
    """docs/retraining.md has them in this order."""
    head = replace(
        quiet(NOW, NOW + HOUR),
        next_file=1,
        denied=("p",),
        trained=("p",),
        last_print="p",
        last_depth=1,
        useless=1,
        opened=(NOW,),
        spent=(spending.Spent(NOW, 9, 9e9),),
    )
    rules = Retrain(
        on=(),
        breaker=1,
        min_new_rows=1,
        quiet_hours=("08:00-18:00",),
        cool_down_seconds=9,
        budget_per_day=1,
    )
    mend: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
        ("retrain.on", {"on": ("drift",)}, {}),
        ("data", {}, {"next_file": 2}),
        ("denied", {}, {"denied": ()}),
        ("loop", {}, {"last_print": ""}),
        ("breaker", {}, {"useless": 0}),
        ("min_new_rows", {}, {"basket": Basket(rows=1)}),
        ("quiet_hours", {}, {"appointments": Appointments()} | {}),
        ("quiet_hours", {"quiet_hours": ()}, {}),
        ("cool_down", {}, {"opened": (NOW - HOUR,)}),
        ("budget_per_day", {"budget_per_day": 2}, {}),
    ]
    for rule, of_rules, of_head in mend:
        assert ask(rules, head, "drift").rule == rule
        rules, head = replace(rules, **of_rules), replace(head, **of_head)
    assert ask(rules, head, "drift").go


# Budgets


def test_a_day_of_releases_frees_itself_when_the_oldest_is_a_day_old() -> None:
    rules = replace(EASY, budget_per_day=2)
    answer = ask(rules, opened(30 * HOUR, 20 * HOUR, 5 * HOUR))
    assert (answer.rule, answer.until) == ("budget_per_day", NOW + 4 * HOUR)
    assert answer.why == "2 releases in 24 hours, one more takes up to 1, the budget is 2"
    assert answer.passes == "time, or a larger retrain.budget_per_day"
    assert answer.numbers == {"used": 2, "limit": 2}
    assert ask(rules, opened(24 * HOUR, 5 * HOUR)).go


def test_a_month_of_releases_is_thirty_days() -> None:
    rules = replace(EASY, budget_per_month=3)
    answer = ask(rules, spent((29 * DAY, 2, 0), (DAY, 1, 0)))
    assert (answer.rule, answer.until) == ("budget_per_month", NOW + DAY)
    assert answer.why == "3 releases in 30 days, one more takes up to 1, the budget is 3"
    assert ask(rules, spent((30 * DAY, 2, 0), (DAY, 1, 0))).go
    assert ask(rules, spent((29 * DAY, 1, 0), (DAY, 1, 0))).go
    assert ask(EASY, spent((DAY, 999, 1e9))).go


@pytest.mark.parametrize(
    ("rule", "span", "ago"), [("minutes_per_day", "24 hours", 20 * HOUR), ("minutes_per_month", "30 days", 20 * DAY)]
)
def test_minutes_have_room_for_one_more_run(rule: str, span: str, ago: timedelta) -> None:
    rules = replace(EASY, **{rule: 10})
    assert ask(rules, spent((ago, 1, 300)), run_seconds=300).go
    answer = ask(rules, spent((ago, 1, 300)), run_seconds=301)
    assert (answer.go, answer.rule) == (False, rule)
    assert answer.why == f"5 minutes in {span}, one more takes up to 5.017, the budget is 10"
    assert answer.until == NOW - ago + (DAY if span == "24 hours" else 30 * DAY)
    assert ask(replace(EASY, minutes_per_day=10), spent((2 * DAY, 1, 900)), run_seconds=300).go


@pytest.mark.parametrize(
    ("rule", "span", "ago"), [("money_per_day", "24 hours", HOUR), ("money_per_month", "30 days", 9 * DAY)]
)
def test_money_is_minutes_times_the_stated_price_and_says_that_it_is_an_estimate(
    rule: str, span: str, ago: timedelta
) -> None:
    rules = replace(EASY, price_per_minute=0.5, currency="USD", **{rule: 10})
    assert ask(rules, spent((ago, 1, 600)), run_seconds=600).go
    answer = ask(rules, spent((ago, 1, 720)), run_seconds=600)
    assert (answer.go, answer.rule) == (False, rule)
    assert answer.why == f"6 USD (estimated) in {span}, one more takes up to 5, the budget is 10"
    assert answer.numbers == {"used": 6, "limit": 10}


# The account


def test_an_account_sums_by_the_hour_and_older_hours_by_the_day() -> None:
    account = spending.added((), NOW, releases=1, seconds=10)
    account = spending.added(account, NOW + timedelta(minutes=59), seconds=20)
    account = spending.added(account, NOW + HOUR, releases=1)
    assert account == (
        spending.Spent(NOW + timedelta(minutes=59), 1, 30.0),
        spending.Spent(NOW + HOUR, 1, 0.0),
    )
    later = spending.added(account, NOW + 2 * DAY)
    assert later == (spending.Spent(NOW + HOUR, 2, 30.0), spending.Spent(NOW + 2 * DAY, 0, 0.0))


def test_entries_of_one_hour_are_one_sum_whatever_their_second() -> None:
    account: tuple[spending.Spent, ...] = ()
    for after in (timedelta(0), timedelta(seconds=7), timedelta(minutes=59, seconds=30, microseconds=9)):
        account = spending.added(account, NOW + after, releases=1)
    assert [one.releases for one in account] == [3]


def test_an_hour_is_kept_by_itself_for_a_day_and_an_hour() -> None:
    account = spending.added(spending.added((), NOW, releases=1), NOW + HOUR, releases=1)
    at = NOW + 25 * HOUR
    assert [one.releases for one in spending.added(account, at - timedelta(seconds=1))] == [1, 1, 0]
    assert [one.releases for one in spending.added(account, at + HOUR)] == [2, 0]


def test_after_thirty_days_an_entry_is_gone() -> None:
    account = spending.added((), NOW, releases=1)
    assert len(spending.added(account, NOW + 30 * DAY - timedelta(seconds=1))) == 2
    assert len(spending.added(account, NOW + 30 * DAY)) == 1


def test_nothing_used_frees_nothing() -> None:
    assert spending.used((), NOW, DAY) == spending.Used(0, 0.0, None)


@given(st.lists(st.tuples(st.integers(0, 70 * 24 * 60), st.integers(0, 3), st.floats(0, 1e4)), max_size=60))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_an_account_never_counts_too_little_and_stays_small(entries: list[tuple[int, int, float]]) -> None:
    account: tuple[spending.Spent, ...] = ()
    moments = sorted((NOW + timedelta(minutes=minute), releases, seconds) for minute, releases, seconds in entries)
    for at, releases, seconds in moments:
        account = spending.added(account, at, releases=releases, seconds=seconds)
    assert len(account) <= 26 + 31
    now = moments[-1][0] if moments else NOW
    for span in (DAY, 30 * DAY):
        found = spending.used(account, now, span)
        exact = [(releases, seconds) for at, releases, seconds in moments if at > now - span]
        longer = [releases for at, releases, _ in moments if at > now - span - DAY]
        assert sum(releases for releases, _ in exact) <= found.releases <= sum(longer)
        assert found.seconds >= sum(seconds for _, seconds in exact) - 1e-6


# All rules together


RULES = st.builds(
    Retrain,
    on=st.sets(st.sampled_from(["data", "drift", "code"])).map(lambda found: tuple(sorted(found))),
    cool_down_seconds=st.sampled_from([0.0, 60.0, 7200.0]),
    budget_per_day=st.integers(1, 5),
    breaker=st.integers(1, 4),
    budget_per_month=st.integers(0, 5),
    minutes_per_day=st.sampled_from([0.0, 5.0, 60.0]),
    money_per_month=st.sampled_from([0.0, 5.0, 60.0]),
    price_per_minute=st.sampled_from([0.0, 1.0]),
    quiet_hours=st.sampled_from([(), ("08:00-18:00",)]),
    min_new_rows=st.sampled_from([0, 10, 100]),
    deadline_hours=st.sampled_from([0.0, 3.0]),
    drift_repeats=st.integers(0, 2),
)
AGO = st.integers(0, 60 * 24 * 40).map(lambda minutes: NOW - timedelta(minutes=minutes))
HEADS = st.builds(
    Head,
    model=st.just("m"),
    folder=st.just(FOLDER),
    author=st.just("author"),
    next_file=st.integers(1, 3),
    useless=st.integers(0, 5),
    opened=st.lists(AGO, max_size=6).map(lambda found: tuple(sorted(found))),
    trained=st.sampled_from([(), ("p",)]),
    denied=st.sampled_from([(), ("p",)]),
    last_print=st.sampled_from(["", "p"]),
    last_depth=st.integers(0, 3),
    basket=st.builds(Basket, rows=st.integers(0, 120), since=st.none() | AGO),
    spent=st.lists(st.builds(spending.Spent, AGO, st.integers(0, 3), st.floats(0, 3000)), max_size=5).map(
        lambda found: tuple(sorted(found, key=lambda one: one.at))
    ),
    appointments=st.builds(
        Appointments,
        folder=st.just(FOLDER),
        quiet_from=st.sampled_from([NOW - HOUR, NOW, NOW + HOUR]),
        quiet_until=st.sampled_from([NOW + HOUR, NOW + 2 * HOUR]),
    ),
)
KINDS = st.sets(st.sampled_from(["data", "drift", "code", "schedule"]), min_size=1).map(
    lambda found: tuple(sorted(found))
)
tried = settings(max_examples=50, deadline=None, derandomize=True)


@given(RULES, HEADS, KINDS)
@tried
def test_whoever_waits_is_told_why_and_what_helps_and_time_alone_never_looks_back(
    rules: Retrain, head: Head, kinds: tuple[str, ...]
) -> None:
    answer = ask(rules, head, *kinds, run_seconds=60)
    assert answer.why
    assert answer.go or answer.passes
    assert answer.until is None or (not answer.go and not answer.drop and answer.until > NOW)


@given(RULES, HEADS, KINDS)
@tried
def test_a_request_beside_any_causes_passes_as_soon_as_there_is_data(
    rules: Retrain, head: Head, kinds: tuple[str, ...]
) -> None:
    assert ask(rules, head, *kinds, "request").go is (head.next_file > 1)


@given(RULES, HEADS, KINDS, st.integers(0, 200))
@tried
def test_more_new_rows_never_stop_what_passed(rules: Retrain, head: Head, kinds: tuple[str, ...], more: int) -> None:
    """Under all rules, and where no other rule hides what this one says."""
    alone = replace(EASY, min_new_rows=rules.min_new_rows, deadline_hours=rules.deadline_hours)
    for some, before, heard in ((rules, head, kinds), (alone, replace(MODEL, basket=head.basket), ("data",))):
        richer = replace(before, basket=replace(before.basket, rows=before.basket.rows + more))
        assert not ask(some, before, *heard).go or ask(some, richer, *heard).go


@given(RULES, HEADS, KINDS, st.floats(0, 5000))
@tried
def test_more_spent_or_more_useless_releases_never_let_pass_what_waited(
    rules: Retrain, head: Head, kinds: tuple[str, ...], seconds: float
) -> None:
    """Under all rules, and where no other rule hides what these say."""
    names = ("breaker", "minutes_per_day", "money_per_month", "price_per_minute")
    alone = replace(EASY, **{name: getattr(rules, name) for name in names})
    for some, before in ((rules, head), (alone, replace(MODEL, spent=head.spent, useless=head.useless))):
        worse = replace(before, spent=spending.added(before.spent, NOW, seconds=seconds), useless=before.useless + 1)
        assert ask(some, before, *kinds).go or not ask(some, worse, *kinds).go


@given(RULES, HEADS, KINDS)
@tried
def test_what_passes_keeps_every_limit_that_the_rules_state(rules: Retrain, head: Head, kinds: tuple[str, ...]) -> None:
    """Counted here from the head by hand, not by the code under test."""
    answer = ask(rules, head, *kinds, run_seconds=60)
    if not answer.go:
        return
    assert sum(moment > NOW - DAY for moment in head.opened) < rules.budget_per_day
    assert head.useless < rules.breaker
    assert all((NOW - moment).total_seconds() >= rules.cool_down_seconds for moment in head.opened)
    month = [one for one in head.spent if one.at > NOW - 30 * DAY]
    minutes = sum(one.seconds for one in month if one.at > NOW - DAY) / 60
    assert not rules.budget_per_month or sum(one.releases for one in month) < rules.budget_per_month
    assert not rules.minutes_per_day or minutes + 1 <= rules.minutes_per_day
    money = (sum(one.seconds for one in month) / 60 + 1) * rules.price_per_minute
    assert not rules.money_per_month or money <= rules.money_per_month
    assert "p" not in head.denied
    assert head.next_file > 1


@given(RULES, HEADS, KINDS)
@tried
def test_nothing_may_go_before_the_moment_that_the_answer_names(
    rules: Retrain, head: Head, kinds: tuple[str, ...]
) -> None:
    """Under all rules, and where no other rule hides what the cool-down says."""
    alone = replace(EASY, cool_down_seconds=rules.cool_down_seconds)
    causes = tuple(Cause(kind, "e", NOW) for kind in kinds)
    for some, before in ((rules, head), (alone, replace(MODEL, opened=(*head.opened, NOW - HOUR)))):
        answer = ask(some, before, *kinds)
        if answer.until is None or answer.until - NOW < timedelta(seconds=2):
            continue
        just_before = answer.until - timedelta(seconds=1)
        again = policy.should_retrain(some, before, causes, input_print="p", now=just_before)
        assert not again.go
        # quiet hours that were known may be over by then, and are looked up again
        assert again.rule in (answer.rule, "quiet_hours")


# The batch


def test_the_batch_answers_as_its_own_rule() -> None:
    filled = batches.Filled(Basket(last_at=NOW), 1, 0)
    ready = policy.batch_ready(Batch(files=1), filled, NOW)
    assert (ready.go, ready.rule, ready.why) == (True, "batch", "1 new files, batch closes at 1")
    waits = policy.batch_ready(Batch(files=2, quiet_seconds=60), filled, NOW)
    assert (waits.go, waits.until) == (False, NOW + timedelta(seconds=60))
