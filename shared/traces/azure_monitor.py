"""Spans to Application Insights with Microsoft's exporter, signed in as the app's identity: no key takes part.

What the exporter sends besides, unasked (statistics to Microsoft, questions for feature flags, a metric for each batch), and the
files that it keeps on disk, are off; it takes the first three from the environment only (source of its 1.0.0b58: `_constants.py`,
`export/_base.py`, `export/trace/_exporter.py`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared.errors import Retryable
from shared.traces import context
from shared.traces.lines import SERVICE
from shared.traces.port import Span

if TYPE_CHECKING:
    from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter
    from opentelemetry.sdk.trace import ReadableSpan

OFF = (
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
)
TRIES_AGAIN = 3


class SpansRefused(Retryable):
    """Application Insights did not take spans."""


class ApplicationInsights:
    """An exporter over one component. Its SDK loads with the first spans, in the thread that sends them.

    `connection` is the component's connection string, which names endpoint and component; `pipeline` are keywords of the SDK's
    client, such as `credential` or `connection_verify`.
    """

    def __init__(self, connection: str, *, client_id: str, **pipeline: Any) -> None:
        self._connection = connection
        self._client_id = client_id
        self._pipeline = pipeline
        self._exporter: AzureMonitorTraceExporter | None = None

    def export(self, spans: Sequence[Span]) -> None:
        """Send them; `SpansRefused` if some were not taken after a few tries."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        if self._exporter is None:
            self._exporter = self._begun()
        if self._exporter.export([readable(span) for span in spans]) is not SpanExportResult.SUCCESS:
            todo = "the role Monitoring Metrics Publisher on the component; docs/runbook.md#traces"
            raise SpansRefused("Application Insights did not take them: the lines of the exporter say why", next=todo)

    def _begun(self) -> AzureMonitorTraceExporter:
        from azure.identity import DefaultAzureCredential

        os.environ.update(dict.fromkeys(OFF, "true"))
        from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter

        given = {"retry_total": TRIES_AGAIN, **self._pipeline}
        given.setdefault("credential", DefaultAzureCredential(managed_identity_client_id=self._client_id or None))
        return AzureMonitorTraceExporter(connection_string=self._connection, disable_offline_storage=True, **given)


def readable(span: Span) -> ReadableSpan:
    """A span as OpenTelemetry's SDK hands it to exporters."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

    def ids(of: str) -> SpanContext:
        trace, own = int(context.trace_id(of), 16), int(context.span_id(of), 16)
        return SpanContext(trace, own, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    return ReadableSpan(
        span.name,
        ids(span.context),
        parent=ids(span.parent) if span.parent else None,
        kind=SpanKind[span.kind.upper()],
        resource=Resource({"service.name": SERVICE}),
        attributes=dict(span.about),
        links=[Link(ids(link)) for link in span.links],
        status=Status(StatusCode.ERROR, span.failed) if span.failed else Status(StatusCode.UNSET),
        start_time=_nanoseconds(span.began.timestamp()),
        end_time=_nanoseconds(max(span.began, span.ended).timestamp()),
    )


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1_000_000) * 1000
