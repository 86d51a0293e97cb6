"""Which tracer the settings name."""

from __future__ import annotations

from shared.settings import Settings
from shared.traces.lines import NAME, Lines
from shared.traces.port import UNTOLD, Tracer
from shared.traces.sending import Sending


def tracer_of(settings: Settings) -> Tracer:
    """A file in the folder of local state, Application Insights, or nobody."""
    if settings.traces == "file":
        return Sending(Lines(settings.home / NAME).export)
    if settings.traces == "application-insights":
        from shared.traces.azure_monitor import ApplicationInsights

        return Sending(ApplicationInsights(settings.insights, client_id=settings.client_id).export)
    return UNTOLD
