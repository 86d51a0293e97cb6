"""The retry schedule, from https://learn.microsoft.com/azure/event-grid/delivery-and-retry."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.daemon import DaemonFailed
from local.eventstore import EventStore
from local.retry import Again, Dead, Delivered, Outcome, Policy, answered, next_step


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204])
def test_200_to_204_is_delivered(status: int) -> None:
    assert next_step(answered(status), attempts=1, policy=Policy()) == Delivered()


@pytest.mark.parametrize("status", [205, 206, 301, 401, 404, 408, 429, 500, 503])
def test_any_other_status_is_tried_again(status: int) -> None:
    assert isinstance(next_step(answered(status), attempts=1, policy=Policy()), Again)


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 10), (2, 30), (3, 60), (4, 300), (5, 600), (6, 1800), (7, 3600), (8, 10_800), (9, 21_600), (10, 43_200), (11, 43_200)],
)  # fmt: skip
def test_pauses_grow_by_the_published_schedule(attempts: int, seconds: float) -> None:
    assert next_step(answered(500), attempts=attempts, policy=Policy()) == Again(seconds)


@pytest.mark.parametrize(("status", "seconds"), [(401, 300), (404, 300), (408, 120), (503, 30)])
def test_some_statuses_wait_longer_at_least(status: int, seconds: float) -> None:
    assert next_step(answered(status), attempts=1, policy=Policy()) == Again(seconds)


@pytest.mark.parametrize(("status", "word"), [(400, "BadRequest"), (403, "Forbidden"), (413, "PayloadTooLarge")])
def test_what_an_azure_function_will_never_take_is_not_tried_again(status: int, word: str) -> None:
    assert next_step(answered(status), attempts=1, policy=Policy()) == Dead(f"UndeliverableDueToHttp{word}")


def test_the_last_allowed_attempt_ends_it() -> None:
    step = next_step(Outcome("SocketError"), attempts=3, policy=Policy(max_delivery_attempts=3))
    assert step == Dead("MaxDeliveryAttemptsExceeded")


def test_compression_divides_pauses_and_the_time_to_live() -> None:
    policy = Policy(ttl_minutes=60, compress=600)
    assert (next_step(answered(500), attempts=3, policy=policy), policy.ttl_seconds) == (Again(0.1), 6)


def test_two_emulators_never_share_a_store(tmp_path: Path) -> None:
    first = EventStore(tmp_path / "events.sqlite")
    with pytest.raises(DaemonFailed, match="database is locked"):
        EventStore(tmp_path / "events.sqlite")
    first.close()


def test_an_event_is_kept_until_its_last_delivery_ended(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "events.sqlite")
    store.accept([("{}", ("a", "b"))], now_ns=1)
    (to_a,), (to_b,) = store.open("a", 9), store.open("b", 9)
    store.end(to_a, "delivered")
    assert store.open("b", 9) == [to_b]
    store.end(to_b, "dead")
    assert store.counts(now_ns=2) == {"a": {"delivered": 1}, "b": {"dead": 1}}
    store.close()
