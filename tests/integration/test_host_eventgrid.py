"""The Event Grid webhook. Expected answers: HttpRequestProcessor.cs of Azure's Event Grid extension."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.hosting import RunningHost, running_host


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, connection: str) -> Iterator[RunningHost]:
    with running_host(tmp_path_factory.mktemp("host"), connection) as running:
        yield running


def event(subject: str, **changes: object) -> dict[str, object]:
    return {
        "id": str(uuid.uuid4()),
        "topic": "/subscriptions/0/resourceGroups/local",
        "subject": subject,
        "eventType": "Sample.Happened",
        "eventTime": "2017-06-26T18:41:00.9584103Z",
        "data": {"n": 1},
        "dataVersion": "1",
        "metadataVersion": "1",
        **changes,
    }


def steps(host: RunningHost, sent: list[dict[str, object]]) -> list[object]:
    """What happened to the events, in order: begun and ended."""
    ids = {item["id"] for item in sent}
    lines = [json.loads(line) for line in host.journal_path.read_text().splitlines()]
    return [line["function"] for line in lines if line.get("id") in ids]


def test_an_unknown_function_is_answered_404_with_its_name(host: RunningHost) -> None:
    answer = host.post_event([event("a")], function="nobody")
    assert (answer.status_code, answer.text) == (404, "cannot find function: 'nobody'")


def test_a_function_with_another_trigger_is_unknown_to_the_webhook(host: RunningHost) -> None:
    assert host.post_event([event("a")], function="on_message").status_code == 404


def test_a_missing_function_name_is_answered_404(host: RunningHost) -> None:
    assert httpx.post(f"{host.url}/runtime/webhooks/EventGrid").status_code == 404


def test_the_handshake_returns_the_code(host: RunningHost) -> None:
    validation = event("", eventType="Microsoft.EventGrid.SubscriptionValidationEvent", data={"validationCode": "512d"})
    answer = host.post_event([validation], kind="SubscriptionValidation")
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "512d"})


def test_the_handshake_of_a_cloud_event_reads_json_inside_a_string(host: RunningHost) -> None:
    answer = host.post_event({"specversion": "1.0", "data": '{"validationCode":"77"}'}, kind="SubscriptionValidation")
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "77"})


def test_an_event_reaches_its_function_as_the_library_reads_it(host: RunningHost) -> None:
    sent = event("plain")
    assert host.post_event([sent]).status_code == 202
    (line,) = host.wait_for("on_event", lambda line: line["id"] == sent["id"])
    assert (line["subject"], line["data"]) == ("plain", {"n": 1})
    assert line["time"] == "2017-06-26 18:41:00.958410+00:00"


def test_a_single_object_is_taken_like_an_array_of_one(host: RunningHost) -> None:
    sent = event("object")
    assert host.post_event(sent).status_code == 202
    assert len(host.journal("on_event")) >= 1


def test_each_event_of_an_array_is_an_invocation_and_they_run_in_parallel(host: RunningHost) -> None:
    sent = [event("slow"), event("slow"), event("slow")]
    assert host.post_event(sent).status_code == 202
    assert steps(host, sent) == ["on_event"] * 3 + ["on_event_end"] * 3


def test_one_failing_event_fails_the_whole_batch_with_its_message(host: RunningHost) -> None:
    good = event("good")
    answer = host.post_event([good, event("fail")])
    assert (answer.status_code, answer.text) == (500, "ValueError: this event is refused")
    assert [line["id"] for line in host.journal("on_event") if line["id"] == good["id"]] == [good["id"]]


def test_a_time_with_an_offset_fails_before_the_function_is_called(host: RunningHost) -> None:
    sent = event("offset", eventTime="2026-01-01T00:00:00+02:00")
    assert host.post_event([sent]).status_code == 500
    assert not [line for line in host.journal("on_event") if line["id"] == sent["id"]]


def test_a_cloud_event_reaches_its_function_and_its_output_a_queue(host: RunningHost) -> None:
    sent = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "here", "type": "t", "subject": "from cloud"}
    assert host.post_event(sent, function="on_cloud_event").status_code == 202
    host.wait_for("on_cloud_event", lambda line: line["id"] == sent["id"] and line["source"] == "here")
    host.wait_for("on_message", lambda line: line["body"] == "from cloud")


@pytest.mark.parametrize("kind", ["Unsubscribe", "UNSUBSCRIBE"])
def test_an_unsubscription_is_accepted(host: RunningHost, kind: str) -> None:
    assert host.post_event([], kind=kind).status_code == 202


@pytest.mark.parametrize("kind", ["", "Other"])
def test_another_or_no_event_type_is_a_bad_request(host: RunningHost, kind: str) -> None:
    assert host.post_event([event("a")], kind=kind).status_code == 400


@pytest.mark.parametrize("body", ["not json", '"text"', "7", "[" * 5000])
def test_a_body_that_holds_no_events_is_answered_500(host: RunningHost, body: str) -> None:
    assert host.post_event(body).status_code == 500


def test_a_body_of_900_kilobytes_is_taken(host: RunningHost) -> None:
    sent = event("large", data={"text": "x" * 900_000})
    assert host.post_event([sent]).status_code == 202


def test_a_setting_of_one_thread_runs_functions_one_after_the_other(tmp_path: Path, connection: str) -> None:
    with running_host(tmp_path, connection, environment={"PYTHON_THREADPOOL_THREAD_COUNT": "1"}) as host:
        sent = [event("slow"), event("slow")]
        assert host.post_event(sent).status_code == 202
        assert steps(host, sent) == ["on_event", "on_event_end"] * 2
