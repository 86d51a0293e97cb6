"""What the router knows of its endpoints, and the file that it finds it in again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.platforms.local_run import read_json, write_json
from shared.platforms.port import DeploymentState

LATENCIES_KEPT = 1000
Document = dict[str, object]


@dataclass(slots=True)
class Deployed:
    """A deployment and its server. `token` is in the command line of the server's processes and of no other.

    `requests`, `errors` (5xx, or no answer) and `seconds` (of the last answers) count since it began;
    `was_healthy` decides whether a server that ends is started again.
    """

    model: str
    name: str
    version: str
    folder: str
    state: DeploymentState = "starting"
    reason: str = ""
    port: int = 0
    token: str = ""
    was_healthy: bool = False
    requests: int = 0
    errors: int = 0
    restarts: int = 0
    waiting: int = 0
    credit: int = 0
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))
    suspect: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, seconds: float, *, good: bool) -> None:
        """Note one request and how long its answer took."""
        self.requests += 1
        self.errors += not good
        self.seconds.append(seconds)

    def to_file(self) -> Document:
        """What a router that begins anew has to know."""
        kept = (
            "version",
            "folder",
            "state",
            "reason",
            "port",
            "token",
            "was_healthy",
            "requests",
            "errors",
            "restarts",
        )
        return {name: getattr(self, name) for name in kept}


@dataclass(slots=True)
class Endpoint:
    """A model's deployments, and the traffic between them: name to percent, summing to 100, or empty before the first."""

    model: str
    deployments: dict[str, Deployed] = field(default_factory=dict)
    split: dict[str, int] = field(default_factory=dict)

    def pick(self) -> Deployed | None:
        """The deployment of the next request; None without traffic.

        Smooth weighted round robin (as nginx has it): of any 100 requests in a row each deployment gets its percent.
        """
        chosen: Deployed | None = None
        for name, share in self.split.items():
            deployed = self.deployments[name]
            deployed.credit += share
            if chosen is None or deployed.credit > chosen.credit:
                chosen = deployed
        if chosen is not None:
            chosen.credit -= 100
        return chosen

    def set_split(self, split: Mapping[str, int]) -> None:
        """Take another split, at once."""
        self.split = dict(split)
        for deployed in self.deployments.values():
            deployed.credit = 0


class Routes:
    """All endpoints, kept in one file that is replaced as a whole. Changes go through `changing`, one at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writing = asyncio.Lock()
        self._saved: Document = {}
        self.changing = asyncio.Lock()
        self.endpoints: dict[str, Endpoint] = {}

    def load(self) -> None:
        """Read the file of the router before this one."""
        for model, kept in read_json(self._file).get("endpoints", {}).items():
            deployments = {name: Deployed(model, name, **fields) for name, fields in kept["deployments"].items()}
            self.endpoints[model] = Endpoint(model, deployments, kept["split"])

    async def save(self, *, split_of: str = "", split: Mapping[str, int] | None = None) -> None:
        """Write what is known now (with another split for one model, if given), if it is not written yet."""
        async with self._writing:
            document = self._document()
            if split is not None:
                document[split_of] = {**document[split_of], "split": dict(split)}
            if document != self._saved:
                await asyncio.to_thread(write_json, self._file, {"v": 1, "endpoints": document})
                self._saved = dict(document)

    def _document(self) -> dict[str, dict[str, object]]:
        return {
            model: {
                "split": endpoint.split,
                "deployments": {name: deployed.to_file() for name, deployed in endpoint.deployments.items()},
            }
            for model, endpoint in self.endpoints.items()
        }
