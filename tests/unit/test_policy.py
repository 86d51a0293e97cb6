"""When to retrain, and how much may be spent on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared import events, policy
from shared.retraining.batches import Filled
from shared.spec import Batch, Retrain
from shared.state import Basket, Cause, Head
from tests.fakes.platform import Outcome
from tests.world import World

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEAD = Head("m", "f" * 16, "author", next_file=2)


def _cause(kind: str) -> tuple[Cause, ...]:
    return (Cause(kind, "e", NOW),)


def _opened(*hours_ago: float, useless: int = 0) -> Head:
    moments = tuple(NOW - timedelta(hours=hours) for hours in hours_ago)
    return Head("m", "f" * 16, "author", next_file=2, opened=moments, useless=useless)


def _ask(retrain: Retrain, head: Head, kind: str = "data") -> policy.Answer:
    return policy.should_retrain(retrain, head, _cause(kind), input_print="p", now=NOW)


def test_the_budget_counts_the_last_24_hours_and_frees_itself() -> None:
    answer = _ask(Retrain(cool_down_seconds=0, budget_per_day=2), _opened(30, 20, 5))
    assert (answer.go, answer.rule) == (False, "budget_per_day")
    assert answer.until == NOW + timedelta(hours=4)


@pytest.mark.parametrize(("kind", "go"), [("data", False), ("drift", False), ("code", False), ("request", True)])
def test_only_a_request_goes_past_budget_cool_down_and_breaker(kind: str, go: bool) -> None:
    assert _ask(Retrain(cool_down_seconds=0, budget_per_day=1), _opened(1), kind).go is go
    assert _ask(Retrain(cool_down_seconds=7200), _opened(1), kind).go is go
    assert _ask(Retrain(cool_down_seconds=0, breaker=3), _opened(useless=3), kind).go is go


def test_a_cool_down_ends_by_itself() -> None:
    answer = _ask(Retrain(cool_down_seconds=7200), _opened(1))
    assert (answer.rule, answer.until) == ("cool_down", NOW + timedelta(hours=1))


def test_a_cause_that_nobody_listens_to_is_let_go() -> None:
    answer = _ask(Retrain(on=("data",)), HEAD, "drift")
    assert (answer.go, answer.drop) == (False, True)


def test_drift_may_train_the_same_data_again_but_data_and_code_may_not() -> None:
    trained = Head("m", "f" * 16, "author", next_file=2, trained=("p",))
    assert [_ask(Retrain(), trained, kind).go for kind in ("data", "code", "drift", "request")] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("files", "rows", "quiet", "go"),
    [(0, 0, 999, False), (3, 30, 0, True), (1, 500, 0, True), (1, 30, 59, False), (1, 30, 60, True)],
)
def test_a_batch_closes_by_files_rows_or_quiet(files: int, rows: int, quiet: int, go: bool) -> None:
    batch = Batch(files=3, rows=500, quiet_seconds=60)
    last_at = NOW - timedelta(seconds=quiet)
    assert policy.batch_ready(batch, Filled(Basket(rows=rows, last_at=last_at), files, 0), NOW).go is go


def test_foreign_versions_are_judged_within_the_budget_and_the_rest_waits(world: World) -> None:
    world.publish(budget=3, alpha=9)
    world.go_live()
    opened = world.head().next_release
    for _ in range(5):
        world.register_by_hand()
        world.settle()
    assert world.head().next_release <= opened + 2
    assert world.head().basket.causes
    before = world.head().next_release
    world.wait(timedelta(hours=25), step=timedelta(hours=1))
    assert world.head().next_release > before


def test_a_failed_training_is_repeated_by_a_person_and_by_new_data_but_not_by_itself(world: World) -> None:
    world.trainer.script["train"] = Outcome("failed", "no memory")
    world.drop("rows")
    world.settle()
    world.wait(timedelta(hours=2), step=timedelta(minutes=20))
    assert world.states() == {"m-0001": "failed"}
    world.ask(events.RetryRequested, release="m-0001")
    world.settle()
    world.drop("more rows")
    world.settle()
    assert world.states() == {"m-0001": "failed", "m-0002": "failed", "m-0003": "failed"}
