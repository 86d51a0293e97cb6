"""The simulation itself, in small: what it is trusted for must be so where it can be checked."""

from __future__ import annotations

import pytest

from shared.errors import Retryable
from tests.scale.account import ACCOUNT_TRANSACTIONS_A_SECOND, Meter
from tests.scale.page import page
from tests.scale.scenario import Found, Scenario
from tests.scale.simulation import Simulation

SMALL = Scenario(sample=250, hours=0.6, outage_from_hour=0.1, outage_hours=0.1)


@pytest.fixture(scope="module")
def found() -> Found:
    """Four models for half an hour, with six minutes without the region."""
    return Simulation(SMALL).run()


def test_an_outage_delays_events_and_loses_none(found: Found) -> None:
    assert found.delivered_late > 0
    assert (found.expired, found.dead, found.poisoned) == (0, 0, 0)
    assert found.moments[-1].undelivered + found.moments[-1].waiting < found.events / 20


def test_the_oldest_event_ages_with_the_outage(found: Found) -> None:
    assert max(moment.oldest_seconds for moment in found.moments) >= 300


def test_the_same_seed_gives_the_same_page(found: Found) -> None:
    assert page(Simulation(SMALL).run()) == page(found)


def test_an_account_refuses_what_is_beyond_its_limit_in_a_second() -> None:
    meter = Meter(sample=1000)
    for _ in range(ACCOUNT_TRANSACTIONS_A_SECOND // 1000):
        meter.busy_seconds = 0.0
        meter.call("row")
    meter.busy_seconds = 0.0
    with pytest.raises(Retryable, match="503"):
        meter.call("row")
