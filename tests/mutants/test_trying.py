"""A trial that could not be done is no pass, and says why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.locked import PROJECT

TOLD = """
import sys
from pathlib import Path
from tests.mutants.making import mutants_of
from tests.mutants.properties import Proof
from tests.mutants.trying import Trial, run


def told(mutant, noticed):
    raise OSError("no space left for what was found")


root = Path(sys.argv[1])
sys.path.insert(0, str(root))
trial = {kind}(root, ["rule.py"], mutants_of(root, "rule.py"), 1, told)
run(trial, ["test_one.py"])
print("FAILED:", trial.failed)
"""


def tried(folder: Path, tests: str, *, kind: str = "Trial", rule: str = "") -> str:
    """What is told of a trial of this rule with these tests, in a process of its own."""
    (folder / "rule.py").write_text(rule)
    (folder / "test_one.py").write_text(tests)
    command = [sys.executable, "-c", TOLD.format(kind=kind), str(folder)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_what_can_be_tried_is_tried(tmp_path: Path) -> None:
    assert tried(tmp_path, "def test_one():\n    assert True\n").endswith("FAILED: \n")


@pytest.mark.parametrize(
    ("tests", "why"),
    [
        ("import nothing_of_that_name\n", "not all collected and tried: pytest ended with"),
        ("def test_one():\n    assert False\n", "test_one fails without any mutant"),
        ("def test_one():\n    raise SystemExit('gone')\n", "the tests could not be run: broke: SystemExit('gone')"),
    ],
)
def test_tests_that_cannot_be_run_are_no_pass(tmp_path: Path, tests: str, why: str) -> None:
    assert why in tried(tmp_path, tests)


def test_why_a_worker_ended_is_told(tmp_path: Path) -> None:
    told = tried(tmp_path, "def test_one():\n    assert True\n", rule="LEAST = 10\n")
    assert "OSError: no space left for what was found" in told
    assert "FAILED: not done; why stands above" in told


def test_a_group_without_a_property_is_no_pass(tmp_path: Path) -> None:
    told = tried(tmp_path, "def test_one():\n    assert True\n", kind="Proof")
    assert "there is no property among the tests" in told
    assert "FAILED: not done" in told
