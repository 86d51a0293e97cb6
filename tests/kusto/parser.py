"""Microsoft's own Kusto parser (`@kusto/language-service-next`), run in Node: what it finds wrong with a query."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.documents import ROOT

LOCKED = Path(__file__).parent
HOME = ROOT / ".baton" / "kusto"
PATH = f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
# Of the tables of Log Analytics, what our queries may read (azure-monitor reference, tables AppTraces): name to columns.
TABLES = {
    "AppTraces": "(TimeGenerated:datetime, Message:string, SeverityLevel:int, OperationId:string, AppRoleName:string)"
}


def install() -> Path:
    """The folder that the parser is in; `npm ci` puts it there by its lock. Repeatable, and safe beside another session."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = (LOCKED / "package-lock.json").read_bytes()
        kept = HOME / "package-lock.json"
        if not (HOME / "node_modules/.package-lock.json").exists() or kept.read_bytes() != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(LOCKED / name, HOME / name)
            _call("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", folder=HOME)
    return HOME


def faults(queries: Mapping[str, str]) -> dict[str, list[str]]:
    """The diagnostics of every query that has any, by the query's name."""
    asked = json.dumps({"tables": TABLES, "queries": dict(queries)})
    found: dict[str, list[str]] = json.loads(_call("node", str(LOCKED / "check.js"), str(install()), asked=asked))
    return found


def _call(*words: str, asked: str = "", folder: Path = ROOT) -> str:
    program = shutil.which(words[0], path=PATH)
    assert program, f"{words[0]} is not there; `make setup` installs it"
    environment = {**os.environ, "PATH": PATH}
    done = subprocess.run(
        (program, *words[1:]), input=asked, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
