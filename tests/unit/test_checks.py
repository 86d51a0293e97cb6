"""Baton's own checks on models whose answers are known: the figures are those of a calculation by hand or of another library."""

from __future__ import annotations

from typing import Any

import pytest

from shared.runs.check_one import Row
from shared.runs.checks import calibration, fairness, importance, robustness
from tests.known import Known, value

# Fairness


def chosen(truth: str, predicted: str, groups: str, **parameters: str) -> dict[str, Any]:
    rows = [{"GROUP": group, "P": int(p), "Y": int(y)} for group, p, y in zip(groups, predicted, truth, strict=True)]
    return fairness.check(Known(rows, lambda row: float(row["P"]), by="GROUP", min_rows="1", **parameters))


def test_differences_between_groups_are_those_of_fairlearn() -> None:
    found = chosen("1100101010", "1100100011", "aaaaabbbbb")  # fairlearn 0.15.0

    assert value(found, "selection_rate_difference") == 0.2
    assert value(found, "selection_rate_ratio") == 0.666666667
    assert value(found, "equalized_odds_difference") == 0.5


def test_the_four_fifths_example_has_half_the_rate_and_an_interval_that_stays_under_one() -> None:
    predicted = "1" * 12 + "0" * 28 + "1" * 48 + "0" * 32  # 12 of 40 beside 48 of 80
    found = chosen("10" * 60, predicted, "a" * 40 + "b" * 80)

    assert value(found, "selection_rate_ratio") == 0.5
    assert (value(found, "selection_rate_ratio", "lower"), value(found, "selection_rate_ratio", "upper")) == (
        pytest.approx(0.3014, abs=1e-4),
        pytest.approx(0.8294, abs=1e-4),
    )
    assert 0.1 < value(found, "selection_rate_difference", "lower") < 0.3
    assert found["words"] == ["chosen in a: 12 of 40", "chosen in b: 48 of 80"]


def test_more_groups_widen_the_bounds_of_the_same_difference() -> None:
    predicted = "1" * 12 + "0" * 28 + "1" * 48 + "0" * 32
    two = chosen("10" * 60, predicted, "a" * 40 + "b" * 80)
    three = chosen("10" * 80, predicted + "10" * 20, "a" * 40 + "b" * 80 + "c" * 40)

    assert value(three, "selection_rate_difference") == value(two, "selection_rate_difference") == 0.3
    assert value(three, "selection_rate_difference", "upper") > value(two, "selection_rate_difference", "upper")


def test_swapping_the_names_of_the_groups_changes_nothing() -> None:
    one, other = (chosen("1100101010", "1100100011", groups) for groups in ("aaaaabbbbb", "bbbbbaaaaa"))

    assert one["measures"] == other["measures"]


def test_a_group_of_which_nobody_is_chosen_has_a_ratio_of_nought_within_its_bounds() -> None:
    found = chosen("10" * 40, "0" * 40 + "1" * 12 + "0" * 28, "a" * 40 + "b" * 40)
    ratio = [value(found, "selection_rate_ratio", part) for part in ("lower", "value", "upper")]
    assert ratio == sorted(ratio)
    assert ratio[:2] == [0.0, 0.0]


def test_groups_of_which_all_are_chosen_are_alike_as_surely_as_their_rows_show() -> None:
    found = chosen("10" * 40, "1" * 80, "a" * 40 + "b" * 40)
    assert value(found, "selection_rate_ratio") == 1.0
    assert value(found, "selection_rate_ratio", "lower") == pytest.approx(
        1 / (1 + 1.959963984540054**2 / 40)
    )  # E. B. Wilson's, of 40 of 40


def test_groups_too_small_are_named_and_one_group_alone_is_nothing_to_compare() -> None:
    rows = [{"GROUP": "a" if place < 9 else "b" if place < 19 else "c", "Y": place % 2} for place in range(20)]
    found = fairness.check(Known(rows, lambda row: float(row["GROUP"] == "a"), by="GROUP", min_rows="9"))

    assert found["words"][-1] == "too few rows to be judged: c (1 rows)"
    with pytest.raises(ValueError, match="1 of 3 groups of GROUP have 10 rows or more, 2 are needed"):
        fairness.check(Known(rows, lambda row: 0.0, by="GROUP", min_rows="10"))


def test_a_group_without_one_outcome_gets_no_odds_so_that_a_limit_on_them_holds() -> None:
    assert "equalized_odds_difference" not in chosen("1111100000", "1100100011", "aaaaabbbbb")["measures"]


def test_numbers_are_compared_by_their_errors() -> None:
    rows = [{"GROUP": group, "Y": 10.0 + place} for group in "ab" for place in range(4)]
    off = {"a": (1.0, -1.0, 1.0, -1.0), "b": (3.0, 3.0, 3.0, 3.0)}
    found = fairness.check(
        Known(rows, lambda row: row["Y"] + off[row["GROUP"]][int(row["Y"]) - 10], by="GROUP", min_rows="4")
    )

    assert value(found, "mean_error_difference") == 3.0
    assert value(found, "absolute_error_difference") == 2.0
    assert value(found, "mean_error_difference", "lower") < 3.0 < value(found, "mean_error_difference", "upper")


