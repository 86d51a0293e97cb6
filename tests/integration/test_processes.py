"""A part of the stack that does not come up leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from local import processes
from local.daemon import DaemonFailed, wait_until

NEVER_READY = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("child.pid").write_text(str(child.pid))
time.sleep(600)
"""


def test_a_part_that_is_never_ready_is_ended_with_its_children(tmp_path: Path) -> None:
    (tmp_path / "never_ready.py").write_text(NEVER_READY.replace('"child.pid"', repr(str(tmp_path / "child.pid"))))
    with pytest.raises(DaemonFailed, match="was not ready"):
        processes.start("part", ["never_ready"], {"PYTHONPATH": str(tmp_path)}, tmp_path / "part.log", within_seconds=5)
    child = int((tmp_path / "child.pid").read_text())
    wait_until(lambda: not _runs(child), timeout_seconds=20, what="the child did not end")


def _runs(pid: int) -> bool:
    """Whether it is a process that is not just waiting to be collected by whoever inherited it."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
