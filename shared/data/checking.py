"""Checks a file in a process of its own: one that kills its reader is refused, and takes nothing with it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from shared.data.verdict import Problem, Verdict
from shared.errors import Retryable, SpecRefused

ROOT = Path(__file__).resolve().parents[2]
READING = "reading"
CONTRACT_REFUSED = 3
SMALLER = "split it into smaller files, or write it again with another tool; `baton check` reads it the same way"


def check_in_subprocess(file: Path, contract_file: Path, *, memory_mb: int, seconds: float) -> Verdict:
    """The verdict on a file, read by a child process that may take `memory_mb` of data and `seconds`.

    The child sees nothing of this process's environment but where Python's packages are. A child that breaks a limit or
    dies while it reads refuses the file by rule `readable`. `SpecRefused` if the contract cannot be used, `Retryable` if
    the child did not come as far as reading.
    """
    arguments = [str(file.resolve()), str(contract_file.resolve()), "--memory-mb", str(memory_mb)]
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
        return _ended(file, f"reading it took longer than {seconds:g} s", error.stderr or b"")
    if ended.returncode == CONTRACT_REFUSED:
        raise SpecRefused(**json.loads(ended.stdout))
    if ended.returncode:
        return _ended(file, f"its reader ended with code {ended.returncode} within {memory_mb} MB", ended.stderr)
    return Verdict.from_dict(json.loads(ended.stdout))


def _environment() -> dict[str, str]:
    """One thread for each library, and an allocator that asks only for what it uses: the limit counts what is asked."""
    packages = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1", **quiet}


def _ended(file: Path, why: str, stderr: bytes) -> Verdict:
    words = stderr.decode(errors="replace").splitlines()
    last = words[-1][:200] if words else ""
    if READING not in words:
        raise Retryable(f"the check of {file.name} did not start: {why} {last}".strip(), next="see `baton doctor`")
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    said = f" ({last})" if last and last != READING else ""
    problem = Problem("readable", "", 1, (), (), f"the file cannot be read: {why}{said}", SMALLER)
    return Verdict(False, sha256, 0, (), (problem,))