def test_of_two_named_classes_the_probability_of_the_second_may_be_answered_alone() -> None:
    rows = [{"GROUP": "ab"[n % 2], "P": n / 40, "Y": ("no", "yes")[n > 20]} for n in range(40)]
    named = Known(rows, lambda row: row["P"], by="GROUP", min_rows="10")
    named.classes = ["no", "yes"]

    assert value(fairness.check(named), "selection_rate_difference") == 0.0
    assert value(calibration.check(named), "brier") == pytest.approx(
        sum((n / 40 - (n > 20)) ** 2 for n in range(40)) / 40
    )


# Robustness

LINE = [{"ID": place, "X": float(place), "Y": float(place)} for place in range(50)]


def straight(row: Row) -> float:
    if row["X"] is None:
        raise ValueError("X is missing")
    return 3.0 * row["X"]


def test_noise_of_a_tenth_moves_a_straight_line_by_a_tenth_of_its_spread_on_average() -> None:
    found = robustness.check(Known(LINE, straight, repeats="40"))

    # the mean of |N(0, s)| is s * sqrt(2 / pi)
    assert value(found, "noise_change") == pytest.approx(0.1 * 0.7979, rel=0.05)
    assert value(found, "noise_change", "lower") < value(found, "noise_change") < value(found, "noise_change", "upper")


def test_the_same_noise_comes_again_and_another_seed_brings_other_noise() -> None:
    once, again, other = (robustness.check(Known(LINE, straight, seed=seed)) for seed in ("1", "1", "2"))

    assert once["measures"] == again["measures"] != other["measures"]


def test_a_missing_value_that_is_refused_is_told_apart_from_one_that_breaks_the_server() -> None:
    refusing = robustness.check(Known(LINE, straight, missing_rows="10"))
    broken = robustness.check(Known(LINE, lambda row: 1 / 0 if row["X"] is None else row["X"], missing_rows="10"))
    filling = robustness.check(Known(LINE, lambda row: 25.0 if row["X"] is None else row["X"], missing_rows="10"))

    assert (value(refusing, "missing_refused"), value(refusing, "missing_failed")) == (1.0, 0.0)
    assert refusing["words"][0] == "refused without: X"
    assert (value(broken, "missing_refused"), value(broken, "missing_failed")) == (0.0, 1.0)
    assert value(filling, "missing_refused") == value(filling, "missing_failed") == 0.0
    assert value(filling, "missing_change") > 1
    assert "missing_change" not in refusing["measures"]


def test_whole_numbers_stay_whole_and_decisions_that_turn_over_are_counted() -> None:
    seen: list[Any] = []
    rows = [{"N": place, "Y": int(place >= 50)} for place in range(100)]

    def cut(row: Row) -> float:
        seen.append(row["N"])
        return float((row["N"] or 0) >= 50)

    found = robustness.check(Known(rows, cut, noise="0.2", missing_rows="1"))

    assert all(isinstance(number, int | None) for number in seen)
    assert 0 < value(found, "noise_flips") < 0.2


def test_a_row_that_is_refused_under_noise_does_not_take_the_others_with_it() -> None:
    def careful(row: Row) -> float:
        if row["X"] is not None and row["X"] > 49:
            raise ValueError("X is beyond 49")
        return float(row["X"] or 0)

    assert 0 < value(robustness.check(Known(LINE, careful)), "noise_refused") < 0.1


def test_what_cannot_be_shaken_is_no_robustness() -> None:
    with pytest.raises(ValueError, match="all predictions are the same"):
        robustness.check(Known(LINE, lambda row: 1.0))
    with pytest.raises(ValueError, match="no feature is a number that differs"):
        robustness.check(Known([{"X": "a", "Y": 1.0}, {"X": "b", "Y": 2.0}], lambda row: float(row["X"] == "a")))


# Calibration


def test_the_brier_score_is_that_of_scikit_learn() -> None:
    rows = [{"P": p, "Y": y} for p, y in zip((0.1, 0.9, 0.8, 0.3), (0, 1, 1, 0), strict=True)]
    found = calibration.check(Known(rows, lambda row: row["P"]))

    assert value(found, "brier") == 0.0375  # sklearn.metrics.brier_score_loss
    assert value(found, "ece") == 0.175  # four bins of one row: .1, .1, .2 and .3, by four


