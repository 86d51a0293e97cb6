"""Ledgers of 0.1.0 in every waiting state, frozen: rows, blobs, rings and the platform, as its own code left them.

    .venv/bin/python -m tests.compat.frozen

writes the files of `v0.1.0/` that are not there yet; those that are there are never written again.
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.platforms.port import DeployRequest, RunRequest, RunSeen
from shared.storage.port import Put
from tests.compat.old import OldWorld
from tests.compat.states import STATES
from tests.fakes.platform import FakeEndpoints, Outcome
from tests.world import World

PLACE = Path(__file__).parent / "v0.1.0"
STILL_GOING = ("queued", "running")


def dump(world: World) -> dict[str, Any]:
    """Everything of a world that outlives its process."""
    endpoints: Any = world.endpoints
    return {
        "now": world.now.isoformat(),
        "rows": [[partition, key, text] for (partition, key), (text, _) in sorted(world.table.rows.items())],
        "rings": [[queue, model, after.total_seconds()] for queue, model, after in world.bells.rung],
        "blobs": [
            [container, name, base64.b64encode(content).decode(), etag]
            for (container, name), (content, etag) in sorted(world.blobs.blobs.items())
        ],
        "tags": [[container, name, tags] for (container, name), tags in sorted(world.blobs.tags.items())],
        "runs": [dataclasses.asdict(run) for run in world.trainer.started],
        "ended": [
            dataclasses.asdict(seen)
            for run in world.trainer.started
            if (seen := world.trainer.look(run.run_id)) is not None and seen.status not in STILL_GOING
        ],
        "announced": sorted(world.announced),
        "versions": [dataclasses.asdict(seen) for seen in world.registry.versions("m")],
        "deployments": [dataclasses.asdict(one) for one in endpoints._endpoints.get("m", {}).values()],
    }


def load(found: Mapping[str, Any], home: Path, **ports: Any) -> World:
    """A world of today's code with what `dump` wrote. Every scripted run that had not ended ends well from now on.

    `ports` are the fakes to use (`blobs=`, `trainer=`, ...), as `World` takes them.
    """
    world = World(home, now=datetime.fromisoformat(found["now"]), **ports)
    for partition, key, text in found["rows"]:
        world.table.write(partition, [Put(key, text)])
    world.bells.rung += [(queue, model, timedelta(seconds=after)) for queue, model, after in found["rings"]]
    for container, name, content, etag in found["blobs"]:
        world.blobs.blobs[(container, name)] = (base64.b64decode(content), etag)
    world.blobs._count = max([etag for *_, etag in found["blobs"]], default=0)
    world.blobs.tags |= {(container, name): tags for container, name, tags in found["tags"]}
    _load_platform(found, world)
    return world


def _load_platform(found: Mapping[str, Any], world: World) -> None:
    for run in found["runs"]:
        world.trainer.start(RunRequest(**run))
    for seen in found["ended"]:
        end = RunSeen(**seen)
        world.trainer.end(end.run_id, Outcome(end.status, end.reason, end.result))
    world.announced |= set(found["announced"])
    for version in found["versions"]:
        if version["run_id"]:
            world.registry.register("m", run_id=version["run_id"], tags=version["tags"])
        else:
            world.registry.register_by_hand("m", tags=version["tags"], files={})
    for one in found["deployments"]:
        _load_deployment(one, world.endpoints)
    split = {one["name"]: one["share"] for one in found["deployments"] if one["share"]}
    if split:
        world.endpoints.set_traffic("m", split, expected={})


def _load_deployment(one: Mapping[str, Any], endpoints: FakeEndpoints) -> None:
    endpoints.deploy(DeployRequest(name=one["name"], model="m", version=one["version"], folder=""))
    endpoints.count("m", one["name"], requests=one["requests"], errors=one["errors"])


def file_of(name: str) -> Path:
    """Where a state is frozen."""
    return PLACE / f"{name}.json.gz"


def thawed(name: str, home: Path, **ports: Any) -> World:
    """The world that was frozen under this name, now with today's code over these fakes, as `load` takes them."""
    return load(json.loads(gzip.decompress(file_of(name).read_bytes())), home, **ports)


def freeze() -> list[str]:
    """Write the states that are not there yet; returns their names."""
    new = [name for name in STATES if not file_of(name).exists()]
    for name in new:
        with tempfile.TemporaryDirectory() as home:
            world = OldWorld(Path(home))
            world.publish()
            world.settle()
            STATES[name](world)
            world.trainer.busy = world.registry.busy = world.endpoints.busy = False
            text = json.dumps(dump(world), separators=(",", ":"))
        file_of(name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    return new


if __name__ == "__main__":
    sys.stdout.write(f"frozen: {', '.join(freeze()) or 'nothing new'}\n")
