"""Filters, table-driven from https://learn.microsoft.com/azure/event-grid/event-filtering."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.filters import Condition, Filter, holds
from local.subscriptions import SubscriptionsRefused, load

EVENT = {
    "id": "1", "topic": "/t", "subject": "/blobServices/default/containers/incoming/blobs/diabetes/a.csv",
    "eventType": "Microsoft.Storage.BlobCreated", "dataVersion": "",
    "data": {"api": "PutBlob", "contentLength": 10, "blank": None, "new": True, "RunTags": {"owner": "Ann"}},
}  # fmt: skip
CLOUD_EVENT = {
    "id": "1",
    "source": "/cli",
    "type": "Baton.RetrainRequested",
    "specversion": "1.0",
    "data": {"model": "diabetes"},
}


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("NumberIn", "data.contentLength", (9, 10), True),
        ("NumberIn", "data.contentLength", (9,), False),
        ("NumberNotIn", "data.contentLength", (9, 11), True),
        ("NumberNotIn", "data.contentLength", (9, 10), False),
        ("NumberLessThan", "data.contentLength", (10,), False),
        ("NumberLessThanOrEquals", "data.contentLength", (10,), True),
        ("NumberGreaterThan", "data.contentLength", (9.5,), True),
        ("NumberGreaterThanOrEquals", "data.contentLength", (11,), False),
        ("NumberInRange", "data.contentLength", ((1, 5), (10, 20)), True),
        ("NumberInRange", "data.contentLength", ((1, 5),), False),
        ("NumberNotInRange", "data.contentLength", ((1, 5),), True),
        ("NumberNotInRange", "data.contentLength", ((10, 10),), False),
        ("StringIn", "data.api", ("putblob", "CopyBlob"), True),
        ("StringIn", "data.api", ("CopyBlob",), False),
        ("StringNotIn", "data.api", ("PUTBLOB",), False),
        ("StringContains", "subject", ("/DIABETES/",), True),
        ("StringNotContains", "subject", ("x1", "a.csv"), False),
        ("StringBeginsWith", "data.api", ("put",), True),
        ("StringNotBeginsWith", "data.api", ("put",), False),
        ("StringEndsWith", "subject", (".csv", ".parquet"), True),
        ("StringNotEndsWith", "subject", (".csv",), False),
        ("BoolEquals", "data.new", (True,), True),
        ("BoolEquals", "data.new", (False,), False),
        ("StringIn", "data.runtags.OWNER", ("ann",), True),
        ("NumberIn", "data.new", (1,), False),
        ("NumberGreaterThan", "data.api", (1,), False),
        ("IsNullOrUndefined", "data.blank", (), True),
        ("IsNullOrUndefined", "data.absent", (), True),
        ("IsNullOrUndefined", "data.api", (), False),
        ("IsNotNull", "data.api", (), True),
        ("IsNotNull", "data.blank", (), False),
    ],
)
def test_an_operator_holds_or_not(operator: str, key: str, values: tuple[object, ...], expected: bool) -> None:
    assert holds(Condition(operator, key, values), EVENT) is expected


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("NumberNotIn", (1,), True), ("StringNotIn", ("a",), True),
        ("NumberIn", (1,), False), ("NumberLessThan", (1,), False), ("NumberLessThanOrEquals", (1,), False),
        ("NumberGreaterThan", (1,), False), ("NumberGreaterThanOrEquals", (1,), False), ("NumberInRange", ((1, 2),), False),
        ("NumberNotInRange", ((1, 2),), False), ("StringIn", ("a",), False), ("StringContains", ("a",), False),
        ("StringNotContains", ("a",), False), ("StringBeginsWith", ("a",), False), ("StringNotBeginsWith", ("a",), False),
        ("StringEndsWith", ("a",), False), ("StringNotEndsWith", ("a",), False), ("BoolEquals", (True,), False),
    ],
)  # fmt: skip
def test_of_a_missing_key_only_two_operators_hold(operator: str, values: tuple[object, ...], expected: bool) -> None:
    assert holds(Condition(operator, "data.absent", values), EVENT) is expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), True),
        (Filter(event_types=("microsoft.storage.blobcreated",)), True),
        (Filter(event_types=("Microsoft.Storage.BlobDeleted",)), False),
        (Filter(subject_begins_with="/blobServices/default/containers/incoming/blobs/"), True),
        (Filter(subject_begins_with="/blobServices/default/containers/INCOMING/blobs/"), True),
        (Filter(subject_begins_with="/blobServices/default/containers/INCOMING/", subject_case_matters=True), False),
        (Filter(subject_begins_with="/blobServices/default/containers/incoming-evil/"), False),
        (Filter(subject_ends_with=".CSV"), True),
        (Filter(subject_ends_with=".parquet"), False),
        (Filter(conditions=(Condition("IsNotNull", "data.api"), Condition("IsNotNull", "data.absent"))), False),
    ],
)
def test_a_filter_wants_an_event_only_if_every_part_does(wanted: Filter, expected: bool) -> None:
    assert wanted.wants(EVENT) is expected


def test_a_cloud_event_is_filtered_by_its_type() -> None:
    assert Filter(event_types=("Baton.RetrainRequested",)).wants(CLOUD_EVENT)


def test_the_projects_own_subscriptions_are_valid_and_one_a_function() -> None:
    grid = load(Path(__file__).parents[2] / "infra/subscriptions.json")
    assert [subscription.function for subscription in grid.subscriptions] == [
        "on_new_data", "on_run_completed", "on_run_status_changed", "on_model_registered", "on_model_deployed",
        "on_drift_detected", "on_request",
    ]  # fmt: skip


def test_a_drop_wakes_on_new_data_and_a_report_wakes_nobody() -> None:
    grid = load(Path(__file__).parents[2] / "infra/subscriptions.json")
    report = {**EVENT, "subject": "/blobServices/default/containers/reports/blobs/diabetes/a.json"}
    assert (grid.wanting("storage", EVENT), grid.wanting("storage", report)) == (("on-new-data",), ())


def test_a_subscriptions_file_tells_all_its_faults_at_once(tmp_path: Path) -> None:
    path = tmp_path / "subscriptions.json"
    entries = [
        {"name": "a", "topic": "nowhere", "function": "f", "maxDeliveryAttempts": 31},
        {
            "name": "A",
            "topic": "storage",
            "advancedFilters": [{"operatorType": "StringLike", "key": "data.api", "values": []}],
        },
    ]
    path.write_text(json.dumps({"v": 1, "subscriptions": entries}))
    with pytest.raises(SubscriptionsRefused) as refused:
        load(path)
    said = str(refused.value)
    for fault in (
        "'nowhere'",
        "maxDeliveryAttempts",
        "function is missing",
        "'StringLike'",
        "a: the name is used twice",
    ):
        assert fault in said
