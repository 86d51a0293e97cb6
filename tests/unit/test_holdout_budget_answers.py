"""What the error budget of a holdout answers, and what a comparison leaves of it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from shared.gating.holdout_budget import FINGERPRINT, REMEMBERED, Looks, budget_left, spend
from shared.model_yaml.gate_spec import Holdout
from tests.unit.test_gates import FULL


def chance(p: object, share: float | None = 0.5, **more: Any) -> tuple[str, str, dict[str, float]]:
    found = budget_left(FULL, {"champion": {}, "gain": {"p": p}, "holdout": "ab", **more}, share)
    assert found.gate == "holdout_budget"
    return found.answer, found.why, dict(found.numbers)


def test_a_gain_is_paid_for_to_the_last_of_its_share() -> None:
    rules = {"p": 0.025, "level": 0.025, "share": 0.5}
    assert chance(0.025) == ("pass", "such a gain by chance: p 0.025, at most 0.025 may be spent now", rules)
    assert chance(0.0251)[0] == "hold"
    assert chance(0.05, 1)[0] == "pass"
    assert chance(0, 0)[0] == "pass"
    assert chance(1.0, 1)[0] == "hold"
    assert budget_left(replace(FULL, holdout=Holdout(1.0)), {"gain": {"p": 1}, "holdout": "a"}, 1.0).passed


@pytest.mark.parametrize("share", [None, -0.01, 1.01, math.nan])
def test_a_share_that_is_none_was_not_counted(share: float | None) -> None:
    assert chance(0.0, share) == ("hold", "nobody counted how often these holdout rows were used", {})
    assert chance(0.0, holdout="")[1] == "nobody counted how often these holdout rows were used"


@pytest.mark.parametrize("p", [None, -0.01, 1.01, "0", math.nan])
def test_a_chance_that_is_none_is_not_known(p: object) -> None:
    assert chance(p) == ("hold", "the chance of such a gain is not known", {})


def look(holdout: str, rows: float = 100, fresh: float = 0) -> dict[str, Any]:
    return {"holdout": holdout, "rows": rows, "rows_new": fresh}


def test_a_comparison_is_remembered_by_the_beginning_of_its_holdouts_fingerprint() -> None:
    after, share = spend(Looks(0.5, 3, 7, ("x",)), look("a" * 17, 40.9, 10))
    assert after == Looks((0.5 + 10 / 40.9) / 2, 4, 40, ("x", "a" * FINGERPRINT))
    assert share == after.left
    assert FINGERPRINT == 16


def test_holdouts_are_remembered_so_long_that_fresh_rows_count_once() -> None:
    looks = Looks(left=0.0)
    for place in range(REMEMBERED + 1):
        looks, _ = spend(looks, look(f"h{place}"))
    assert looks.seen == tuple(f"h{place}" for place in range(1, 21))
    assert spend(replace(looks, left=0.0), look("h1", fresh=100))[1] == 0
    assert spend(replace(looks, left=0.0), look("h0", fresh=100))[1] == 0.5


def test_nothing_is_spent_before_the_first_comparison() -> None:
    assert Looks() == Looks(left=1.0, looks=0, rows=0, seen=())


@pytest.mark.parametrize(
    ("evidence", "share", "seen"),
    [
        ({}, 0.1, ()),
        ({"rows": 100, "rows_new": 100}, 0.1, ()),
        (look("a", rows=0, fresh=9), 0.1, ("a",)),
        (look("a", rows=-5, fresh=-9), 0.1, ("a",)),
        (look("a", rows=100, fresh=-9), 0.1, ("a",)),
        (look("a", rows=1, fresh=0.2), 0.2, ("a",)),
        (look("a", rows=100, fresh=1000), 0.5, ("a",)),
        (look("a", rows=100, fresh=60), 0.4, ("a",)),
        ({"holdout": "a", "rows": 100}, 0.1, ("a",)),
        ({"holdout": "a", "rows_new": 100}, 0.1, ("a",)),
    ],
)
def test_only_fresh_rows_of_a_holdout_that_is_new_give_back(
    evidence: dict[str, Any], share: float, seen: tuple[str, ...]
) -> None:
    after, spent = spend(Looks(left=0.2), evidence)
    assert (spent, after.left) == (pytest.approx(share), pytest.approx(share))
    assert (after.seen, after.looks) == (seen, 1)


@pytest.mark.parametrize(
    ("looks", "words"),
    [
        (Looks(), "100 % is left after 0 comparisons; 0 fresh holdout rows fill it"),
        (Looks(0.5, 1, 81), "50 % is left after 1 comparison; 41 fresh holdout rows fill it"),
    ],
)
def test_what_is_left_is_told_in_one_line(looks: Looks, words: str) -> None:
    assert str(looks) == words
