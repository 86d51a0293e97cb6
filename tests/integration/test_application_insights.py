"""Spans at the wire: Microsoft's own exporter, over TLS, against a server that takes what Application Insights takes."""

from __future__ import annotations

import gzip
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from shared import log
from shared.errors import SettingsRefused
from shared.settings import Settings
from shared.traces import context
from shared.traces.azure_monitor import OFF, ApplicationInsights, SpansRefused
from shared.traces.chosen import tracer_of
from shared.traces.port import UNTOLD
from shared.traces.sending import Sending
from tests.unit.test_identity_storage import ENVIRONMENT
from tests.unit.test_traces import Wired, _span
from tests.wire.authority import Authority

KEY = "11111111-2222-3333-4444-555555555555"


@dataclass
class Ingestion:
    """The part of Application Insights that takes telemetry. `answers` are the statuses of its next answers, then 200."""

    answers: list[int] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """One POST."""
        body = request.rfile.read(int(request.headers["Content-Length"]))
        items = json.loads(gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body)
        self.asked.append((request.path, str(request.headers.get("Authorization"))))
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.taken += items
        told = json.dumps(
            {"itemsReceived": len(items), "itemsAccepted": len(items) if status == 200 else 0, "errors": []}
        )
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        if status == 429:
            request.send_header("Retry-After", "0")
        request.send_header("Content-Length", str(len(told)))
        request.end_headers()
        request.wfile.write(told.encode())


class Identity:
    """A credential that remembers what it was asked for."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        self.scopes += scopes
        return AccessToken("a-token", int(time.time()) + 3600)


@pytest.fixture
def ingestion() -> Ingestion:
    return Ingestion()


@pytest.fixture
def identity() -> Identity:
    return Identity()


@pytest.fixture
def insights(
    tmp_path: Path, ingestion: Ingestion, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ApplicationInsights]:
    for name in OFF:
        monkeypatch.setenv(name, "")  # so that what the adapter sets is gone after the test

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            ingestion.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    authority = Authority(tmp_path)
    server.socket = authority.context("localhost").wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection = f"InstrumentationKey={KEY};IngestionEndpoint=https://localhost:{server.server_port}/"
    yield ApplicationInsights(
        connection,
        client_id="c-1",
        credential=identity,
        connection_verify=str(authority.bundle),
        retry_backoff_factor=0,
    )
    server.shutdown()
    server.server_close()


def test_a_drops_way_to_production_is_one_operation_of_application_insights(
    tmp_path: Path, insights: ApplicationInsights, ingestion: Ingestion
) -> None:
    sending = Sending(insights.export)
    world = Wired(tmp_path, tracer=sending)
    world.publish()
    world.settle()
    assert sending.flush(120)
    ingestion.taken.clear()
    release = world.release(world.go_live())
    assert sending.flush(120)
    assert {item["tags"]["ai.operation.id"] for item in ingestion.taken} == {context.trace_id(release.trace)}
    kinds = {item["data"]["baseData"]["name"]: item["data"]["baseType"] for item in ingestion.taken}
    assert kinds["receive DataLanded"] == "RequestData"
    assert kinds["perform set_traffic"] == kinds["awaiting approval"] == "RemoteDependencyData"
    assert {item["iKey"] for item in ingestion.taken} == {KEY}
    assert {item["tags"]["ai.cloud.role"] for item in ingestion.taken} == {"baton"}


def test_a_span_keeps_its_parent_its_time_its_failure_and_its_links(
    insights: ApplicationInsights, ingestion: Ingestion
) -> None:
    parent, link = context.root("m", "parent"), context.root("m", "link")
    span = replace(_span(failed="it broke", about={"baton.release": "m-0001"}, links=(link,)), parent=parent)
    insights.export([span])
    (item,) = ingestion.taken
    data = item["data"]["baseData"]
    assert item["tags"]["ai.operation.parentId"] == context.span_id(parent)
    assert (data["id"], data["duration"], data["success"]) == (context.span_id(span.context), "0.00:00:01.000", False)
    assert data["properties"]["baton.release"] == "m-0001"
    assert json.loads(data["properties"]["_MS.links"]) == [
        {"operation_Id": context.trace_id(link), "id": context.span_id(link)}
    ]


def test_the_identity_signs_each_request_and_nothing_else_is_sent(
    insights: ApplicationInsights, ingestion: Ingestion, identity: Identity
) -> None:
    insights.export([_span(1)])
    insights.export([_span(2)])
    assert ingestion.asked == [("/v2.1/track", "Bearer a-token")] * 2
    assert set(identity.scopes) == {"https://monitor.azure.com//.default"}
    assert [item["data"]["baseType"] for item in ingestion.taken] == ["RemoteDependencyData"] * 2
    assert [os.environ[name] for name in OFF] == ["true"] * len(OFF)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_service_is_asked_again(insights: ApplicationInsights, ingestion: Ingestion, status: int) -> None:
    ingestion.answers += [status]
    insights.export([_span()])
    assert len(ingestion.taken) == 1


def test_a_missing_role_is_told_with_what_mends_it(insights: ApplicationInsights, ingestion: Ingestion) -> None:
    ingestion.answers += [403] * 9
    with pytest.raises(SpansRefused, match="Monitoring Metrics Publisher"):
        insights.export([_span()])
    assert ingestion.taken == []


def test_a_service_that_is_away_costs_spans_and_no_decision(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    away = ApplicationInsights(
        f"InstrumentationKey={KEY};IngestionEndpoint=https://127.0.0.1:9/",
        client_id="",
        credential=Identity(),
        retry_backoff_factor=0,
    )
    sending = Sending(away.export)
    world = Wired(tmp_path, tracer=sending)
    world.publish()
    world.settle()
    assert world.release(world.go_live()).state == "live"
    assert sending.flush(120)
    assert sending.lost > 60
    log.say_kept()
    assert any(line.startswith("spans lost") for line in caplog.messages)


def test_the_setting_names_the_component_by_its_connection_string() -> None:
    env = {**ENVIRONMENT, "BATON_TRACES": "application-insights"}
    with pytest.raises(SettingsRefused, match="APPLICATIONINSIGHTS_CONNECTION_STRING is missing"):
        Settings.from_env(env)
    named = Settings.from_env({**env, "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={KEY}"})
    assert isinstance(tracer_of(named), Sending)
    assert tracer_of(Settings.from_env(ENVIRONMENT)) is UNTOLD
    with pytest.raises(SettingsRefused, match="BATON_TRACES is 'jaeger', must be one of"):
        Settings.from_env({**env, "BATON_TRACES": "jaeger"})
