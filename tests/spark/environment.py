"""`python -m tests.spark.environment` makes the environment with pyspark from its lock; and what this machine lacks to run it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / ".baton" / "envs" / "spark"
LOCK = PROJECT / "requirements-spark.txt"
UV = Path(sys.executable).with_name("uv")
JAVA_LEAST = 17


def python() -> Path:
    """The environment's interpreter."""
    return FOLDER / "bin" / "python"


def make() -> None:
    """Have it as the lock says. Safe to repeat, which takes no time, and to race."""
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made():
            shutil.rmtree(FOLDER, ignore_errors=True)
            _uv("venv", "--no-project", "--python", sys.executable, str(FOLDER))
            _uv("pip", "install", "--python", str(python()), "--require-hashes", "-r", str(LOCK))
            _stamp().write_text(_wanted())


def is_made() -> bool:
    """Whether it is there, from the lock as it is now."""
    return python().exists() and _stamp().exists() and _stamp().read_text() == _wanted()


def lacks() -> str:
    """Why Spark cannot run here; empty if it can."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not java or not Path(java).exists():
        return f"there is no Java here; install Java {JAVA_LEAST} (Debian: openjdk-17-jre-headless), then `make spark`"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    number = said.partition('version "')[2].partition(".")[0].partition('"')[0]
    if not number.isdigit() or int(number) < JAVA_LEAST:
        return f"Java {JAVA_LEAST} is needed, {java} says {said.splitlines()[:1]}; then `make spark`"
    return "" if is_made() else "its environment is not made; `make spark` makes it (820 MB)"


def _stamp() -> Path:
    return FOLDER / "made-from"


def _wanted() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def _uv(*words: str) -> None:
    subprocess.run([str(UV), *words, "--quiet"], check=True)


if __name__ == "__main__":
    make()
