"""Quiet hours in local time, also where the clocks change (Europe/Berlin: 2026-03-29 01:00 UTC forward, 2026-10-25 01:00 UTC back)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.errors import SpecRefused
from shared.model_yaml.spec_file import load_spec
from shared.retraining.quiet import is_quiet_hours, next_window
from tests.world import spec_text

BERLIN = "Europe/Berlin"


def window(hours: str, now: str, zone: str = BERLIN) -> list[str]:
    found = next_window(hours.split("; "), zone, datetime.fromisoformat(now).replace(tzinfo=UTC))
    return [f"{moment:%a %d %H:%M}" for moment in found or ()]


@pytest.mark.parametrize(
    ("hours", "now", "expected"),
    [
        ("08:00-18:00", "2026-01-05T06:59", ["Mon 05 07:00", "Mon 05 17:00"]),
        ("08:00-18:00", "2026-01-05T16:59", ["Mon 05 07:00", "Mon 05 17:00"]),
        ("08:00-18:00", "2026-01-05T17:00", ["Tue 06 07:00", "Tue 06 17:00"]),
        ("08:00-18:00", "2026-07-06T12:00", ["Mon 06 06:00", "Mon 06 16:00"]),
        ("22:00-06:00", "2026-01-05T03:00", ["Sun 04 21:00", "Mon 05 05:00"]),
        ("mon-fri 08:00-18:00", "2026-01-09T17:00", ["Mon 12 07:00", "Mon 12 17:00"]),
        ("sat,sun 00:00-23:59", "2026-01-09T12:00", ["Fri 09 23:00", "Sat 10 22:59"]),
        ("fri-mon 22:00-06:00", "2026-01-06T12:00", ["Fri 09 21:00", "Sat 10 05:00"]),
        ("12:00-13:00; 08:00-09:00", "2026-01-05T05:00", ["Mon 05 07:00", "Mon 05 08:00"]),
        ("12:00-13:00; 08:00-09:00", "2026-01-05T08:30", ["Mon 05 11:00", "Mon 05 12:00"]),
    ],
)
def test_the_window_that_is_now_or_comes_next(hours: str, now: str, expected: list[str]) -> None:
    assert window(hours, now) == expected


def test_a_night_in_which_the_clocks_go_forward_is_an_hour_shorter() -> None:
    assert window("22:00-06:00", "2026-03-29T00:30") == ["Sat 28 21:00", "Sun 29 04:00"]


def test_a_night_in_which_the_clocks_go_back_is_an_hour_longer() -> None:
    assert window("22:00-06:00", "2026-10-25T00:30") == ["Sat 24 20:00", "Sun 25 05:00"]


def test_an_end_that_the_clocks_skip_comes_right_after_the_gap() -> None:
    assert window("22:00-02:30", "2026-03-29T00:30") == ["Sat 28 21:00", "Sun 29 01:00"]


def test_an_end_that_the_clocks_repeat_is_the_first_of_the_two() -> None:
    assert window("22:00-02:30", "2026-10-25T00:00") == ["Sat 24 20:00", "Sun 25 00:30"]
    assert window("22:00-02:30", "2026-10-25T00:30") == ["Sun 25 21:00", "Mon 26 01:30"]


def test_no_hours_have_no_window() -> None:
    assert next_window([], "UTC", datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "text", ["8:00-18:00", "25:00-06:00", "22:00", "mon 22:00", "day 22:00-06:00", "22:00 - 06:00", ""]
)
def test_what_is_no_part_of_the_day_is_refused(text: str) -> None:
    assert not is_quiet_hours(text)
    if text:
        with pytest.raises(SpecRefused, match="retrain.quiet_hours: found .*right would be hours of the day"):
            load_spec(spec_text(more=f', quiet_hours: ["{text}"]'))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("minutes_per_day: 4", "retrain.minutes_per_day: found 4.0; right would be 0 or at least 5, train.max_minutes"),
        (
            "money_per_month: 9",
            "retrain.price_per_minute: found 0.0; right would be more than 0 where money is limited",
        ),
        (
            "money_per_month: 9, price_per_minute: 2",
            "retrain.money_per_month: found 9.0; right would be 0 or at least 10",
        ),
        ("drift_alarms: 3, drift_of: 2, drift_limit: 1", "retrain.drift_alarms: found 3; right would be at most"),
        ("drift_alarms: 2, drift_of: 3", "retrain.drift_limit: found 0.0; right would be more than 0"),
        ("drift_of: 11", "retrain.drift_of: found 11; right would be 1 to 10"),
        ("budget_per_month: -1", "retrain.budget_per_month: found -1; right would be 0 (no limit) to 1500"),
    ],
)
def test_a_policy_that_could_never_retrain_or_contradicts_itself_is_refused(more: str, says: str) -> None:
    with pytest.raises(SpecRefused) as refused:
        load_spec(spec_text(more=f", {more}"))
    assert says in refused.value.what
