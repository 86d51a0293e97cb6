"""Checks a file in a process of its own: one that kills its reader is refused, and takes nothing with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from shared.data import prepared
from shared.data.folders import content_hash
from shared.data.verdict import Problem, Verdict
from shared.errors import Retryable, SpecRefused

ROOT = Path(__file__).resolve().parents[2]
READING = "reading"
CONTRACT_REFUSED, TOO_LARGE = 3, 4
PROFILE = "profile.json"
"""Where the app has the profile of a drop written, beside the file that it is checked as."""
KEPT = "kept"
"""The folder beside it for the accepted and the refused rows, where they are not the drop itself."""
COMPUTING = 0.8
"""The share of the time that the reader may compute: a file that needs more is at fault, a machine that gives less is not."""
SMALLER = "split it into smaller files, or write it again with another tool; `baton check` reads it the same way"


class TooLarge(Exception):
    """A drop unpacks to more than may be checked here, or its check needs more memory. That says nothing of its rows."""


def check_in_subprocess(
    file: Path,
    contract_file: Path,
    *,
    memory_mb: int,
    seconds: float,
    computing_seconds: float = 0.0,
    profile: Path | None = None,
    at: datetime | None = None,
    references: Path | None = None,
    answered: Path | None = None,
    keep: Path | None = None,
    most_bytes: int = 0,
) -> Verdict:
    """The verdict on a file or folder of parts, by a child process that may take `memory_mb` of data and compute for
    `computing_seconds` (0: most of `seconds`). The age of rows is counted to `at`, foreign keys are looked for in
    `references`, what was answered lately in `answered`. What the columns look like is written to `profile`, as
    far as they were read; accepted and refused rows go into `keep`, where they are not the file itself.

    The child sees nothing of this process's environment but where Python's packages are. A child that breaks a limit or
    dies while it reads refuses the file by rule `readable`. `SpecRefused` if the contract cannot be used, `Retryable` if
    the child did not come as far as reading, or if `seconds` went by without so much computing: the machine is too busy.
    With `most_bytes`, `TooLarge` for a drop that unpacks to more, before a row of it is read, and for one that needs more memory.
    """
    computing = computing_seconds or COMPUTING * seconds
    limits = ["--memory-mb", str(memory_mb), "--computing-seconds", str(computing)]
    wanted = ["--profile", str(profile.resolve())] if profile else []
    moment = ["--at", at.isoformat()] if at else []
    arguments = [str(file.resolve()), str(contract_file.resolve()), *limits, *wanted, *moment]
    arguments += ["--references", str(references.resolve())] if references else []
    arguments += ["--answered", str(answered.resolve())] if answered else []
    arguments += ["--keep", str(keep.resolve())] if keep else []
    arguments += ["--contracts", str(prepared.folder()), "--most-bytes", str(most_bytes)]
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "shared.data", *arguments],
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _too_busy(file, seconds, error.stderr or b"") from error
    if ended.returncode == CONTRACT_REFUSED:
        raise SpecRefused(**json.loads(ended.stdout))
    if ended.returncode == TOO_LARGE:
        raise TooLarge(file.name)
    if ended.returncode == -signal.SIGXCPU:
        return _ended(file, f"reading it took more than {computing:g} s of computing", ended.stderr)
    if ended.returncode:
        return _ended(file, f"its reader ended with code {ended.returncode} within {memory_mb} MB", ended.stderr)
    return Verdict.from_dict(json.loads(ended.stdout))


def _environment() -> dict[str, str]:
    """One thread for each library, and an allocator that asks only for what it uses: the limit counts what is asked."""
    packages = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1", **quiet}


def _too_busy(file: Path, seconds: float, stderr: bytes) -> Retryable:
    came_so_far = "was read" if READING in stderr.decode(errors="replace").splitlines() else "did not start to be read"
    what = f"the check of {file.name} took {seconds:g} s without computing so long; it {came_so_far} on a busy machine."
    return Retryable(what, next="it is tried again by itself; if it goes on, see what else keeps this machine busy")


def _ended(file: Path, why: str, stderr: bytes) -> Verdict:
    words = stderr.decode(errors="replace").splitlines()
    last = words[-1][:200] if words else ""
    if READING not in words:
        raise Retryable(f"the check of {file.name} did not start: {why} {last}".strip(), next="see `baton doctor`")
    sha256 = content_hash(file)
    said = f" ({last})" if last and last != READING else ""
    problem = Problem("readable", "", 1, (), (), f"the file cannot be read: {why}{said}", SMALLER)
    return Verdict(False, sha256, 0, (), (problem,))
