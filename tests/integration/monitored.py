"""An endpoint and what it scored, for the drift monitor to look at."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import NormalDist

import pyarrow as pa

from local.monitor import DRIFT, Monitor
from shared.data.cells import Cells
from shared.data.profile import ColumnProfile, Profile
from shared.errors import PlatformBusy
from shared.platforms.port import Deployment, EndpointSeen
from tests.fakes.storage import MemoryBlobs
from tests.integration.serving import FIRST, MODEL, SECOND

NOON = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
STANDARD = [NormalDist().inv_cdf((number + 0.5) / 1000) for number in range(1000)]


def reference_of(name: str, values: list[float]) -> dict[str, object]:
    """The reference.json of a version that was trained on one column."""
    column = ColumnProfile("number")
    column.add(Cells(pa.array(values), pa.array(values)))
    return {"v": 2, "profile": Profile(len(values), {name: column}).to_dict()}


REFERENCE = reference_of("AGE", STANDARD)


@dataclass
class Scene:
    """A home with one endpoint, storage with what was scored, and a topic that remembers or refuses."""

    home: Path
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    told: list[tuple[str, str, dict[str, object], str]] = field(default_factory=list)
    reported: list[tuple[str, str, dict[str, object], str]] = field(default_factory=list)
    refuse: bool = False
    now: datetime = NOON
    version: str = "1"
    segments: int = 0
    seed: int = 0

    def score(
        self,
        rows: int,
        *,
        shift: float = 0.0,
        answer: float = 0.0,
        version: str = "1",
        status: int = 200,
        pinned: bool = False,
    ) -> None:
        """Rows come to storage as one more segment, one request each."""
        drawn = random.Random(self.seed)
        self.seed += 1
        self.segment(
            json.dumps(
                {
                    "time": self.now.isoformat(),
                    "request_id": f"{self.segments}-{number}",
                    "version": version,
                    "status": status,
                    "pinned": pinned,
                    "rows": [{"AGE": drawn.gauss(shift, 1)}],
                    "predictions": [drawn.gauss(answer, 1)],
                }
            )
            for number in range(rows)
        )

    def segment(self, lines: Iterable[str]) -> None:
        name = f"{MODEL}/{self.now:%Y/%m/%d/%H}-{self.segments:04d}.jsonl"
        self.blobs.drop("scored", name, "\n".join(lines).encode())
        self.segments += 1

    def publish(self, subject: str, event_type: str, data: dict[str, object], id: str) -> None:
        if self.refuse:
            raise PlatformBusy("the topic does not answer", next="wait")
        (self.told if event_type == DRIFT else self.reported).append((subject, event_type, data, id))

    def endpoints(self) -> tuple[EndpointSeen, ...]:
        serving = Deployment(FIRST if self.version == "1" else SECOND, self.version, "healthy", 100)
        return (EndpointSeen(MODEL, (serving, Deployment("staged", "9", "healthy", 0))),)

    def watch(self) -> None:
        """One beat of a monitor that has just begun: all it knows is on disk."""
        Monitor(self.home, self.endpoints, self.blobs, self.publish).watch(self.now)


def scene_in(home: Path) -> Scene:
    """A scene whose endpoint has two deployments, each trained on `REFERENCE`."""
    for name in (FIRST, SECOND):
        model = home / "endpoints" / MODEL / name / "model"
        model.mkdir(parents=True)
        (model / "reference.json").write_text(json.dumps(REFERENCE))
    return Scene(home)


BREAKS_OF_A_REFERENCE: list[Callable[[Path], object]] = [
    Path.unlink,
    lambda file: file.write_text("[]"),
    lambda file: file.write_text('{"v": 1, "rows": 9, "features": {}}'),
]
