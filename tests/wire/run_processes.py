"""Runs that really go, as processes of this machine, whatever platform they were submitted to."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.wire.server import WireServer


class RunProcesses:
    """Each run is a thread that does `run`, and in it a process; what goes wrong there breaks the wire, so that nobody waits for it."""

    def __init__(self, wire: WireServer, run: Callable[[str], None]) -> None:
        self._wire = wire
        self._run = run
        self._processes: list[subprocess.Popen[bytes]] = []

    def begin(self, run_id: str) -> None:
        threading.Thread(target=self._guarded, args=[run_id], daemon=True).start()

    def carry_out(self, command: Sequence[str], place: Path, environment: Mapping[str, str], log: Path) -> int:
        """Run a command to its end; returns its exit code."""
        with log.open("wb") as told:
            process = subprocess.Popen(command, cwd=place, env=environment, stdout=told, stderr=subprocess.STDOUT)
            self._processes.append(process)
            return process.wait()

    def end(self) -> None:
        """End every process that goes on."""
        for process in self._processes:
            end(process)

    def _guarded(self, run_id: str) -> None:
        try:
            self._run(run_id)
        except Exception as error:
            self._wire.broken.append(f"run {run_id}: {error!r}")
            raise


def end(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """End a process that this machine began."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
