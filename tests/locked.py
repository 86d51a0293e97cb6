"""Environments of their own, made from a lock: for a tool whose pins clash with ours, or that is too heavy for every machine."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")


@dataclass(frozen=True, slots=True)
class Environment:
    """`.baton/envs/<name>`, made from `requirements-<name>.txt`, with the Python that runs this."""

    name: str

    @property
    def folder(self) -> Path:
        return PROJECT / ".baton" / "envs" / self.name

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"

    def make(self) -> Path:
        """Have it as the lock says; returns its interpreter. Safe to repeat, which takes no time, and to race."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self.folder.with_suffix(".lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if not self.is_made():
                shutil.rmtree(self.folder, ignore_errors=True)
                _uv("venv", "--no-project", "--python", sys.executable, str(self.folder))
                _uv("pip", "install", "--python", str(self.python), "--require-hashes", "-r", str(self._lock))
                self._stamp.write_text(self._wanted())
        return self.python

    def is_made(self) -> bool:
        """Whether it is there, from the lock as it is now."""
        return self.python.exists() and self._stamp.exists() and self._stamp.read_text() == self._wanted()

    @property
    def _lock(self) -> Path:
        return PROJECT / f"requirements-{self.name}.txt"

    @property
    def _stamp(self) -> Path:
        return self.folder / "made-from"

    def _wanted(self) -> str:
        return hashlib.sha256(self._lock.read_bytes()).hexdigest()


def _uv(*words: str) -> None:
    subprocess.run([str(UV), *words, "--quiet"], check=True)
