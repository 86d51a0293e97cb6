"""One command in a process group of its own, under a limit of time and memory, that can be canceled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shared.platforms.local_run import RunFolder

POLL_SECONDS = 0.1
GRACE_SECONDS = 2.0  # between the polite and the final signal
LOCK = "command.lock"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a command may use: wall-clock seconds, and resident memory of all its processes together."""

    seconds: float
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended: by itself (`stopped` empty; a negative exit code is a signal) or because we stopped it."""

    exit_code: int
    seconds: float
    stopped: Literal["", "time", "memory", "canceled"] = ""
    memory_mb: int = 0


def run_guarded(
    command: Sequence[str],
    *,
    folder: RunFolder,
    environment: Mapping[str, str],
    limits: Limits,
    on_start: Callable[[int], None] = lambda _pid: None,
) -> Ending:
    """Run the command to its end, output appended to the run's log; `on_start` hears its process group.

    Whatever the command leaves behind in its group is killed. While any of it lives, the folder's
    `command.lock` is held and names the group, so that `end_orphans` finds it if this process dies.
    """
    lock = folder.take(LOCK)
    if lock is None:
        raise RuntimeError(f"a command of run {folder.path.name} still goes")
    try:
        process = _begin(command, folder, environment, lock)
        try:
            on_start(process.pid)
            return _watch(process, folder, limits)
        finally:
            _end(process, polite=False)
    finally:
        os.close(lock)


def end_orphans(folder: RunFolder) -> None:
    """Kill what is left of a command whose supervisor died, and wait until it is gone."""
    while (lock := folder.take(LOCK)) is None:
        _signal_group(int((folder.path / LOCK).read_text() or "0"), signal.SIGKILL)
        time.sleep(POLL_SECONDS)
    os.close(lock)


def group_memory_mb(group: int) -> int:
    """Resident memory of a process group, in MiB; pages that its processes share count once for each."""
    if sys.platform == "linux":
        return sum(_resident_bytes(stat, group) for stat in Path("/proc").glob("[0-9]*/stat")) // 2**20
    listing = subprocess.run(["ps", "-axo", "pgid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = (line.split() for line in listing.splitlines())
    return sum(int(kilobytes) for owner, kilobytes in rows if int(owner) == group) // 1024


def _resident_bytes(stat: Path, group: int) -> int:
    try:
        values = stat.read_text().rpartition(")")[2].split()  # proc(5): after the name come state, ppid, pgrp, ...
    except OSError:  # it ended meanwhile
        return 0
    return int(values[21]) * _PAGE_BYTES if int(values[2]) == group else 0


def _begin(
    command: Sequence[str], folder: RunFolder, environment: Mapping[str, str], lock: int
) -> subprocess.Popen[bytes]:
    def name_the_group() -> None:
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)

    with folder.log.open("ab") as log:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[lock],
            preexec_fn=name_the_group,  # whoever finds the lock held must find the group in it
        )


def _watch(process: subprocess.Popen[bytes], folder: RunFolder, limits: Limits) -> Ending:
    began = time.monotonic()
    while True:
        try:
            code = process.wait(POLL_SECONDS)
            return Ending(code, time.monotonic() - began)
        except subprocess.TimeoutExpired:
            ending = _overdue(process.pid, folder, limits, time.monotonic() - began)
        if ending:
            _end(process, polite=ending.stopped != "memory")
            return ending


def _overdue(group: int, folder: RunFolder, limits: Limits, seconds: float) -> Ending | None:
    memory_mb = group_memory_mb(group)
    if memory_mb > limits.memory_mb:
        return Ending(-signal.SIGKILL, seconds, "memory", memory_mb)
    if seconds > limits.seconds:
        return Ending(-signal.SIGTERM, seconds, "time", memory_mb)
    if folder.asked_to_cancel():
        return Ending(-signal.SIGTERM, seconds, "canceled", memory_mb)
    return None


def _end(process: subprocess.Popen[bytes], *, polite: bool) -> None:
    if polite:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    if group <= 1:  # 0 would be ourselves
        return
    with suppress(ProcessLookupError, PermissionError):  # gone; macOS answers the second for a zombie
        os.killpg(group, number)
