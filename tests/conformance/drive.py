"""Runs both sides on one app, each in a process of its own, and keeps their reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance import environment

THEIRS = Path(__file__).with_name("theirs.py")
Settings = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What both sides saw of an app; the same is in `ours.json` and `theirs.json` of the folder."""

    ours: dict[str, Any]
    theirs: dict[str, Any]


def drive(app: Path, folder: Path, *, ours: Settings, theirs: Settings) -> Seen:
    """Drive the app through both sides, each with its settings; the folder receives cases and reports."""
    folder.mkdir(parents=True, exist_ok=True)
    cases, our_report, their_report = (folder / f"{name}.json" for name in ("cases", "ours", "theirs"))
    _run([sys.executable, "-m", "tests.conformance.ours"], ours, app=app, cases=cases, out=our_report)
    python = [str(environment.python()), "-P", str(THEIRS)]
    _run(python, theirs, app=app, cases=cases, protos=environment.protos(), out=their_report)
    return Seen(json.loads(our_report.read_text()), json.loads(their_report.read_text()))


def _run(command: list[str], settings: Settings, **options: Path) -> None:
    words = [*command, *(word for name, path in options.items() for word in (f"--{name}", str(path)))]
    done = subprocess.run(
        words,
        cwd=environment.PROJECT,
        env={**os.environ, "PYTHONHASHSEED": "0", **settings},  # sets in answers have one order on both sides
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
