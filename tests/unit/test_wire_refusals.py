"""What is refused from the wire, each for one reason that says which rule it breaks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.errors import EventRefused
from shared.events import RetrainRequested
from shared.settings import LOCAL_STORAGE, LOCAL_TOPIC, LOCAL_WORKSPACE
from shared.wire import Sources, read
from tests.deliveries import NOW, changed, drop, event_of, golden, reason, request, taken, through_the_trigger


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "anything",
        LOCAL_STORAGE.replace("00000000-0000", "11111111-0000"),
        LOCAL_STORAGE + "2",
        LOCAL_STORAGE + "/",
        LOCAL_WORKSPACE,
        LOCAL_TOPIC,
    ],
)
def test_a_topic_that_is_not_ours_is_refused(topic: str) -> None:
    assert "is not the configured source" in reason(replace(drop(), topic=topic))


@pytest.mark.parametrize(
    "type", ["", "Microsoft.Storage.BlobDeleted", "Baton.ApprovalGiven", "ApprovalGiven", "blobcreated"]
)
def test_a_type_that_nobody_takes_is_refused(type: str) -> None:
    assert reason(replace(drop(), type=type)) == f"type {type!r} is none that Baton takes"


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("", "is not a blob in container incoming"),
        ("/blobServices/default/containers/incoming/blobs/", "is not a blob in container incoming"),
        ("/blobServices/default/containers/incoming-evil/blobs/diabetes/a.csv", "is not a blob in container incoming"),
        ("/blobServices/default/containers/INCOMING/blobs/diabetes/a.csv", "is not a blob in container incoming"),
        ("x/blobServices/default/containers/incoming/blobs/diabetes/a.csv", "is not a blob in container incoming"),
        ("/blobServices/default/containers/models/blobs/diabetes/train.py", "is not a blob in container incoming"),
    ],
)
def test_a_subject_outside_the_source_is_refused(subject: str, told: str) -> None:
    assert told in reason(replace(drop(), subject=subject))


@pytest.mark.parametrize(
    "blob",
    [
        "new.csv",
        "diabetes/",
        "diabetes//new.csv",
        "/new.csv",
        "diabetes/../wine/new.csv",
        "../diabetes/new.csv",
        "diabetes/.",
        "diabetes/%2e%2e/new.csv",
        "diabetes/..%2fnew.csv",
        "diabetes/%2E./new.csv",
        "diabetes\\new.csv",
        "diabetes/new\n.csv",
        "diabetes/new\x00.csv",
        "diabetes/new\x7f.csv",
        f"diabetes/{'x' * 1024}",
        "diabetes/" + "\N{EARTH GLOBE AMERICAS}" * 256,
    ],
)
def test_a_name_that_could_lead_elsewhere_is_refused(blob: str) -> None:
    assert reason(drop(blob)).startswith(("blob ", "the blob's name"))


@pytest.mark.parametrize("model", ["Diabetes", "2wine", "a_b", "wine-", "a" * 21, "di\u0430betes"])
def test_a_path_that_can_name_no_model_is_refused(model: str) -> None:
    assert "cannot name a model" in reason(drop(f"{model}/new.csv"))


def test_a_look_alike_is_another_model() -> None:
    assert taken(drop("diabetes2/new.csv")).model == "diabetes2"


@pytest.mark.parametrize(
    "url",
    [
        "https://devstoreaccount1.blob.core.windows.net/incoming/diabetes/other.csv",
        "https://devstoreaccount1.blob.core.windows.net/models/diabetes/new.csv",
        "https://devstoreaccount1.blob.core.windows.net/x/incoming/diabetes/new.csv",
        "https://elsewhere.blob.core.windows.net/incoming/diabetes/new.csv",
        "https://elsewhere.example/x/incoming/diabetes/new.csv",
        "http://127.0.0.1:10000/otheraccount/incoming/diabetes/new.csv",
        "http://[bad/incoming/diabetes/new.csv",
        "diabetes/new.csv",
    ],
)
def test_a_url_of_another_blob_or_account_is_refused(url: str) -> None:
    assert "subject names blob 'diabetes/new.csv' of that account" in reason(changed(drop(), url=url))


@pytest.mark.parametrize(("data", "found"), [(None, "NoneType"), ([], "list"), ("text", "str"), (7, "int")])
def test_data_that_is_no_object_is_refused(data: object, found: str) -> None:
    assert reason(replace(drop(), data=data)) == f"its data is {found}, must be an object"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("blob_created", "url"),
        ("blob_created", "eTag"),
        ("blob_created", "contentLength"),
        ("blob_created", "api"),
        ("run_completed", "runId"),
        ("run_status_changed", "runStatus"),
        ("model_registered.capture", "modelName"),
        ("model_registered.capture", "modelVersion"),
        ("model_deployed.capture", "serviceName"),
        ("dataset_drift_detected.capture", "dataDriftName"),
        ("dataset_drift_detected.capture", "runId"),
        ("dataset_drift_detected.capture", "driftCoefficient"),
    ],
)
def test_a_missing_key_is_named(name: str, key: str) -> None:
    assert reason(changed(golden(name), **{key: None})).startswith(f"data.{key} ")


@pytest.mark.parametrize("value", [" ", "", False, {}, [], 1.5])
def test_what_must_be_text_and_is_none_is_refused(value: object) -> None:
    assert reason(changed(golden("run_completed"), runId=value)) == f"data.runId is {value!r}, must be text"


@pytest.mark.parametrize("size", [-1, "17555", 1.5, True, [1]])
def test_a_length_that_is_no_count_is_refused(size: object) -> None:
    assert reason(drop(contentLength=size)) == f"data.contentLength is {size!r}, must be a number of bytes"


@pytest.mark.parametrize("api", ["CreateFile", "DeleteBlob", "putblob", 5])
def test_a_call_that_completes_no_blob_is_refused(api: object) -> None:
    assert reason(drop(api=api)) == f"data.api {api!r} does not complete a blob"


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("model_registered", "models/diabetes:21"),
        ("model_registered", "models/wine:20"),
        ("model_registered", ""),
        ("run_completed", "experiments/e/runs/diabetes-0001-t-2"),
        ("run_completed", "experiments/e/runs/"),
        ("model_deployed", "endpoints/wine"),
        ("dataset_drift_detected", "datadrifts/x/runs/other"),
    ],
)
def test_subject_and_data_that_disagree_are_refused(name: str, subject: str) -> None:
    assert reason(replace(golden(name), subject=subject)).endswith("disagree")


def test_a_run_that_is_nobodys_is_refused() -> None:
    nobodys = replace(changed(golden("run_completed"), runId="amber-9"), subject="experiments/e/runs/amber-9")
    trial = changed(golden("run_completed"), runId="m-0001-t-1_3", runTags={"baton.model": "m"})
    told = "run 'm-0001-t-1_3' is a trial of a sweep, which tells of itself"
    assert reason(replace(trial, subject="experiments/e/runs/m-0001-t-1_3")) == told
    assert reason(nobodys) == "run 'amber-9' is not ours and carries no tag baton.model"


@pytest.mark.parametrize("coefficient", [float("nan"), float("inf"), 10**400, "0.8", True])
def test_a_drift_coefficient_that_is_no_finite_number_is_refused(coefficient: object) -> None:
    alert = changed(golden("dataset_drift_detected"), DriftCoefficient=coefficient)
    assert reason(alert).startswith("data.driftCoefficient is ")


@pytest.mark.parametrize("columns", ["AGE", ["AGE", 7], [""], ["A\u202e"], ["x" * 257], ["AGE"] * 21])
def test_an_alert_whose_columns_are_no_names_is_refused(columns: object) -> None:
    assert reason(changed(golden("dataset_drift_detected"), columns=columns)).startswith("data.columns ")


def test_an_alert_of_a_signal_that_nobody_knows_is_refused() -> None:
    assert reason(changed(golden("dataset_drift_detected"), signal="moon")) == (
        "data.signal is 'moon', must be one of data, prediction, performance"
    )


def test_a_monitor_that_can_name_no_model_is_refused() -> None:
    assert "cannot name a model" in reason(changed(golden("dataset_drift_detected"), DataDriftName="Our Monitor"))


def test_an_event_of_2_mb_is_refused() -> None:
    assert "bytes large, at most 1048576 are taken" in reason(drop(more="x" * 2_000_000))


def test_deep_nesting_is_refused() -> None:
    nested: object = 1
    for _ in range(2000):
        nested = [nested]
    assert reason(drop(more=nested)) == "it cannot be written as JSON text (RecursionError)"


@pytest.mark.parametrize("broken", [{"subject": "\ud800"}, {"id": "\udfff"}, {"data": {"why": "\ud83c"}}])
def test_half_characters_are_refused(broken: dict[str, Any]) -> None:
    assert reason(replace(request(), **broken)) == "it cannot be written as JSON text (UnicodeEncodeError)"


def test_a_key_that_stands_twice_with_two_values_is_refused() -> None:
    assert reason(drop(ETAG="0x2")) == "data.ETAG stands there twice and says different things"


@pytest.mark.parametrize("id", ["", "x" * 1025])
def test_a_missing_or_endless_id_is_refused(id: str) -> None:
    assert reason(replace(drop(), id=id)) == "its id is missing or longer than 1,024 characters"


@pytest.mark.parametrize("key", ["model", "by"])
def test_a_text_longer_than_any_name_is_refused(key: str) -> None:
    assert reason(request(**{key: "x" * 257})) == f"data.{key} has 257 characters, at most 256 are taken"


@pytest.mark.parametrize("time", [NOW - timedelta(days=4), NOW + timedelta(days=1)])
def test_a_time_outside_the_window_is_refused(time: datetime) -> None:
    assert "outside the window of 3 days back, 1 hour ahead" in reason(replace(drop(), time=time))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"id": 7, "topic": 7, "subject": 7, "eventType": 7, "data": {}},
        {"specversion": "1.0"},
        {"ID": "x", "Topic": LOCAL_STORAGE, "EventType": "Microsoft.Storage.BlobCreated", "Data": {}},
        {"specversion": "1.0", "id": "x", "source": LOCAL_STORAGE, "type": [], "data_base64": "eA=="},
    ],
)
def test_what_is_no_event_at_all_is_refused_and_not_raised(document: dict[str, Any]) -> None:
    assert "is none that Baton takes" in reason(through_the_trigger(document))


def test_a_request_is_taken_from_the_custom_topic_only() -> None:
    assert isinstance(event_of(request()), RetrainRequested)
    assert "is not the configured source" in reason(replace(request(), topic=LOCAL_STORAGE))


@pytest.mark.parametrize("topic", ["", LOCAL_WORKSPACE])
def test_where_the_platform_sends_no_events_none_of_a_workspace_is_taken(topic: str) -> None:
    """As on Databricks; an event without a topic must not pass for one of a source that is not configured."""
    alone = Sources(LOCAL_STORAGE, "", LOCAL_TOPIC)
    with pytest.raises(EventRefused, match="no source of Microsoft.MachineLearningServices.RunCompleted is configured"):
        read(replace(golden("run_completed"), topic=topic), alone, NOW)
    assert read(drop(), alone, NOW).model == "diabetes"
