"""Every command that a log line or the demo names as the next step really runs, against the demo's own stack."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import PROJECT, Demo

COMMAND = re.compile(r"\bbaton [a-z][^`;]*?(?=`| shows| or baton| goes| judges|; |$)")
PLACEHOLDERS = {"...": "because of a test", "MODEL": "diabetes", "RELEASE": "diabetes-0001", "FILE": "README.md"}


def _next_commands(demo: Demo) -> list[str]:
    texts = [json.loads(match) for match in re.findall(r'next=("(?:[^"\\]|\\.)*")', demo.log)]
    return sorted({found.strip() for text in texts for found in COMMAND.findall(text)})


def _run(demo: Demo, command: str) -> subprocess.CompletedProcess[str]:
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(command)[1:]]
    baton = Path(sys.executable).with_name("baton")
    env = {**os.environ, "BATON_HOME": str(demo.home)}
    return subprocess.run(
        [str(baton), *words], cwd=PROJECT, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_every_next_step_in_the_log_runs(demo: Demo) -> None:
    commands = _next_commands(demo)
    assert any(command.startswith("baton approve") for command in commands)
    for command in commands:
        ended = _run(demo, command)
        assert ended.returncode in (0, 1, 2), (command, ended)
        assert "Traceback" not in ended.stderr, (command, ended.stderr)
        assert "No such command" not in ended.stderr, (command, ended.stderr)
        assert "Usage:" not in ended.stderr, (command, ended.stderr)


def test_status_and_explain_tell_the_demos_story(demo: Demo) -> None:
    assert "diabetes" in _run(demo, "baton status").stdout
    explained = _run(demo, "baton explain diabetes-0003").stdout
    assert re.search(r"gain -[\d.]+, lower bound -[\d.]+, must be above 0", explained)


def test_doctor_finds_the_demos_stack_in_order(demo: Demo) -> None:
    ended = _run(demo, "baton doctor")
    assert ended.returncode == 0, ended.stdout + ended.stderr
