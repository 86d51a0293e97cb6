"""What is taken from the wire, in every form in which Event Grid and its sources send it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import events
from shared.events import DataLanded, DriftDetected, ModelDeployed, ModelRegistered, RunChanged
from shared.storage.port import BODY_LIMIT
from tests.deliveries import BLOB, EXAMPLES, NOW, changed, drop, event_of, golden, reason, request, taken

# Golden events

TAKEN: Mapping[str, type[events.Event]] = {
    "blob_created": DataLanded,
    "blob_created.blocks": DataLanded,
    "blob_created.cloudevent": DataLanded,
    "blob_created.flush-with-close": DataLanded,
    "run_completed": RunChanged,
    "run_completed.capture": RunChanged,
    "run_completed.cloudevent": RunChanged,
    "run_status_changed": RunChanged,
    "run_status_changed.capture": RunChanged,
    "run_status_changed.cloudevent": RunChanged,
    "model_registered": ModelRegistered,
    "model_registered.capture": ModelRegistered,
    "model_registered.cloudevent": ModelRegistered,
    "model_deployed": ModelDeployed,
    "model_deployed.capture": ModelDeployed,
    "model_deployed.cloudevent": ModelDeployed,
    "dataset_drift_detected": DriftDetected,
    "dataset_drift_detected.capture": DriftDetected,
    "dataset_drift_detected.cloudevent": DriftDetected,
    "run_status_changed.monitor": DriftDetected,
}
REFUSED = {
    "blob_created.create-file": "data.api 'CreateFile' does not complete a blob",
    "blob_created.cloudevent-misspelt": "type '' is none that Baton takes",
}
NO_SINGLE_EVENTS = {"subscription_validation", "dead_letter", "dead_letter.cloudevent"}


def test_every_golden_event_is_taken_or_refused_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.json")} == TAKEN.keys() | REFUSED.keys() | NO_SINGLE_EVENTS


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_a_golden_event_is_taken_for_its_model(name: str) -> None:
    routed = taken(golden(name))
    assert (routed.model, type(routed.event)) == ("diabetes", TAKEN[name])


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_golden_event_that_cannot_be_taken_has_its_reason(name: str) -> None:
    assert reason(golden(name)) == REFUSED[name]


def test_what_a_drop_says_of_itself_is_kept() -> None:
    landed = event_of(golden("blob_created"))
    assert (landed.container, landed.blob, landed.size, landed.api) == ("incoming", BLOB, 17555, "PutBlob")
    assert (landed.etag, landed.at) == ("0x8D96060BDA19D9D", NOW)


def test_a_drift_alert_keeps_its_coefficient() -> None:
    assert event_of(golden("dataset_drift_detected")).coefficient == 0.8350349068479208


# Accepted in every form that occurs


@pytest.mark.parametrize("name", sorted(TAKEN))
@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
def test_keys_of_data_are_read_in_any_casing(name: str, spelling: Any) -> None:
    event = golden(name)
    assert isinstance(event.data, Mapping)
    respelt = replace(event, data={spelling(key): value for key, value in event.data.items()})
    assert event_of(respelt) == event_of(event)


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_an_upper_case_topic_and_type_are_the_same_event(name: str) -> None:
    event = golden(name)
    assert event_of(replace(event, topic=event.topic.upper(), type=event.type.upper())) == event_of(event)


IN_BOTH_SCHEMAS = (
    "blob_created", "run_completed", "run_status_changed", "model_registered", "model_deployed", "dataset_drift_detected",
)  # fmt: skip


@pytest.mark.parametrize("name", IN_BOTH_SCHEMAS)
def test_both_schemas_give_the_same_event(name: str) -> None:
    assert taken(golden(name)) == taken(golden(f"{name}.cloudevent"))


def test_every_type_that_azure_is_asked_for_has_a_golden_event_in_both_schemas() -> None:
    rules = json.loads((EXAMPLES.parents[1] / "infra/subscriptions.json").read_text())["subscriptions"]
    asked = {kind for rule in rules for kind in rule["includedEventTypes"] if kind.startswith("Microsoft.")}
    documents = [
        (json.loads((EXAMPLES / f"{name}{end}.json").read_text()))
        for name in IN_BOTH_SCHEMAS
        for end in ("", ".cloudevent")
    ]
    assert {document["eventType"] for document in documents if "eventType" in document} == asked
    assert {document["type"] for document in documents if "specversion" in document} == asked


def test_a_version_is_text_whether_it_came_as_number_or_text() -> None:
    registered = golden("model_registered")
    assert isinstance(registered.data, Mapping)
    assert registered.data["ModelVersion"] == 20
    assert event_of(changed(registered, ModelVersion="20")) == event_of(registered)
    assert event_of(registered).version == "20"


def test_an_etag_counts_without_its_quotes() -> None:
    assert event_of(golden("blob_created.blocks")).etag == "0x8D4BCC2E4835CD0"
    bare, quoted = drop(eTag="0x1"), drop(eTag='"0x1"')
    assert event_of(bare) == event_of(quoted)


@pytest.mark.parametrize("missing", ["runType", "runTags", "runProperties", "experimentName"])
def test_a_run_of_ours_needs_no_more_than_its_id(missing: str) -> None:
    assert event_of(changed(golden("run_completed"), **{missing: None})).run_id == "diabetes-0001-t-1"


def test_a_foreign_run_concerns_the_model_of_its_tag() -> None:
    run = golden("run_completed")
    foreign = replace(changed(run, runId="amber-9", runTags={"baton.model": "diabetes"}), subject="x/runs/amber-9")
    routed = taken(foreign)
    assert (routed.model, event_of(foreign).model) == ("diabetes", "diabetes")


def test_unknown_fields_change_nothing() -> None:
    assert event_of(drop(identity="x", more={"a": [1]})) == event_of(drop())


@pytest.mark.parametrize("size", [60_000, 900_000])
def test_a_large_event_is_taken_and_what_is_kept_of_it_fits_a_row(size: int) -> None:
    event = event_of(drop(more="x" * size))
    assert len(events.dumps(event)) < BODY_LIMIT


def test_a_reason_of_any_length_fits_a_row() -> None:
    event = event_of(request(why="\N{EARTH GLOBE AMERICAS}" * 100_000))
    assert len(events.dumps(event)) < BODY_LIMIT


def test_an_empty_blob_is_heard_and_left_to_the_check() -> None:
    assert event_of(drop(contentLength=0)).size == 0


@pytest.mark.parametrize(
    "blob",
    [
        "diabetes/a b.csv",
        "diabetes/2026/11/a.csv",
        "diabetes/Größe.csv",
        "diabetes/a..b.csv",
        "diabetes/...",
        "diabetes/#?.csv",
    ],
)
def test_a_name_may_hold_what_blob_names_hold(blob: str) -> None:
    assert event_of(drop(blob)).blob == blob


@pytest.mark.parametrize(
    "url",
    [
        "https://devstoreaccount1.blob.core.windows.net/incoming/diabetes/a%20b.csv",
        "https://DEVSTOREACCOUNT1.z6.blob.storage.azure.net/incoming/diabetes/a b.csv",
        "https://devstoreaccount1.dfs.core.windows.net/incoming/diabetes/a%20b.csv",
        "http://127.0.0.1:10000/devstoreaccount1/incoming/diabetes/a%20b.csv",
        "http://azurite:10000/devstoreaccount1/incoming/diabetes/a b.csv",
    ],
)
def test_a_url_may_have_any_form_of_the_accounts(url: str) -> None:
    assert event_of(changed(drop("diabetes/a b.csv"), url=url)).blob == "diabetes/a b.csv"


@pytest.mark.parametrize("time", [None, NOW - timedelta(days=2), NOW + timedelta(minutes=30)])
def test_a_late_or_slightly_early_event_is_taken(time: datetime | None) -> None:
    assert event_of(replace(drop(), time=time)) == event_of(drop())


def test_a_repeat_with_another_id_and_time_is_the_same_event() -> None:
    again = replace(drop(), id="another", time=NOW)
    assert event_of(again).id == event_of(drop()).id


def test_another_writing_of_the_same_name_is_another_event() -> None:
    assert event_of(drop(eTag="0x1")).id != event_of(drop(eTag="0x2")).id


@pytest.mark.parametrize("id", ["a/b\\c#d?e", "x" * 1024])
def test_an_odd_id_never_becomes_a_key(id: str) -> None:
    assert event_of(replace(request(), id=id)).id.isalnum()
