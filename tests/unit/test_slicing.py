"""Slices of the holdout: the declared ones, the worst found, and what is read of the holdout beside predictions."""

import numpy as np
import pyarrow as pa
import pytest

from shared.errors import Permanent
from shared.gating.guard_gates import slices as gate
from shared.model_yaml.gate_spec import Comparing, Slices
from shared.runs.beside import overlap, true_values, units
from shared.runs.measuring import Measuring
from shared.runs.rows import Rows
from shared.runs.scoring import Predictions
from shared.runs.slicing import declared, slices
from shared.spec import Approval, Data, Gates, Spec, Train

ROWS = 800
DRAW = np.random.default_rng(5)
SEX, AGE = DRAW.integers(1, 3, ROWS), DRAW.integers(20, 90, ROWS)
COLUMNS = pa.table({"SEX": SEX, "AGE": AGE})
TRUTH = DRAW.normal(0, 1, ROWS)


def judged(asked, worse_in, columns=COLUMNS, order=slice(None)):
    """What is told of a candidate that is better everywhere but in the rows `worse_in`."""
    noise = np.random.default_rng(6).normal(0, 1, ROWS)
    champion, candidate = TRUTH + noise, TRUTH + noise * np.where(worse_in, 1.6, 0.6)
    measuring = Measuring(Gates("mse", "lower", 9.0, slices=asked), TRUTH[order])
    both = (Predictions(each[order]) for each in (champion, candidate))
    return slices(measuring, *both, columns)


def spec(**gates):
    """A spec with these gates."""
    return Spec(
        "m",
        "o",
        "p",
        Data("c.yaml", ("ID",), "Y"),
        Train("t.py", {}),
        Gates("mse", "lower", 9.0, **gates),
        Approval(("a",)),
    )


def test_each_value_and_each_condition_is_a_slice():
    asked = Slices(columns=("SEX",), where=("AGE >= 60 AND SEX = 2",))

    found = dict(declared(asked, COLUMNS))

    assert list(found) == ["SEX = 1", "SEX = 2", "AGE >= 60 AND SEX = 2"]
    assert (found["AGE >= 60 AND SEX = 2"] == ((AGE >= 60) & (SEX == 2))).all()


def test_a_slice_that_loses_has_a_small_chance_and_one_that_gains_a_large_one():
    lost, won = judged(Slices(columns=("SEX",)), SEX == 1)

    assert (lost["slice"], won["slice"]) == ("SEX = 1", "SEX = 2")
    assert lost["p_worse"] < 0.001 < 0.999 < won["p_worse"]


def test_a_loss_within_the_margin_is_none():
    (lost, _) = judged(Slices(columns=("SEX",), margin=5.0), SEX == 1)

    assert lost["p_worse"] > 0.5


def test_a_slice_of_too_few_rows_is_counted_and_not_compared():
    (told,) = judged(Slices(where=("AGE = 20",)), SEX == 1)

    assert told == {"slice": "AGE = 20", "rows": int((AGE == 20).sum()), "positives": None}


def test_the_worst_slice_of_two_conditions_is_found_and_judged_on_the_rows_that_did_not_find_it():
    bad = (SEX == 1) & (np.quantile(AGE, 0.75) < AGE)

    (found,) = judged(Slices(depth=2, min_rows=50), bad)

    assert found["slice"] == f"AGE > {np.quantile(AGE, 0.75):g} and SEX = 1"
    assert found["found"] is True
    assert found["rows"] < bad.sum()


def test_a_slice_is_found_whatever_its_columns_hold():
    land = np.where(SEX == 1, "Trinidad and Tobago", "Chad")

    (found,) = judged(
        Slices(depth=1, min_rows=50), SEX == 1, pa.table({"LAND": land, "KEY": [f"k{row}" for row in range(ROWS)]})
    )

    assert found["slice"] == "LAND = Trinidad and Tobago"
    assert found["p_worse"] < 0.001


def test_many_rows_of_few_users_are_counted_and_not_compared():
    draw = np.random.default_rng(7)
    noise = draw.normal(0, 1, ROWS)
    user = np.where(SEX == 1, 0, np.arange(ROWS))
    measuring = Measuring(Gates("mse", "lower", 9.0, slices=Slices(columns=("SEX",))), TRUTH, user.astype(float))

    one, many = slices(measuring, Predictions(TRUTH + noise), Predictions(TRUTH + noise * 1.1), COLUMNS)

    assert one == {"slice": "SEX = 1", "rows": int((SEX == 1).sum()), "positives": None, "units": 1}
    assert (many["units"], many["p_worse"] < 0.001) == (int((SEX == 2).sum()), True)


