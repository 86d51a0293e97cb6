"""What follows the version that serves: values that say what, and one try of each whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from shared.errors import BatonError, Permanent
from shared.model_yaml.served_spec import BatchScoring


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What the platform's own monitor watches of the version that serves: `signals` of `data` and `prediction`, none without.

    It runs `at` a cron expression's times; what is beyond `threshold` is an alert. `task` is `Classification` or `Regression`.
    """

    signals: tuple[str, ...] = ()
    at: str = ""
    time_zone: str = "UTC"
    threshold: float = 0.1
    task: str = "Regression"


@dataclass(frozen=True, slots=True)
class Following:
    """What serves alone, as deployed, and what its folder asks the platform to keep on it: a monitor, a batch endpoint."""

    deployment: str
    version: str
    folder: str
    monitoring: Monitoring = field(default_factory=Monitoring)
    batch: BatchScoring = field(default_factory=BatchScoring)

    @property
    def asks(self) -> str:
        """The entries of model.yaml that ask for something, in words; "" if none does."""
        asked = {"monitor.signals": self.monitoring.signals, "batch.files": self.batch.files}
        return " and ".join(entry for entry, wanted in asked.items() if wanted)


def each_tried(calls: Iterable[Callable[[], object]]) -> None:
    """Make every call, whatever became of those before; then raise what one failed by, first what may pass by itself."""
    failed = []
    for call in calls:
        try:
            call()
        except BatonError as error:
            failed.append(error)
    if failed:
        raise min(failed, key=lambda error: isinstance(error, Permanent))
