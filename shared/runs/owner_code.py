"""Running what the model's owner wrote: in its own interpreter, without Baton's settings, its last words kept."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAST_LINES = 20
_RAISED = re.compile(r"[\w.]*(Error|Exception|Interrupt|Exit|Warning)\b.*")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a script ended: its exit code (negative: killed by that signal) and the last lines that it printed."""

    code: int
    last_lines: tuple[str, ...]

    @property
    def reason(self) -> str:
        """What it raised, if its last lines tell; else the code and its last line."""
        return raised(self.last_lines) or f"exit code {self.code}; last line: {('none', *self.last_lines)[-1]}"


def raised(lines: Iterable[str]) -> str:
    """The last line that ends a traceback, "" if there is none.

    >>> raised(["Traceback (most recent call last):", "KeyError: 'AGE'", "bye"])
    "KeyError: 'AGE'"
    """
    return next((line.strip() for line in reversed(list(lines)) if _RAISED.fullmatch(line.strip())), "")


def owner_environment(environment: Mapping[str, str], **more: str) -> dict[str, str]:
    """The environment for the owner's code: the run's without anything of Baton's (connection strings, keys), and `more`."""
    theirs = {name: value for name, value in environment.items() if not name.startswith("BATON_")}
    return {**theirs, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", **more}


def run_script(
    command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], seconds: float | None = None
) -> Ended:
    """Run to the end, passing each printed line on to the run's own log as it comes.

    It is killed after `seconds`; where none are given, time is the supervisor's to limit.
    """
    last_lines: deque[str] = deque(maxlen=LAST_LINES)
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        late = threading.Timer(seconds if seconds is not None else threading.TIMEOUT_MAX, process.kill)
        late.daemon = True
        late.start()
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            last_lines.append(line.rstrip())
        process.wait()
        late.cancel()
    return Ended(process.returncode, tuple(last_lines))
