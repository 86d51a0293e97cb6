"""Parts of a stack whose `baton up` was killed: they run on, and hold the same files. Found by what the kernel says."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from shared.errors import Permanent

END_SECONDS = 15.0


class PartsLeft(Permanent):
    """Parts of an earlier stack still run."""


def find(home: Path) -> dict[str, int]:
    """Name and process of each part of this home's stack.json that still runs although the stack itself is gone."""
    from local import stack

    file = home / "stack.json"
    if not file.exists() or stack.state(home) is not None:
        return {}
    pids = json.loads(file.read_text()).get("pids", {})
    return {name: pid for name, pid in pids.items() if _is_ours(pid, home)}


def _is_ours(pid: int, home: Path) -> bool:
    """Whether the process is a part that was started with this home, and not another one with a reused number."""
    process = Path(f"/proc/{pid}")
    try:
        words = process.joinpath("cmdline").read_bytes().split(b"\0")
        settings = process.joinpath("environ").read_bytes().split(b"\0")
    except OSError:
        return False
    is_part = b"-m" in words and any(word.startswith(b"local.") for word in words)
    return is_part and f"BATON_HOME={home.resolve()}".encode() in settings


def refuse(home: Path) -> None:
    """`PartsLeft` if there are any: two stacks on one home would destroy each other's state."""
    found = find(home)
    if found:
        raise PartsLeft(f"Parts of an earlier stack still run: {', '.join(found)}.", next="baton down; baton up")


def end(home: Path) -> list[str]:
    """End them, the last one started first, and forget the stack; returns their names."""
    found = find(home)
    for pid in reversed(found.values()):
        os.kill(pid, signal.SIGTERM)
        _wait_for(pid, home)
    (home / "stack.json").unlink(missing_ok=True)
    return list(found)


def _wait_for(pid: int, home: Path) -> None:
    until = time.monotonic() + END_SECONDS
    while _is_ours(pid, home):
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.1)
