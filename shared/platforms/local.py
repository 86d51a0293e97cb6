"""The laptop as ML platform: runs are processes of their own, versions live in MLflow.

`LocalTrainer` only creates a run's folder and gives it a supervisor (`local/supervisor.py`), which
outlives whoever called. `LocalRegistry` speaks to the local MLflow server, `LocalEndpoints`
(`local_endpoints.py`) to the local router.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from shared.errors import CapacityRefused, PlatformBusy
from shared.platforms.local_registry import LocalRegistry
from shared.platforms.local_run import RunFolder, find_run, make_run
from shared.platforms.port import RunRequest, RunSeen

__all__ = ["LocalRegistry", "LocalTrainer"]

PROJECT = Path(__file__).resolve().parents[2]
RUNNER = (sys.executable, "-m", "shared.runs")


def utc_now() -> datetime:
    return datetime.now(UTC)


class LocalTrainer:
    """Starts runs as detached processes under `home`/runs.

    Exactly one run comes to be for a run id: its folder appears by one rename, and only who holds the
    folder's lock spawns a supervisor, which inherits the lock. A caller that dies anywhere leaves either
    no folder, or a folder whose lock is free: the next `start`, `look` or `cancel`, and the workspace
    daemon's beat, give it a supervisor. The run's command starts at most once (see `local/supervisor.py`).

    `command` is what a supervisor executes, with the step's name appended. While `runs_at_once` runs go, a new one is
    refused; one that was taken before is found as ever. None is no limit.
    """

    def __init__(
        self,
        home: Path,
        *,
        command: Sequence[str] = RUNNER,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = utc_now,
        runs_at_once: int | None = None,
    ) -> None:
        self._home = home.resolve()
        self._command = tuple(command)
        self._environment = {**(os.environ if environment is None else environment), "BATON_HOME": str(self._home)}
        self._clock = clock
        self._runs_at_once = runs_at_once
        self._over: set[str] = set()

    @property
    def runs(self) -> Path:
        """Where the runs' folders are."""
        return self._home / "runs"

    def start(self, request: RunRequest) -> None:
        with _full_disk_is_busy():
            if self._runs_at_once is not None and find_run(self.runs, request.run_id) is None:
                self._check_room(request.run_id, self._runs_at_once)
            self._supervise(make_run(self.runs, request))

    def _check_room(self, run_id: str, room: int) -> None:
        """`CapacityRefused` while as many runs go as this machine has room for. What ended is looked at once a process.

        Two that start at the same moment may both find the last room: the limit protects the machine, it is no promise.
        """
        folders = [path for path in self.runs.glob("*") if path.name not in self._over] if self.runs.exists() else []
        found = [folder for path in folders if (folder := find_run(self.runs, path.name)) is not None]
        self._over |= {folder.path.name for folder in found if folder.state().ended}
        going = sum(folder.path.name not in self._over for folder in found)
        if going >= room:
            what = f"{going} runs go on this machine, which has room for {room}, so {run_id} waits"
            raise CapacityRefused(what, next="docs/runbook.md#capacity")

    def look(self, run_id: str) -> RunSeen | None:
        folder = find_run(self.runs, run_id)
        if folder is None:
            return None
        with _full_disk_is_busy():
            self._supervise(folder)
            return folder.seen(self._clock())

    def cancel(self, run_id: str) -> None:
        folder = find_run(self.runs, run_id)
        if folder is None or folder.state().ended:
            return
        with _full_disk_is_busy():
            folder.ask_to_cancel()
            self._supervise(folder)

    def _supervise(self, folder: RunFolder) -> None:
        """Give the run a supervisor if it has none and is not over."""
        if folder.state().ended:
            return
        lock = folder.take()
        if lock is None:
            return
        try:
            if not folder.state().ended:
                self._spawn(folder, lock)
        finally:
            os.close(lock)

    def _spawn(self, folder: RunFolder, lock: int) -> None:
        arguments = [
            sys.executable,
            "-m",
            "local.supervisor",
            str(folder.path),
            "--lock",
            str(lock),
            "--",
            *self._command,
        ]
        with (folder.path / "supervisor.log").open("ab") as log:
            supervisor = subprocess.Popen(
                arguments,
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock],
                start_new_session=True,
            )
        threading.Thread(target=supervisor.wait, name=f"reap-{folder.path.name}", daemon=True).start()


@contextmanager
def _full_disk_is_busy() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PlatformBusy(
            f"this machine could not keep the run: {error}.", next="free disk space; see `baton doctor`"
        ) from error
