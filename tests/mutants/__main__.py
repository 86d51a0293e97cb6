"""Mutation testing of the rules that decide: do their unit tests notice when a rule is changed?

    .venv/bin/python -m tests.mutants            both groups
    .venv/bin/python -m tests.mutants policy     one of them

mutmut changes one thing at a time (a comparison, a number, a word, an argument) and runs the group's unit tests, which are pure and
need no simulation. It works on a copy in a temporary folder, so the tree is not touched. The exit code is 1 where fewer
than 95 % of a group's mutants die. Survivors are listed; docs/evidence.md has the reason for each that is left.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEAST_KILLED = 0.95
KILLED = ("killed", "timeout", "suspicious", "segfault", "caught by type check")


@dataclass(frozen=True, slots=True)
class Group:
    """What is mutated, and the unit tests that must notice."""

    mutated: Sequence[str]
    tests: Sequence[str]


GROUPS: Mapping[str, Group] = {
    "policy": Group(
        ("shared/policy.py", "shared/budgets.py", "shared/spending.py", "shared/hysteresis.py"),
        ("tests/unit/test_policy_rules.py", "tests/unit/test_hysteresis.py"),
    ),
    "gates": Group(("shared/gates.py", "shared/verdict.py"), ("tests/unit/test_gates.py",)),
}
CONFIG = """\
[tool.mutmut]
source_paths = ["shared"]
only_mutate = [{mutated}]
pytest_add_cli_args_test_selection = [{tests}]
pytest_add_cli_args = ["-p", "no:cacheprovider"]
also_copy = ["tests"]
[tool.pytest.ini_options]
addopts = "-q -x --hypothesis-profile=ci"
"""


def run(group: Group, home: Path) -> dict[str, str]:
    """Mutate and test in a folder of its own; the result of each mutant by its name."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "shared", home / "shared", ignore=ignored)
    for name in group.tests:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, home / name)
    texts = {"mutated": group.mutated, "tests": group.tests}
    lists = {name: ", ".join(f'"{one}"' for one in values) for name, values in texts.items()}
    (home / "pyproject.toml").write_text(CONFIG.format(**lists))
    mutmut = [str(ROOT / ".venv/bin/mutmut")]
    subprocess.run([*mutmut, "run", "--max-children", "2"], cwd=home, check=False, stdout=subprocess.DEVNULL)
    told = subprocess.run([*mutmut, "results", "--all", "true"], cwd=home, check=True, capture_output=True, text=True)
    lines = (line.strip().split(": ", 1) for line in told.stdout.splitlines() if ": " in line)
    return {parts[0]: parts[1] for parts in lines}


def change(name: str, home: Path) -> str:
    """What a mutant changed, as the two lines of its diff."""
    shown = subprocess.run(
        [str(ROOT / ".venv/bin/mutmut"), "show", name], cwd=home, check=False, capture_output=True, text=True
    )
    changed = [line for line in shown.stdout.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return "\n".join(f"    {line}" for line in changed)


def report(name: str, group: Group) -> bool:
    """Run a group, say what came of it, and whether enough died."""
    with tempfile.TemporaryDirectory(prefix="baton-mutants-") as folder:
        home = Path(folder)
        found = run(group, home)
        counts = Counter(found.values())
        dead = sum(count for result, count in counts.items() if result in KILLED)
        share = dead / len(found) if found else 0.0
        print(f"{name}: {dead} of {len(found)} mutants killed, {share:.1%} ({dict(counts)})", flush=True)
        for mutant, result in found.items():
            if result not in KILLED:
                print(f"  {result}: {mutant}\n{change(mutant, home)}", flush=True)
    return share >= LEAST_KILLED


def main() -> int:
    """Run the named groups, or all."""
    names = sys.argv[1:] or list(GROUPS)
    results = [report(name, GROUPS[name]) for name in names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
