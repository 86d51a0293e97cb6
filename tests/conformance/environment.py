"""The environment of Python 3.13 with Microsoft's worker library, made from its lock."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shared.errors import Permanent

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / ".baton" / "envs" / "conformance"
LOCK = PROJECT / "requirements-conformance.txt"
PROTOS_LOCK = Path(__file__).with_name("protos.txt")
UV = Path(sys.executable).with_name("uv")


class NoPython313(Permanent):
    """This machine has no Python 3.13, so the comparison with Microsoft's worker cannot run."""


def prepare(*, fetch_python: bool = False) -> Path:
    """Make the environment if it is missing or its lock changed; return its folder. Safe to repeat and to race.

    Looks for Python 3.13 in BATON_PYTHON313, on PATH and among pyenv's versions; with `fetch_python`
    uv's own installer comes last. Raises `NoPython313` if there is none.
    """
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = FOLDER / "made-from", _wanted()
        if not stamp.exists() or stamp.read_text() != wanted:
            _make(python313(fetch=fetch_python))
            stamp.write_text(wanted)
    return FOLDER


def python() -> Path:
    """The interpreter of the environment."""
    return FOLDER / "bin" / "python"


def protos() -> Path:
    """The folder to put on `sys.path` for `import function_protos`, the host's gRPC messages."""
    return FOLDER / "protos"


def python313(*, fetch: bool) -> str:
    """A Python 3.13 that runs; `3.13` asks uv to fetch one."""
    found = next((str(path) for path in _candidates() if _is_313(path)), None)
    if found or fetch:
        return found or "3.13"
    raise NoPython313(
        "There is no Python 3.13 here: Microsoft's worker library was NOT compared with the local host.",
        next="install Python 3.13 or name one in BATON_PYTHON313, then `python -m tests.conformance`",
    )


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("BATON_PYTHON313"):
        yield Path(named)
    if on_path := shutil.which("python3.13"):
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob("versions/3.13*/bin/python3.13"), reverse=True)
    yield from Path.home().glob(".local/share/uv/python/cpython-3.13*/bin/python3.13")


def _is_313(path: Path) -> bool:
    """Whether it runs and is 3.13: a pyenv shim of a version that is not chosen is neither."""
    try:
        ask = [str(path), "-c", "import sys; print(sys.version_info[:2] == (3, 13))"]
        return subprocess.run(ask, capture_output=True, text=True, timeout=20).stdout.strip() == "True"
    except (OSError, subprocess.TimeoutExpired):
        return False


def _make(interpreter: str) -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    _uv("venv", "--python", interpreter, str(FOLDER))
    _uv("pip", "install", "--python", str(python()), "--require-hashes", "-r", str(LOCK))
    with tempfile.TemporaryDirectory() as scratch:
        _uv(
            "pip", "install", "--python", str(python()), "--no-deps", "--require-hashes",
            "--target", scratch, "-r", str(PROTOS_LOCK),
        )  # fmt: skip
        shutil.copytree(Path(scratch) / "tests" / "protos", protos() / "function_protos")


def _uv(*words: str) -> None:
    done = subprocess.run([str(UV), *words, "--quiet"], capture_output=True, text=True)
    if done.returncode:
        raise NoPython313(
            f"The environment for Python 3.13 could not be made: {done.stderr.strip()}",
            next="mend what uv says, then `python -m tests.conformance`",
        )


def _wanted() -> str:
    return hashlib.sha256(LOCK.read_bytes() + PROTOS_LOCK.read_bytes()).hexdigest()
