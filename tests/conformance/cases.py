"""The inputs that both sides get: for each function of an app, a few for its kind of trigger."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping

Case = dict[str, object]

BLOB_CREATED = {
    "id": "831e1650-001e-001b-66ab-eeb76e069631",
    "topic": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
    "/providers/Microsoft.Storage/storageAccounts/devstoreaccount1",
    "subject": "/blobServices/default/containers/incoming/blobs/nobody/part.csv",
    "eventType": "Microsoft.Storage.BlobCreated",
    "eventTime": "2017-06-26T18:41:00.9584103Z",
    "data": {
        "api": "PutBlockList",
        "requestId": "831e1650-001e-001b-66ab-eeb76e000000",
        "eTag": "0x8D4BCC2E4835CD0",
        "contentType": "text/csv",
        "contentLength": 524288,
        "blobType": "BlockBlob",
        "url": "http://127.0.0.1/devstoreaccount1/incoming/nobody/part.csv",
        "sequencer": "00000000000004420000000000028963",
    },
    "dataVersion": "",
    "metadataVersion": "1",
}
CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "9aeb0fdf-c01e-0131-0922-9eb54906e209",
    "source": BLOB_CREATED["topic"],
    "subject": BLOB_CREATED["subject"],
    "type": "Microsoft.Storage.BlobCreated",
    "time": "2019-11-18T15:13:39.4589254Z",
    "data": BLOB_CREATED["data"],
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}
TIMER = {
    "Schedule": {"AdjustForDST": True},
    "ScheduleStatus": {
        "Last": "2026-01-01T10:00:00+00:00",
        "Next": "2026-01-01T11:00:00+00:00",
        "LastUpdated": "2026-01-01T10:00:00+00:00",
    },
    "IsPastDue": True,
}
MESSAGE = {
    "Id": ("string", "1c9b2f4e-4f29-4a65-8a35-9d4c7b2a0001"),
    "PopReceipt": ("string", "AgAAAAMAAAAAAAAA"),
    "DequeueCount": ("json", "3"),
    "InsertionTime": ("json", '"2026-01-01T00:00:00+00:00"'),
    "ExpirationTime": ("json", '"2026-01-08T00:00:00+00:00"'),
    "NextVisibleTime": ("json", '"2026-01-01T00:10:00+00:00"'),
}


def cases_for(functions: Iterable[Mapping[str, str]]) -> list[Case]:
    """The cases for functions given as {"name", "parameter", "trigger"}, the trigger as the library names it."""
    return [
        {"function": function["name"], "parameter": function["parameter"], "case": name, **case}
        for function in functions
        for name, case in CASES_BY_TRIGGER[function["trigger"]].items()
    ]


def _event(event: object, kind: str = "json") -> Case:
    return {"data": {"type": kind, "value": json.dumps(event)}, "metadata": {}}


def _message(kind: str, value: str) -> Case:
    return {"data": {"type": kind, "value": value}, "metadata": MESSAGE}


def _request(method: str, target: str, *, body: bytes = b"", **parameters: str) -> Case:
    query = dict(pair.split("=") for pair in target.partition("?")[2].split("&") if pair)
    value = {
        "method": method,
        "url": f"http://127.0.0.1:7071{target}",
        "headers": {"host": "127.0.0.1:7071", "x-sample": "seen", "content-type": "text/plain"},
        "query": query,
        "params": parameters,
        "body": base64.b64encode(body).decode(),
    }
    return {"data": {"type": "http", "value": value}, "metadata": {}}


CASES_BY_TRIGGER: dict[str, dict[str, Case]] = {
    "eventGridTrigger": {
        "event grid schema": _event(BLOB_CREATED),
        "cloud event": _event(CLOUD_EVENT),
        "refused by the sample": _event(BLOB_CREATED | {"subject": "fail"}),
        "time with an offset": _event(BLOB_CREATED | {"eventTime": "2026-01-01T00:00:00+02:00"}),
        "no time": _event(BLOB_CREATED | {"eventTime": None}),
        "text instead of json": _event(BLOB_CREATED, kind="string"),
    },
    "queueTrigger": {
        "text": _message("string", "nobody"),
        "refused by the sample": _message("string", "fail"),
        "bytes": _message("bytes", base64.b64encode(b"\xff\x00\xfe").decode()),
        "json instead of text": _message("json", "{}"),
        "a count that is no number": _message("string", "nobody") | {"metadata": {"DequeueCount": ("json", '"many"')}},
    },
    "timerTrigger": {
        "past due": {"data": {"type": "json", "value": json.dumps(TIMER)}, "metadata": {}},
        "unmonitored": {
            "data": {"type": "json", "value": json.dumps(TIMER | {"ScheduleStatus": None, "IsPastDue": False})},
            "metadata": {},
        },
        "text instead of json": {"data": {"type": "string", "value": "now"}, "metadata": {}},
    },
    "httpTrigger": {
        "get": _request("GET", "/items/7?a=1", number="7"),
        "post": _request("POST", "/items/7", body=b"body", number="7"),
        "root": _request("GET", "/", number="0"),
        "nothing returned": _request("GET", "/broken/nothing", number="0", how="nothing"),
        "escaped": _request("GET", "/nowhere/a%20b", number="0", rest="nowhere/a b", path="nowhere/a b"),
    },
}
