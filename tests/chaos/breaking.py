"""Breaking a running stack: SIGKILLs of Baton's own processes, each started again, and Azurite paused (never killed)."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local.faultplan import Plan
from local.stack import Stack

PARTS = ("host", "blobfront", "eventgrid", "router", "workspace")
TARGETS = (*PARTS, "host", "supervisor", "run", "server")
RATE = {
    "reset": 0.01,
    "lost": 0.01,
    "failed": 0.005,
    "failed-after": 0.01,
    "throttled": 0.01,
    "slow": 0.01,
    "cut": 0.005,
}
"""In all 6 of 100 requests to each service."""


def plan(seed: int) -> Plan:
    """What goes wrong between Baton and storage, for as long as it lasts."""
    return Plan(seed, {"blob": RATE | {"half": 0.005}, "queue": RATE, "table": RATE | {"half": 0.005}}, most=100_000)


@dataclass
class Breaker:
    """Kills and pauses what runs under one home, and counts it."""

    stack: Stack
    chance: random.Random
    say: Callable[[str], None]
    done: Counter[str] = field(default_factory=Counter)

    def kill(self, target: str) -> None:
        """SIGKILL one process; a part of the stack is started again, as `baton up` would, the rest by its own keeper."""
        if target in PARTS:
            daemon = next(each for each in self.stack.daemons if each.name == target)
            os.kill(daemon.pid, signal.SIGKILL)
            daemon.stop()
            self.stack.start(target)
        else:
            found = self._pids(target)
            if not found:
                return self.kill("host")
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.chance.choice(found), signal.SIGKILL)
        self.done[target] += 1
        self.say(f"killed {target}")
        return None

    def pause_azurite(self) -> None:
        """SIGSTOP, 2 to 6 seconds, SIGCONT."""
        azurite = next(each for each in self.stack.daemons if each.name == "azurite")
        children = Path(f"/proc/{azurite.pid}/task/{azurite.pid}/children").read_text().split()
        seconds = self.chance.uniform(2, 6)
        for number in map(int, children):
            os.kill(number, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            for number in map(int, children):
                os.kill(number, signal.SIGCONT)
        self.done["azurite paused"] += 1
        self.say(f"azurite stood still for {seconds:.1f} s")

    def _pids(self, target: str) -> list[int]:
        """Processes of that kind under this stack's home, and of no other stack."""
        home = str(self.stack.home)
        marks = {"supervisor": "local.supervisor", "run": "shared.runs", "server": "gunicorn"}
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if marks[target] in command and (home in command or home in str(entry.with_name("cwd").readlink())):
                    found.append(int(entry.parent.name))
        return found
