"""A daemon as a child process: started, waited for by its ready line, ended by whoever began it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.daemon import DaemonFailed

LAST_LINES = 15


class Daemon:
    """One `python -m <module>` child. Its stderr goes to `log`; `ready` holds what its first line said."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], ready: Mapping[str, Any], log: Path) -> None:
        self.name = name
        self.ready = ready
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def stop(self, *, within_seconds: float = 15.0) -> None:
        """Ask it to end; after `within_seconds` end it. Safe to repeat."""
        if self.lives:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def start(
    name: str, arguments: Sequence[str], env: Mapping[str, str], log: Path, *, within_seconds: float = 90.0
) -> Daemon:
    """Start `python -m <arguments>` and wait for its ready line; `DaemonFailed` carries its last words."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env={**os.environ, **env, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        ready = _first_line(process, within_seconds)
    except DaemonFailed as failed:
        _end(process)
        raise DaemonFailed(f"{name} {failed.what}\n{_tail(log)}", next=f"read {log}; `baton doctor`") from failed
    except BaseException:
        _end(process)
        raise
    return Daemon(name, process, ready, log)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it with the processes that it began in its own group: MLflow's and Azurite's servers are such children."""
    with contextlib.suppress(ProcessLookupError):  # it ended by itself, and left nobody behind
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _first_line(process: subprocess.Popen[bytes], within_seconds: float) -> Mapping[str, Any]:
    assert process.stdout is not None
    deadline = time.monotonic() + within_seconds
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                break
            line = process.stdout.readline()
            if not line:
                raise DaemonFailed(f"ended with code {process.wait()} before it was ready.", next="read its log")
            with contextlib.suppress(json.JSONDecodeError):
                ready = json.loads(line)
                if isinstance(ready, dict) and ready.get("ready"):
                    return ready
    raise DaemonFailed(f"was not ready within {within_seconds:g} s.", next="read its log")


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-LAST_LINES:])
