"""A trainer on Azure ML, whichever SDK speaks for it: its words, its details, and sweeps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from shared.platforms import azureml_sweep
from shared.platforms.azureml_errors import AzureMLRefused
from shared.platforms.azureml_run import run_seconds, run_status, run_time
from shared.platforms.azureml_sweep import TrialSeen
from shared.platforms.port import RunStatus
from shared.platforms.remote_runs import About, RemoteRuns

SAID = 1000  # letters of what the service says


class AzureMLRuns(RemoteRuns):
    """Runs of an Azure ML workspace; a sweep is one run, told by its trials."""

    refused = AzureMLRefused
    shown_in = "the studio"

    @abstractmethod
    def _status(self, run: Any) -> str:
        """The service's word for how far the run is."""

    @abstractmethod
    def _details(self, workspace: Any, run: Any, run_id: str) -> Mapping[str, Any]:
        """The run's details: its times, and its error if it has one."""

    @abstractmethod
    def _trials(self, workspace: Any, run: Any, run_id: str) -> Sequence[TrialSeen]:
        """The trials of a sweep that ended."""

    def _stands(self, run: Any, run_id: str) -> RunStatus:
        return run_status(run_id, self._status(run))

    def _about(self, workspace: Any, run: Any, run_id: str, status: RunStatus) -> About:
        details, now = self._details(workspace, run, run_id), self._clock()
        seen = None
        if status != "running" and (limits := azureml_sweep.tagged(run.tags)):
            tried = self._trials(workspace, run, run_id)
            seen = azureml_sweep.look(run_id, status, limits, run.properties, details, tried, now)
        return About(run_seconds(details, now), run_time(details.get("endTimeUtc")), lambda: _said(details), seen)


def _said(details: Mapping[str, Any]) -> str:
    root = (details.get("error") or {}).get("error") or {}
    return str(root.get("message") or "")[:SAID]
