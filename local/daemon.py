"""What the laptop's daemons have in common: a free port, one ready line, waiting by asking, a clean end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from shared.errors import Permanent

LOCALHOST = "127.0.0.1"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy the environment names


class DaemonFailed(Permanent):
    """A process of the laptop did not come up, or lacks what it needs."""


def home_folder() -> Path:
    """The folder of local state: BATON_HOME, else `.baton` of the working folder."""
    return Path(os.environ.get("BATON_HOME", ".baton"))


def fresh_home(name: str) -> Path:
    """A home of this name in the project's, that nothing was in before; model environments are shared with the project's."""
    kept = home_folder().resolve()
    home = kept / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    share_environments(kept, home)
    return home


def share_environments(kept: Path, home: Path) -> None:
    """Let a new home use and make model environments where `kept` has them: to make one takes minutes."""
    (kept / "envs").mkdir(parents=True, exist_ok=True)
    (home / "envs").symlink_to((kept / "envs").resolve())


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on now; the caller must take it soon."""
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return int(probe.getsockname()[1])


def announce(**what: object) -> None:
    """Print the one line that says that the daemon answers: `{"ready": true, ...}`."""
    print(json.dumps({"ready": True, **what}), flush=True)


def log_to_stderr() -> None:
    """Log lines as `LEVEL sentence key=value` to stderr; only ours below WARNING."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)-7s %(message)s")
    logging.getLogger("baton").setLevel(logging.INFO)


def answers(url: str, *, timeout_seconds: float = 1.0) -> bool:
    """Does an HTTP server answer there, with whatever status?"""
    try:
        with _DIRECT.open(url, timeout=timeout_seconds):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def wait_until(true: Callable[[], bool], *, timeout_seconds: float, what: str, pause_seconds: float = 0.05) -> None:
    """Ask again and again until `true()`; raise `DaemonFailed` naming `what` when the time is over."""
    deadline = time.monotonic() + timeout_seconds
    while not true():
        if time.monotonic() > deadline:
            raise DaemonFailed(f"{what} within {timeout_seconds:g} s.", next="read its log, then start it again")
        time.sleep(pause_seconds)


async def until_stopped() -> None:
    """Return when the process is asked to end (SIGTERM or SIGINT)."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
