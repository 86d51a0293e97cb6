"""The laptop's performance monitor: whenever labels came, whether the serving version became worse than when it was judged.

An alarm is a DatasetDriftDetected whose data says `signal: performance`; its coefficient is by what share the metric became worse.
It is raised once for a version and a set of labels, and the same labels give the same id.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from shared import log
from shared.errors import Permanent
from shared.monitoring.labels import SCORED, answers
from shared.monitoring.performance import ALPHA, Judged, Worse, became_worse, measured
from shared.names import digest
from shared.platforms.local_run import read_json, write_json
from shared.storage.port import Blobs

Publish = Callable[[str, str, dict[str, object], str], object]
DRIFT = "Microsoft.MachineLearningServices.DatasetDriftDetected"
LOOK_BACK = timedelta(days=30)
MOST = 1e6  # what is worse by more is infinitely worse, which no event can say


@dataclass(frozen=True, slots=True)
class LabelMonitor:
    """Looks at one model; `judged` tells how well a version was, and raises what it cannot tell. State is under `home`/monitor."""

    home: Path
    blobs: Blobs
    judged: Callable[[str, str], Judged]
    publish: Publish

    def watch(self, model: str, version: str, now: datetime) -> None:
        """Measure again if labels came since the last look. Safe to repeat and to kill anywhere."""
        names = sorted(self.blobs.names(SCORED, f"{model}/labels/"))
        file = self.home / "monitor" / f"{model}.labels.json"
        known = read_json(file)
        seen = digest("\n".join([version, *names]))
        if not names or known.get("seen") == seen:
            return
        looks = int(known.get("looks", 0)) + 1 if known.get("version") == version else 1
        alpha = ALPHA * 6 / (math.pi * looks) ** 2  # all looks at a version together stay below ALPHA
        try:
            verdict = self._verdict(model, version, now, alpha)
            if verdict.worse:
                self._tell(model, version, verdict, seen, now)
        except Permanent as error:
            log.warning("performance is not watched", model=model, version=version, why=error.what, next=error.next)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, {"v": 1, "version": version, "seen": seen, "looks": looks})

    def _verdict(self, model: str, version: str, now: datetime, alpha: float) -> Worse:
        then = self.judged(model, version)
        found = [one for one in answers(self.blobs, model, now - LOOK_BACK) if one.version == version]
        return became_worse(measured("all", found, then.gates, alpha=alpha), then, alpha=alpha)

    def _tell(self, model: str, version: str, verdict: Worse, seen: str, now: datetime) -> None:
        run = f"{model}-performance-{seen[:16]}"
        data: dict[str, object] = {
            "DataDriftId": f"{model}-performance",
            "DataDriftName": model,
            "RunId": run,
            "BaseDatasetId": f"{model}:{version}",
            "TargetDatasetId": f"{SCORED}/{model}",
            "DriftCoefficient": round(min(verdict.share, MOST), 6),
            "Signal": "performance",
            "StartTime": (now - LOOK_BACK).isoformat(),
            "EndTime": now.isoformat(),
        }
        self.publish(f"datadrifts/{model}-performance/runs/{run}", DRIFT, data, run)
        log.warning("performance fell", model=model, version=version, why=verdict.why, id=run)
