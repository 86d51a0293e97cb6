"""The laptop's ML workspace: sees what nobody else tells, and tells Event Grid.

`python -m local.workspace` beats once a second. A beat
- publishes ModelRegistered for every version in the registry, also one registered by hand, once it was taken;
- gives every run that is not over a supervisor if it lost its own, and tells what dead supervisors left untold;
- lets the drift monitor watch (`local.monitor.watch_once`, where there is one).
A part that fails is logged and tried again by the next beat; it does not keep the others from theirs.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from local.daemon import announce, home_folder, log_to_stderr
from local.run_events import EVENTS, tell
from local.topic import Topic, topic_of
from shared.errors import PlatformBusy
from shared.platforms.local import LocalRegistry, LocalTrainer
from shared.platforms.local_run import RunFolder, find_runs
from shared.platforms.port import VersionSeen

BEAT_SECONDS = 1.0
DRAFT_SECONDS = 3600.0  # a draft folder this old belongs to a caller that died
_log = logging.getLogger("baton.workspace")


class Newest(Protocol):
    """A registry that can be asked what was registered last."""

    def newest(self, count: int = 100) -> tuple[VersionSeen, ...]: ...


@dataclass(slots=True)
class Announcer:
    """Publishes each model version once; those that were taken are remembered as lines of a file."""

    registry: Newest
    topic: Topic
    memory: Path
    _taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.memory.exists():
            self._taken.update(self.memory.read_text().splitlines())

    def beat(self) -> None:
        """Publish the versions that are new, oldest first; raise `PlatformBusy` at the first that is not taken."""
        for seen in reversed(self._new_ones()):
            self._publish(seen)
            with self.memory.open("a") as file:
                file.write(f"{_name(seen)}\n")
            self._taken.add(_name(seen))

    def _new_ones(self) -> list[VersionSeen]:
        count = 100
        while True:
            seen = self.registry.newest(count)
            new = [version for version in seen if _name(version) not in self._taken]
            if len(new) < len(seen) or len(seen) < count:  # what is older than a known one is known
                return new
            count *= 10

    def _publish(self, seen: VersionSeen) -> None:
        data = {
            "modelName": seen.model,
            "modelVersion": seen.version,
            "modelTags": dict(seen.tags),
            "modelProperties": {"runId": seen.run_id, "source": seen.source},
        }
        name = _name(seen)
        self.topic.publish(f"models/{name}", f"{EVENTS}.ModelRegistered", data, f"{name}:registered")
        _log.info("model version announced model=%s version=%s run=%s", seen.model, seen.version, seen.run_id or "none")


def _name(seen: VersionSeen) -> str:
    return f"{seen.model}:{seen.version}"


@dataclass(slots=True)
class Caretaker:
    """Looks after the runs whose supervisor is gone; `_over` are those that need no look any more."""

    trainer: LocalTrainer
    topic: Topic | None
    _over: set[str] = field(default_factory=set)

    def beat(self) -> None:
        """Look at every run that is not known to be over, and sweep up what callers that died left."""
        for folder in find_runs(self.trainer.runs):
            if folder.path.name not in self._over and self._is_over(folder):
                self._over.add(folder.path.name)
        for draft in self.trainer.runs.glob(".draft-*"):
            if time.time() - draft.stat().st_mtime > DRAFT_SECONDS:
                shutil.rmtree(draft, ignore_errors=True)

    def _is_over(self, folder: RunFolder) -> bool:
        self.trainer.look(folder.path.name)  # gives it a supervisor if it needs one
        if not folder.state().ended:
            return False
        lock = folder.take()
        if lock is None:  # its supervisor still tells
            return False
        try:
            return self.topic is None or tell(folder, self.topic)
        finally:
            os.close(lock)


def monitor_beat(environment: Mapping[str, str], topic: Topic) -> None:
    """Let the drift monitor watch once, if this installation has one."""
    if importlib.util.find_spec("local.monitor") is None:
        return
    monitor = importlib.import_module("local.monitor")
    monitor.watch_once(environment, topic.publish)


def beat(parts: Mapping[str, Callable[[], None]]) -> None:
    """Run every part; what fails is logged and comes again with the next beat."""
    for name, part in parts.items():
        try:
            part()
        except PlatformBusy as error:
            _log.warning("workspace waits part=%s why=%s", name, error.what)
        except Exception:
            _log.exception("workspace part failed part=%s next=docs/runbook.md#workspace", name)


def parts_of(environment: Mapping[str, str], home: Path) -> dict[str, Callable[[], None]]:
    """What a beat does, as the environment allows: without a topic nothing is published, without MLflow nothing announced."""
    topic = topic_of(environment)
    parts: dict[str, Callable[[], None]] = {
        "runs": Caretaker(LocalTrainer(home, environment=environment), topic).beat,
    }
    if topic and environment.get("MLFLOW_TRACKING_URI"):
        registry = LocalRegistry(environment["MLFLOW_TRACKING_URI"], home=home)
        (home / "workspace").mkdir(parents=True, exist_ok=True)
        parts["versions"] = Announcer(registry, topic, home / "workspace" / "announced.txt").beat
    if topic:
        parts["monitor"] = lambda: monitor_beat(environment, topic)
    return parts


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.workspace", description="Watch runs and registry of the laptop."
    )
    parser.parse_args(arguments)
    log_to_stderr()
    asked_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_end.set())
    parts = parts_of(os.environ, home_folder().resolve())
    beat(parts)
    announce()
    while not asked_to_end.wait(BEAT_SECONDS):
        beat(parts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
