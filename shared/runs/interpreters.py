"""Pythons of other versions on this machine, for a check that tries a model under one."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

FOUND, MISSING = "python ", "no python "
"""Beginnings of the roles in BATON_PYTHONS: "python 3.13" names an interpreter, "no python 3.13" why there is none."""
ASK = "import sys; print('%d.%d' % sys.version_info[:2])"
ANSWER_SECONDS = 20


def installed(version: str, environment: Mapping[str, str] | None = None) -> Path | None:
    """The first interpreter of this version (3.13) on PATH, of pyenv or of uv, that starts and says so; None if there is none.

    A name on PATH proves nothing: pyenv's stands there also for versions that it does not start.
    """
    if not re.fullmatch(r"3\.[0-9]{1,2}", version):
        return None
    candidates = _candidates(version, os.environ if environment is None else environment)
    return next((python for python in candidates if _says(python) == version), None)


def others(pythons: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Of a run's interpreters by role those of other versions, by version.

    >>> others({"folder": "/a", "python 3.13": "/b", "no python 3.14": "there is none"})
    {'3.13': {'python': '/b'}, '3.14': {'missing': 'there is none'}}
    """
    found: dict[str, dict[str, str]] = {}
    for beginning, name in ((FOUND, "python"), (MISSING, "missing")):
        found |= {
            role.removeprefix(beginning): {name: told} for role, told in pythons.items() if role.startswith(beginning)
        }
    return found


def _candidates(version: str, environment: Mapping[str, str]) -> Iterator[Path]:
    for place in environment.get("PATH", "").split(os.pathsep):
        if place and (python := Path(place) / f"python{version}").is_file():
            yield python
    home = Path(environment.get("HOME", "/nowhere"))
    for root in (Path(environment.get("PYENV_ROOT", home / ".pyenv")) / "versions", home / ".local/share/uv/python"):
        yield from sorted(root.glob(f"*{version}*/bin/python{version}"))


def _says(python: Path) -> str:
    try:
        told = subprocess.run(
            [python, "-I", "-c", ASK], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ANSWER_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip()
