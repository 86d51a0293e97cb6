"""The circuit breaker by itself: when it opens, for how long, who probes, and what its row says. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.performing import breaker
from shared.performing.breaker import Breaker, Heard
from shared.state import Command

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
OPEN = Breaker("training", "open", NOW, NOW + MINUTE, NOW - 9 * MINUTE, 3, "no answer")
CLOSED = replace(OPEN, state="closed")


def spread(text: str) -> int:
    """0 to 99 by a hash, counted here by hand."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:6], 16) % 100


def test_only_a_closed_breaker_or_none_holds_nobody() -> None:
    assert breaker.free_at(None) is None
    assert breaker.free_at(CLOSED) is None
    assert breaker.free_at(OPEN) == OPEN.until
    assert breaker.free_at(replace(OPEN, state="probing")) == OPEN.until
    assert (CLOSED.is_closed, OPEN.is_closed, replace(OPEN, state="probing").is_closed) == (True, False, False)


@pytest.mark.parametrize("model", ["diabetes", "loans", "films"])
@pytest.mark.parametrize(
    ("stands", "after", "wait"),
    [
        (OPEN, 0, 60.0),
        (OPEN, 50, 10.0),
        (OPEN, 59, 1.0),
        (OPEN, 59.5, 1.0),
        (OPEN, 90, 1.0),
        (CLOSED, 0, 1.0),
        (replace(OPEN, state="probing"), 0, 10.0),
        (replace(OPEN, state="probing"), 55, 5.0),
    ],
)
def test_a_held_model_looks_again_when_it_is_free_or_up_to_a_quarter_later(
    model: str, stands: Breaker, after: float, wait: float
) -> None:
    now = NOW + after * SECOND
    found = breaker.look_again_at(stands, model, now)
    assert (found - now).total_seconds() == pytest.approx(wait * (1 + spread(model) / 400))


def test_the_first_silence_opens_for_fifteen_seconds_and_less_up_to_a_quarter() -> None:
    for before in (None, CLOSED):
        found = breaker.opened("endpoints", before, NOW, "w" * 501)
        by = spread(f"endpoints:{NOW.isoformat()}")
        until = NOW + 15 * SECOND * (1 - by / 400)
        assert found == Breaker("endpoints", "open", NOW, until, NOW, 1, "w" * 500)


@pytest.mark.parametrize("state", ["open", "probing"])
def test_each_further_silence_doubles_the_pause_and_keeps_since_when(state: breaker.State) -> None:
    found = breaker.opened("training", replace(OPEN, state=state), NOW, "still none")
    assert (found.opened, found.since, found.at, found.why) == (4, OPEN.since, NOW, "still none")
    assert found.until - NOW == breaker.pause(4, spread(f"training:{NOW.isoformat()}"))


@given(st.integers(1, 5000), st.integers(0, 99))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_pause_lies_between_three_quarters_and_the_whole_of_its_double(count: int, by: int) -> None:
    seconds = breaker.pause(count, by).total_seconds()
    longest = min(300.0, 15.0 * 2.0 ** min(count - 1, 10))
    assert 0.75 * longest < seconds <= longest
    assert breaker.pause(count + 1, by).total_seconds() >= seconds
    assert seconds == pytest.approx(longest * (1 - by / 400))


def test_a_probe_asks_for_the_length_of_its_lease() -> None:
    later = NOW + MINUTE
    found = breaker.probing(OPEN, later, 90 * SECOND)
    assert found == replace(OPEN, state="probing", at=later, until=later + 90 * SECOND)


@pytest.mark.parametrize(
    ("heard", "state", "count"), [("answer", "closed", 3), ("nothing", "open", 3), ("silence", "open", 4)]
)
def test_a_probes_end_closes_opens_for_longer_or_lets_the_next_one_probe(heard: Heard, state: str, count: int) -> None:
    later = NOW + 2 * MINUTE
    found = breaker.after_probe(replace(OPEN, state="probing"), heard, later, "silent again")
    assert (found.platform, found.state, found.opened, found.at) == ("training", state, count, later)
    if heard == "silence":
        assert found == breaker.opened("training", OPEN, later, "silent again")
    else:
        assert (found.until, found.since, found.why) == (later, OPEN.since, OPEN.why)


@pytest.mark.parametrize(
    ("kind", "platform"),
    [("start_run", "training"), ("observe_champion", "endpoints"), ("set_traffic", ""), ("unheard_of", "")],
)
def test_a_command_asks_the_platform_of_its_kind(kind: str, platform: str) -> None:
    command = Command(1, kind, "m-0001", NOW)
    assert breaker.platform_of(command) == platform


def test_its_row_says_all_and_is_read_back() -> None:
    body = breaker.text(OPEN)
    told = json.loads(body)
    assert {name: told[name] for name in ("platform", "state", "opened", "why")} == {
        "platform": "training",
        "state": "open",
        "opened": 3,
        "why": "no answer",
    }
    assert [told[name] for name in ("at", "until", "since")] == [
        "2026-03-01T12:00:00+00:00",
        "2026-03-01T12:01:00+00:00",
        "2026-03-01T11:51:00+00:00",
    ]
    assert breaker.loaded(body) == OPEN


def test_a_row_with_less_is_read_with_what_is_usual_and_more_is_left_alone() -> None:
    told = json.loads(breaker.text(OPEN))
    less = {name: value for name, value in told.items() if name not in ("opened", "why")}
    assert breaker.loaded(json.dumps(less | {"more": 1})) == replace(OPEN, opened=0, why="")


def test_the_limits_are_those_that_the_runbook_tells() -> None:
    assert (breaker.OPENS_AFTER, breaker.FIRST_SECONDS, breaker.LONGEST_SECONDS) == (10, 15, 300)
    assert breaker.PROBE_WATCHED == 10 * SECOND
