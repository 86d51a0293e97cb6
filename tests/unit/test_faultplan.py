"""The plan of the fault proxy: seeded, bounded, switchable, counted."""

from __future__ import annotations

import pytest

from local.faultplan import Dice, Kind, Order, Plan, PlanRefused

OFTEN = {"table": {"lost": 0.25, "slow": 0.25}}


def drawn(dice: Dice, count: int, service: str = "table") -> list[Kind | None]:
    return [dice.draw(service, "POST", "/account/$batch") for _ in range(count)]


def test_one_seed_draws_the_same_faults_again() -> None:
    assert drawn(Dice(Plan(7, OFTEN)), 200) == drawn(Dice(Plan(7, OFTEN)), 200)
    assert drawn(Dice(Plan(7, OFTEN)), 200) != drawn(Dice(Plan(8, OFTEN)), 200)


def test_a_service_draws_alike_however_busy_the_others_are() -> None:
    alone, together = Dice(Plan(7, OFTEN)), Dice(Plan(7, OFTEN))
    drawn(together, 50, "blob")
    assert drawn(together, 50) == drawn(alone, 50)


def test_faults_come_as_often_as_the_rates_say() -> None:
    """2,000 draws at 0.25: 500 expected, standard deviation 19.4; the seed is fixed."""
    found = drawn(Dice(Plan(1, OFTEN)), 2000)
    assert 440 < found.count(Kind.LOST) < 560
    assert 440 < found.count(Kind.SLOW) < 560


def test_a_plan_ends_with_its_most() -> None:
    found = drawn(Dice(Plan(1, OFTEN, most=5)), 500)
    assert sum(kind is not None for kind in found) == 5


def test_an_order_meets_the_requests_that_it_means_and_no_other() -> None:
    dice = Dice(Plan())
    dice.orders.append(Order("table", "lost", times=2, method="POST", contains="batch", skip=1))
    assert dice.draw("queue", "POST", "/account/$batch") is None
    assert dice.draw("table", "GET", "/account/$batch") is None
    assert drawn(dice, 4) == [None, Kind.LOST, Kind.LOST, None]


def test_what_happened_is_counted_over_plans() -> None:
    dice = Dice(Plan())
    dice.orders.append(Order("table", "lost"))
    drawn(dice, 3)
    dice.follow(Plan(2))
    drawn(dice, 1)
    assert dice.counts() == {"blob": {"requests": 0}, "queue": {"requests": 0}, "table": {"requests": 4, "lost": 1}}


@pytest.mark.parametrize(
    "rates", [{"disk": {"lost": 0.1}}, {"table": {"fire": 0.1}}, {"table": {"lost": 0.6}}, {"table": {"lost": -0.1}}]
)
def test_a_plan_that_makes_no_sense_is_refused(rates: dict[str, dict[str, float]]) -> None:
    with pytest.raises(PlanRefused, match="one of|between 0 and"):
        Plan(1, rates)
