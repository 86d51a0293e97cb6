"""The golden events: each names its source, and what we emit ourselves has their shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.blobwrites import Made, Write, blob_created
from local.deadletters import blob_body, blob_name
from local.eventstore import Delivery
from local.publishing import events_of
from local.retry import answered
from local.subscriptions import LOCAL_TOPICS, load

PROJECT = Path(__file__).parents[2]
EVENTS = PROJECT / "tests/events"


def example(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


def test_every_example_names_the_source_of_its_shape() -> None:
    sources = (EVENTS / "SOURCES.md").read_text()
    assert [path.name for path in EVENTS.glob("*.json") if f"`{path.name}`" not in sources] == []


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("blob_created", "on_new_data"), ("blob_created.cloudevent", "on_new_data"), ("blob_created.blocks", "on_new_data"),
        ("blob_created.flush-with-close", "on_new_data"), ("blob_created.create-file", None),
        ("run_completed", "on_run_completed"), ("run_completed.capture", "on_run_completed"),
        ("run_status_changed.capture", "on_run_status_changed"), ("model_registered.capture", "on_model_registered"),
        ("run_status_changed.cloudevent", "on_run_status_changed"), ("model_deployed.cloudevent", "on_model_deployed"),
        ("dataset_drift_detected.cloudevent", "on_drift_detected"), ("model_registered.cloudevent", "on_model_registered"),
        ("model_deployed", "on_model_deployed"), ("dataset_drift_detected.capture", "on_drift_detected"),
    ],
)  # fmt: skip
def test_an_event_of_azures_wakes_its_function(name: str, function: str | None) -> None:
    grid = load(PROJECT / "infra/subscriptions.json")
    event = example(name)
    topic = {path: short for short, path in grid.topics.items()}[event.get("topic", event.get("source"))]
    wanted = [s.function for s in grid.subscriptions if s.name in grid.wanting(topic, event)]
    assert wanted == ([function] if function else [])


@pytest.mark.parametrize(
    "name", ["blob_created", "run_completed.capture", "model_registered", "dataset_drift_detected"]
)
def test_a_topic_takes_what_azure_sends(name: str) -> None:
    event = example(name)
    assert events_of(json.dumps([event]).encode(), "application/json", event["topic"]) == [event]


def test_a_topic_refuses_the_misspelt_cloud_event() -> None:
    body = json.dumps([example("blob_created.cloudevent-misspelt")]).encode()
    with pytest.raises(Exception, match="specversion is None"):
        events_of(body, "application/cloudevents-batch+json", LOCAL_TOPICS["storage"])


def test_the_blob_fronts_event_has_the_keys_types_and_lengths_of_azures_capture() -> None:
    captured = example("blob_created")
    write = Write("PutBlob", "incoming", "diabetes/new.csv", captured["data"]["clientRequestId"])
    made = Made("0x8D96060BDA19D9D", "text/csv", 17555, "BlockBlob")
    ours = blob_created(
        write, made, request_id=captured["data"]["requestId"], number=1, at_ns=1_795_502_460_958_410_399,
        endpoint="https://devstoreaccount1.blob.core.windows.net",
    )  # fmt: skip
    same = {"requestId", "clientRequestId", "api", "eTag", "contentType", "contentLength", "blobType", "url"}
    data: Any = ours["data"]
    assert {key: data[key] for key in same} == {key: captured["data"][key] for key in same}
    assert len(data["sequencer"]) == len(captured["data"]["sequencer"])
    assert data.keys() == captured["data"].keys() - {"accessTier"}
    assert (ours["subject"], ours["eventTime"]) == (captured["subject"], captured["eventTime"])
    assert ours.keys() == captured.keys() - {"topic", "metadataVersion"}


@pytest.mark.parametrize(
    ("original", "letter"), [("blob_created", "dead_letter"), ("blob_created.cloudevent", "dead_letter.cloudevent")]
)
def test_a_dead_letter_has_the_keys_of_azures(original: str, letter: str) -> None:
    body = json.dumps(example(original))
    delivery = Delivery(1, "on-new-data", body, 10**18, 10**18, 1, answered(404), 10**18, "MaxDeliveryAttemptsExceeded")
    (ours,), (azures,) = json.loads(blob_body(delivery)), example(letter)
    status = {"lastHttpStatusCode", "lasthttpstatuscode"}  # seen in dead letters, though not in this example
    assert ours.keys() - status == azures.keys()


def test_a_dead_letters_name_is_not_padded_and_upper_case() -> None:
    at_ns = 1_565_240_700 * 10**9  # 2019-08-08T05:05:00Z
    delivery = Delivery(1, "my-sub", "{}", at_ns, at_ns, attempted_ns=at_ns)
    assert blob_name(delivery).startswith("MY-SUB/2019/8/8/5/")