def test_of_slices_that_all_gain_the_search_says_so_and_the_gate_passes():
    asked = Slices(depth=2, min_rows=50)

    (told,) = judged(asked, SEX == 9)

    assert told["found"] is True
    assert (told["searched"] > 2, told["p_worse"]) == (True, 1.0)
    assert gate(Gates("mse", "lower", 9.0, slices=asked), {"champion": {}, "slices": [told]}).passed


def test_a_search_without_rows_enough_is_told_as_not_judged():
    asked = Slices(depth=1, min_rows=5 * ROWS)

    told = judged(asked, SEX == 1)

    assert told == [{"slice": "the worst slice", "found": True, "searched": 0, "rows": 0}]
    assert gate(Gates("mse", "lower", 9.0, slices=asked), {"champion": {}, "slices": told}).why.endswith(
        ": the worst slice"
    )


def test_a_condition_beyond_the_most_slices_is_not_dropped_in_silence():
    many = {f"C{number}": DRAW.integers(0, 99, ROWS) for number in range(3)}
    asked = Slices(columns=tuple(many), where=("C0 > 50",))

    told = judged(asked, SEX == 1, pa.table(many))

    assert (len(told), told[-1]["slice"]) == (3 * 21 + 1, "C0 > 50")
    why = gate(Gates("mse", "lower", 9.0, slices=asked), {"champion": {}, "slices": told}).why
    assert why.endswith("C0 > 50, only 60 slices are: name fewer columns in gates.slices")


def test_the_order_of_the_rows_changes_no_slice():
    order = np.random.default_rng(9).permutation(ROWS)
    asked = Slices(columns=("SEX",), depth=1, min_rows=50)

    one, other = judged(asked, SEX == 1), judged(asked, SEX == 1, COLUMNS.take(pa.array(order)), order)

    assert [(each["slice"], each["rows"]) for each in one] == [(each["slice"], each["rows"]) for each in other]
    assert [each["p_worse"] for each in one] == pytest.approx([each["p_worse"] for each in other])


def test_a_condition_that_cannot_be_read_is_an_error_that_names_it():
    with pytest.raises(Permanent, match="the slice 'WEIGHT > 3' cannot be read"):
        list(declared(Slices(where=("WEIGHT > 3",)), COLUMNS))


def test_classes_are_their_place_among_the_declared_ones_and_a_strange_one_is_an_error():
    table, asked = pa.table({"Y": ["b", "a"]}), spec(compare=Comparing(classes=("a", "b")))

    assert true_values(table, asked).tolist() == [1.0, 0.0]
    with pytest.raises(Permanent, match="the target Y is c in holdout rows"):
        true_values(pa.table({"Y": ["b", "c"]}), asked)


def test_blocks_of_days_are_units_and_users_are():
    days = pa.array(np.array(["2026-01-01", "2026-01-02", "2026-01-09"], dtype="datetime64[s]"))
    table = pa.table({"AT": days, "USER": ["x", "y", "x"]})

    assert units(table, spec(compare=Comparing(unit="AT", block_days=7))).tolist() == [0.0, 0.0, 1.0]
    assert units(table, spec(compare=Comparing(unit="USER"))).tolist() == [0.0, 1.0, 0.0]
    assert units(table.append_column("ID", pa.array([1, 2, 3])), spec()) is None


def test_rows_that_were_dropped_twice_are_one_unit_and_make_no_gain_surer():
    draw = np.random.default_rng(2)
    table = pa.table({"ID": np.arange(60), "Y": draw.normal(0, 1, 60)})
    twice = pa.concat_tables([table, table, table])
    theirs, ours = draw.normal(0, 1, 60), draw.normal(0, 0.9, 60)

    def gain(rows, times):
        measuring = Measuring(Gates("mse", "lower", 9.0), true_values(rows, spec()), units(rows, spec()))
        both = (Predictions(np.tile(each, times)) for each in (theirs, ours))
        return measuring.units, measuring.gain("mse", *both, confidence=0.95)

    (once, one), (again, other) = gain(table, 1), gain(twice, 3)

    assert (once, again) == (60, 60)
    assert (other.mean, other.lower, other.upper) == pytest.approx((one.mean, one.lower, one.upper))


def test_holdout_rows_with_the_features_of_a_training_row_are_counted_whatever_their_key():
    train = pa.table({"ID": [1, 2], "X": [0.5, 0.7], "Y": [1.0, 2.0]})
    holdout = pa.table({"ID": [3, 4, 5], "X": [0.5, 0.6, 0.7], "Y": [9.0, 9.0, 9.0]})

    assert overlap(Rows(train, holdout), spec()) == {"overlap": 2, "copies": 0}
