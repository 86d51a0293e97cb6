"""A seeded part of `python -m tests.promotions`: what is promoted among equally good candidates, and what is found."""

from __future__ import annotations

from tests.promotions.chart import drawn
from tests.promotions.rules import baton, lower_than_stored, tfx
from tests.promotions.trials import trial

TRIALS = 100


def promoted(rule, gain, rows=100):
    """How many of the trials the rule promotes."""
    return sum(rule(trial(number, gain=gain, rows=rows)) for number in range(TRIALS))


def test_of_equally_good_candidates_few_are_promoted():
    assert promoted(baton, 0.0) <= 11  # P(more than 11 of 100 at 5 %) < 0.005


def test_the_common_rules_promote_about_every_second_of_them():
    assert promoted(lower_than_stored, 0.0) > 35
    assert promoted(tfx, 0.0) > 35


def test_a_clear_gain_is_found():
    assert promoted(baton, 0.05) > 60


def test_a_trial_is_the_same_whenever_it_is_asked_for():
    assert (trial(7, gain=0.01).candidate == trial(7, gain=0.01).candidate).all()


def test_the_chart_shows_every_count():
    picture = drawn({"ours": [1, 22, 333, 999]}, (0.0, 0.01, 0.02, 0.05), 1000)

    assert all(f">{count}</text>" in picture for count in (1, 22, 333, 999))
