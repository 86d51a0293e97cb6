"""What the trials of a sweep leave, as our own step writes it, whichever SDK started the sweep."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta


class Trials(ABC):
    """Trials of the sweeps of a workspace: one begins, and ends, when the test says so. `hidden` ones do not show yet."""

    def __init__(self) -> None:
        self.hidden: set[str] = set()

    @abstractmethod
    def trial(
        self, sweep: str, number: int, *, status: str = "Completed", minutes: float = 2, files: Mapping[str, bytes] = {}
    ) -> None:
        """Let a trial be, so long, with these files."""

    @abstractmethod
    def lose(self, sweep: str, number: int, path: str) -> None:
        """Take a file of a trial away."""

    @abstractmethod
    def finish(self, sweep: str, *, status: str = "Completed", best: int | None = None, minutes: float = 4) -> None:
        """Let the sweep end, after so long, with the trial that the service names as the best."""

    def tried(self, sweep: str, number: int, value: float, **parameters: str) -> None:
        """Let a trial measure a value, and train a model."""
        told = {
            "v": 1, "metrics": {"mse_train": 2890.0}, "mlflow_run_id": f"{sweep}_{number}",
            "trial": {"parameters": parameters, "value": value, "metric": "mse", "space": {"alpha": "0 to 9"},
                      "seed": 7, "sampler": "random"},
        }  # fmt: skip
        files = {"outputs/result.json": json.dumps(told).encode(), "outputs/model/model.json": str(number).encode()}
        self.trial(sweep, number, files=files)

    def failed(self, sweep: str, number: int, what: str) -> None:
        told = json.dumps({"what": what, "next": "mend it"}).encode()
        self.trial(sweep, number, status="Failed", files={"outputs/error.json": told})


def times(minutes: float) -> dict[str, str]:
    """When something began and ended that lasted so long until now."""
    ended = datetime.now(UTC)
    return {"startTimeUtc": (ended - timedelta(minutes=minutes)).isoformat(), "endTimeUtc": ended.isoformat()}
