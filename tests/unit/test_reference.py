"""The profile that drift is measured against."""

import json

import pyarrow as pa
import pytest

from shared.runs.reference import reference


def features_of(**columns):
    return reference(pa.table(columns), without=["key", "target"])["features"]


def test_ten_equal_parts_of_a_column_hold_a_tenth_of_the_rows_each():
    features = features_of(age=list(range(1, 101)))

    assert features["age"]["counts"] == [10] * 10
    assert features["age"]["deciles"][0] == 1
    assert features["age"]["deciles"][10] == 100


def test_key_target_and_text_are_left_out():
    assert sorted(features_of(key=[1, 2], target=[1.0, 2.0], city=["a", "b"], age=[3, 4])) == ["age"]


def test_a_column_of_two_values_has_bins_that_hold_all_its_rows():
    features = features_of(sex=[1] * 30 + [2] * 70)

    assert sum(features["sex"]["counts"]) == 100
    assert len(features["sex"]["counts"]) == len(features["sex"]["edges"]) + 1


def test_missing_values_are_counted_and_not_binned():
    features = features_of(age=[1.0, None, float("nan"), 4.0])

    assert features["age"]["missing"] == 2
    assert sum(features["age"]["counts"]) == 2


def test_a_column_without_any_value_is_still_a_document():
    document = reference(pa.table({"age": pa.array([None, None], pa.float64())}), without=[])

    assert json.loads(json.dumps(document, allow_nan=False))["features"]["age"]["missing"] == 2


def test_mean_and_deviation_are_those_of_the_textbook():
    features = features_of(x=[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])

    assert (features["x"]["mean"], features["x"]["sd"]) == (pytest.approx(5), pytest.approx(2))
