"""Tools from npm that the tests use, each installed by its own lock into `.baton`."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from tests.documents import ROOT

PATH = f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"


def install(locked: Path) -> Path:
    """The folder with what `locked/package-lock.json` names; `npm ci` puts it there. Repeatable, and safe beside another session."""
    home = ROOT / ".baton" / locked.name
    home.mkdir(parents=True, exist_ok=True)
    with (home / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = (locked / "package-lock.json").read_bytes()
        kept = home / "package-lock.json"
        if not (home / "node_modules/.package-lock.json").exists() or kept.read_bytes() != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(locked / name, home / name)
            call("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", folder=home)
    return home


def call(*words: str, asked: str = "", folder: Path = ROOT) -> str:
    """What a program of Node printed."""
    program = shutil.which(words[0], path=PATH)
    assert program, f"{words[0]} is not there; `make setup` installs it"
    environment = {**os.environ, "PATH": PATH}
    done = subprocess.run(
        (program, *words[1:]), input=asked, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
