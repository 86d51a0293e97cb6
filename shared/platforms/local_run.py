"""A local run's folder: its request, its lock, how far it is, and which of its events went out.

<home>/runs/<run id>/
  request.json     the RunRequest; there from the first moment, because the folder appears by a rename
  supervisor.lock  held (flock) by the run's supervisor, handed to it by whoever started it; begins with its pid
  command.lock     held by the processes of the run itself; its text is their process group
  state.json       RunState, replaced atomically
  cancel           somebody wants the run to stop
  told/<status>    Event Grid took the event of this status
  inputs/ outputs/ result.json error.json log.txt     see shared/runs
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.errors import NameRefused
from shared.platforms.port import RunRequest, RunSeen, RunStatus

ENDED: frozenset[RunStatus] = frozenset({"completed", "failed", "canceled"})
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class Change:
    """A status that the run reached, and when (aware UTC, ISO 8601)."""

    status: RunStatus
    at: str


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a run is. `seconds` is how long its command took, `pid` its process group, `history` each status reached."""

    status: RunStatus = "queued"
    reason: str = ""
    seconds: float = 0.0
    pid: int = 0
    started_at: str = ""
    history: tuple[Change, ...] = ()

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def reaching(self, status: RunStatus, at: datetime, *, reason: str = "", seconds: float = 0.0) -> RunState:
        """The same run, one status further."""
        started = at.isoformat() if status == "running" else self.started_at
        history = (*self.history, Change(status, at.isoformat()))
        return replace(self, status=status, reason=reason, seconds=seconds, started_at=started, history=history)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run that exists."""

    path: Path

    @property
    def inputs(self) -> Path:
        return self.path / "inputs"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def request(self) -> RunRequest:
        """What was asked for."""
        return RunRequest(**json.loads((self.path / "request.json").read_text()))

    def state(self) -> RunState:
        """How far the run is; queued as long as no supervisor wrote anything."""
        raw = read_json(self.path / "state.json")
        history = tuple(Change(**change) for change in raw.pop("history", ()))
        return RunState(**raw, history=history)

    def save(self, state: RunState) -> None:
        """Replace the state in one step."""
        write_json(self.path / "state.json", asdict(state))

    def seen(self, now: datetime) -> RunSeen:
        """The state as the port tells it; `seconds` of a running one are those until `now`."""
        state = self.state()
        seconds = state.seconds
        if state.status == "running":
            seconds = max(0.0, (now - datetime.fromisoformat(state.started_at)).total_seconds())
        result = self.result() if state.status == "completed" else {}
        return RunSeen(self.path.name, state.status, state.reason, result, seconds)

    def result(self) -> Mapping[str, object]:
        """The run's result document, or nothing if it wrote none that can be read."""
        return read_json(self.path / "result.json")

    def take(self, lock: str = "supervisor.lock") -> int | None:
        """Take one of the folder's locks without waiting: its open file, or None if somebody holds it.

        The lock is the open file's (flock): it passes on to a process that inherits the file, and it is
        gone when the last process that has it ends, however it ends.
        """
        held = os.open(self.path / lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            return None
        return held

    def ask_to_cancel(self) -> None:
        """Leave the wish that the supervisor looks for."""
        (self.path / "cancel").touch()

    def asked_to_cancel(self) -> bool:
        return (self.path / "cancel").exists()

    def untold(self) -> tuple[Change, ...]:
        """The changes whose event Event Grid has not taken yet, in order."""
        told = self.path / "told"
        return tuple(change for change in self.state().history if not (told / change.status).exists())

    def mark_told(self, change: Change) -> None:
        """Remember that the event of this change was taken."""
        (self.path / "told").mkdir(exist_ok=True)
        (self.path / "told" / change.status).touch()


def find_run(runs: Path, run_id: str) -> RunFolder | None:
    """The folder of a run, or None; an id that cannot name a folder names no run."""
    if not _SAFE_NAME.fullmatch(run_id):
        return None
    folder = runs / run_id
    return RunFolder(folder) if folder.is_dir() else None


def find_runs(runs: Path) -> list[RunFolder]:
    """All runs, by name."""
    return [RunFolder(path) for path in sorted(runs.glob("*")) if _SAFE_NAME.fullmatch(path.name)]


def make_run(runs: Path, request: RunRequest) -> RunFolder:
    """Create the run's folder with its request in it, or find it: of all callers one creates it, whole or not at all."""
    if not _SAFE_NAME.fullmatch(request.run_id):
        raise NameRefused(
            f"{request.run_id!r} cannot name a run.", next="use letters, digits, dashes, dots and underscores"
        )
    folder = find_run(runs, request.run_id)
    return folder or _create(runs, request)


def _create(runs: Path, request: RunRequest) -> RunFolder:
    runs.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=runs))
    try:
        write_json(draft / "request.json", request.document())
        draft.rename(runs / request.run_id)  # onto a folder that has content this fails: somebody else was first
    except OSError as error:
        shutil.rmtree(draft)
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    return RunFolder(runs / request.run_id)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty if there is no file or it holds anything else."""
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def write_json(path: Path, document: object) -> None:
    """Write a JSON file so that a reader sees the old one or the new one, also after a power cut."""
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    Path(draft).replace(path)
