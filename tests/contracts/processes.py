"""The processes of this machine, as a test may count them."""

from __future__ import annotations

import subprocess
from pathlib import Path


def command_lines() -> list[list[str]]:
    """The arguments of every process; where there is no /proc, split at blanks."""
    if Path("/proc/self/cmdline").exists():
        return [_arguments(file) for file in Path("/proc").glob("[0-9]*/cmdline")]
    listing = subprocess.run(["ps", "-axwwo", "args="], capture_output=True, text=True, check=True).stdout
    return [line.split() for line in listing.splitlines()]


def _arguments(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").split("\0")
    except OSError:  # it ended meanwhile
        return []