def test_a_chance_that_comes_true_as_often_as_it_says_has_no_error() -> None:
    rows = [{"P": 0.25, "Y": int(place % 4 == 0)} for place in range(40)]
    found = calibration.check(Known([*rows, {"P": 1.0, "Y": 1}], lambda row: row["P"]))

    assert value(found, "ece") == 0.0
    assert [each["rows"] for each in found["attachments"]["reliability"]] == [40, 1]


def test_labels_and_numbers_beyond_one_are_no_chances() -> None:
    rows = [{"P": place % 2, "Y": place % 2} for place in range(4)]
    with pytest.raises(ValueError, match="let score.py answer probabilities"):
        calibration.check(Known(rows, lambda row: row["P"]))
    with pytest.raises(ValueError, match="lies outside 0 to 1"):
        calibration.check(Known(rows, lambda row: row["P"] + 0.5))


def test_a_prediction_that_is_twice_too_far_out_has_the_slope_one_half() -> None:
    found = calibration.check(Known(LINE[1:], lambda row: 2 * row["Y"]))

    assert value(found, "slope") == 0.5
    assert value(found, "mean_error") == 25.0


def test_intervals_are_counted_by_what_they_cover() -> None:
    found = calibration.check(
        Known(
            LINE[:10],
            lambda row: row["Y"],
            also={"intervals": lambda row: [row["Y"] - 1, row["Y"] + (row["Y"] < 8) - 0.5]},
        )
    )

    assert value(found, "coverage") == 0.8
    assert value(found, "coverage", "lower") == 0.490162472  # Wilson, 8 of 10
    assert value(found, "interval_width") == 1.3


# Importance

PLANE = [{"A": float(n % 7), "B": float(n % 5), "C": float(n % 3), "Y": 3.0 * (n % 7) + (n % 5)} for n in range(210)]


def plane(row: Row) -> float:
    return 3.0 * row["A"] + float(row["B"])


def test_importance_is_twice_the_variance_of_what_a_feature_adds() -> None:
    # the rows hold every combination twice, so shuffling A brings errors 3 (a - a'), whose mean square is 2 * 9 * var(A) = 72
    found = importance.check(Known(PLANE, plane, repeats="40"))

    assert value(found, "importance.A") == pytest.approx(72, rel=0.05)
    assert value(found, "importance.B") == pytest.approx(4, rel=0.05)
    assert value(found, "importance.C") == 0.0
    assert value(found, "importance.A", "lower") < value(found, "importance.A") < value(found, "importance.A", "upper")
    assert found["words"][0].startswith("most important: A ")


def test_the_same_champion_has_the_same_order_and_the_reverse_is_told() -> None:
    same = importance.check(Known(PLANE, plane, champion=plane))
    other = importance.check(Known(PLANE, plane, champion=lambda row: float(row["C"]) + 0.1 * row["B"]))

    assert value(same, "unlike_champion") == 0.0
    assert value(other, "unlike_champion") > 0.4
    assert [*other["attachments"]["importances"]] == ["version", "champion"]


def test_without_a_champion_nothing_is_unlike_it_and_that_is_said() -> None:
    found = importance.check(Known(PLANE, plane))

    assert value(found, "unlike_champion") == 0.0
    assert found["words"][-1] == "no version serves, so there is no champion to compare with"


# More than two classes

THREE = ("x", "y", "z")
OF_THREE = [
    {"X": float(place % 3), "Z": float(place % 5), "G": "ab"[place % 2], "Y": THREE[place % 3]} for place in range(90)
]


def by_x(row: Row) -> list[float]:
    """The class whose place is nearest to X is the likeliest."""
    nearest = min(2, max(0, round(row["X"] or 0)))
    return [0.6 if place == nearest else 0.2 for place in range(3)]


def test_of_three_classes_the_importance_is_how_many_more_are_wrong() -> None:
    found = importance.check(Known(OF_THREE, by_x, classes=THREE, repeats="3"))
    assert value(found, "importance.X") == pytest.approx(2 / 3, abs=0.15)
    assert (value(found, "importance.Z"), value(found, "top_share")) == (0.0, 1.0)


def test_of_three_classes_the_decisions_that_turn_over_are_counted_and_no_distance_of_their_places() -> None:
    calm = robustness.check(Known(OF_THREE, by_x, classes=THREE, noise="0.01"))
    loud = robustness.check(Known(OF_THREE, by_x, classes=THREE, noise="3"))
    assert (value(calm, "noise_flips"), "noise_change" in calm["measures"]) == (0.0, False)
    assert 0.3 < value(loud, "noise_flips") < 1
    assert value(calm, "missing_change") == pytest.approx(20 / 90)  # of 30 rows 20 are not x, in one of three features


@pytest.mark.parametrize("check", [fairness, calibration])
def test_what_is_not_defined_for_three_classes_says_so(check: Any) -> None:
    with pytest.raises(
        ValueError, match=r"of numbers, or of two classes, and gates.compare.classes has 3: write a check"
    ):
        check.check(Known(OF_THREE, by_x, classes=THREE, by="G"))
