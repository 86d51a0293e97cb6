"""Hysteresis: alarms begin at the limit several times in a few reports, and end at half of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.retraining.hysteresis import Limits, Reading, Watch, at_limit, heard

TWO_OF_THREE = Limits(0.2, 2, 3)


def alarms(values: Sequence[float], limits: Limits = TWO_OF_THREE) -> list[bool]:
    watch, found = Watch(), []
    for number, value in enumerate(values):
        watch = heard(watch, limits, f"run-{number}", value)
        found.append(watch.alarmed)
    return found


@pytest.mark.parametrize(
    ("values", "begins"),
    [
        ((0.2, 0.2), 1),
        ((0.3, 0.0, 0.3), 2),
        ((0.3, 0.0, 0.0, 0.3, 0.2), 4),
        ((0.199, 0.199, 0.199), None),
        ((0.9, 0.0, 0.0, 0.9, 0.0, 0.0), None),
    ],
)
def test_an_alarm_begins_with_the_second_of_three_at_the_limit(values: Sequence[float], begins: int | None) -> None:
    found = alarms(values)
    assert (found.index(True) if True in found else None) == begins


def test_an_alarm_stands_until_a_report_below_half_is_followed_by_another() -> None:
    assert alarms((0.3, 0.3, 0.15, 0.1, 0.09, 0.0)) == [False, True, True, True, True, False]


def test_after_its_end_an_alarm_begins_with_new_reports_only() -> None:
    assert alarms((0.3, 0.3, 0.0, 0.3, 0.3)) == [False, True, True, False, True]


def test_an_alert_and_the_life_sign_of_one_run_are_one_report_in_any_order() -> None:
    first = heard(heard(Watch(), TWO_OF_THREE, "r", 0.3), TWO_OF_THREE, "r", 0.0)
    other = heard(heard(Watch(), TWO_OF_THREE, "r", 0.0), TWO_OF_THREE, "r", 0.3)
    assert first == other == Watch((Reading("r", 0.3),), alarmed=False)


def test_a_late_alert_counts_in_its_place() -> None:
    watch = Watch()
    for run, value in (("a", 0.3), ("b", 0.0), ("c", 0.0)):
        watch = heard(watch, TWO_OF_THREE, run, value)
    assert heard(watch, TWO_OF_THREE, "b", 0.3).alarmed
    assert not heard(watch, Limits(0.2, 2, 2), "a", 0.9).alarmed


def test_ten_readings_are_kept() -> None:
    watch = Watch()
    for number in range(12):
        watch = heard(watch, TWO_OF_THREE, str(number), 0.0)
    assert [one.run for one in watch.readings] == [str(number) for number in range(2, 12)]


@given(st.lists(st.floats(0, 0.6), max_size=30))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_an_alarm_needs_two_of_three_and_never_ends_while_reports_stay_above_half(values: list[float]) -> None:
    found = alarms(values)
    for number, (value, alarmed) in enumerate(zip(values, found, strict=True)):
        before = number > 0 and found[number - 1]
        high = sum(one >= 0.2 for one in values[max(0, number - 2) : number + 1])
        assert not alarmed or before or (value >= 0.2 and high >= 2)
        assert not before or alarmed or values[number - 1] < 0.1


def test_only_the_last_readings_are_counted() -> None:
    readings = tuple(Reading(str(number), value) for number, value in enumerate((0.2, 0.3, 0.1, 0.5)))
    assert (at_limit(readings, Limits(0.2, 2, 2)), at_limit(readings, Limits(0.2, 2, 4))) == (1, 3)
