"""`python -m tests.spark.environment` makes the environment with pyspark from its lock; and what this machine lacks to run it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.locked import Environment

SPARK = Environment("spark")
JAVA_LEAST = 17


def python() -> Path:
    """The environment's interpreter."""
    return SPARK.python


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
    return "" if SPARK.is_made() else "its environment is not made; `make spark` makes it (820 MB)"


if __name__ == "__main__":
    SPARK.make()
