"""Mutation testing of the rules that decide: do their unit tests notice when a rule is changed?

    .venv/bin/python -m tests.mutants                          both groups, goes on where it was stopped
    .venv/bin/python -m tests.mutants policy                   one of them
    .venv/bin/python -m tests.mutants gates --sample 100 --seed 7
    .venv/bin/python -m tests.mutants gates --survivors        only those that lived when they were last tried

Each mutant is one small change (a comparison, a number, a word, an argument; `making.py`), tried with the unit tests that reach it
and play no installation (`trying.py`). What was found is kept in .baton/mutants.jsonl as long as rules and tests stay the
same. The exit code is 1 where fewer than 95 % of a group's mutants die, or where one lives that `alive.toml` gives no reason for.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.making import Mutant, mutants_of
from tests.mutants.trying import Trial, lives, run

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".baton/mutants.jsonl"
ALIVE = Path(__file__).with_name("alive.toml")
LEAST_KILLED = 0.95
IMPORTED = re.compile(r"from (shared[\w.]*) import ([\w, ]+)")


@dataclass(frozen=True, slots=True)
class Group:
    """What is mutated, and the unit tests that must notice."""

    modules: Sequence[str]
    tests: Sequence[str]

    @property
    def paths(self) -> list[str]:
        """The files that are mutated."""
        return [f"shared/{name}.py" for name in self.modules]

    @property
    def digest(self) -> str:
        """Changes with any file that may change a result: the rules, the modules that they import, and the tests."""
        files = [*sorted(_reached({ROOT / path for path in self.paths})), *(ROOT / name for name in self.tests)]
        return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _all_of(package: str) -> list[str]:
    """Every module of a package, those that are written tomorrow as well."""
    return sorted(f"{package}/{file.stem}" for file in (ROOT / "shared" / package).glob("[!_]*.py"))


GROUPS: Mapping[str, Group] = {
    "policy": Group(
        ["policy", *_all_of("retraining"), "performing/breaker"],
        [
            f"tests/unit/test_{name}.py"
            for name in (
                *("policy_rules", "policy_answers", "hysteresis", "batches", "quiet"),
                *("schedule_rules", "breaker_rules"),
            )
        ],
    ),
    "gates": Group(
        ["gates", *_all_of("gating"), "certificates/certificate", "certificates/declared_checks"],
        [
            f"tests/unit/test_{name}.py"
            for name in (
                *("gates", "gate_answers", "certificate_answers", "gate_properties", "gate_breaks"),
                *("declared_checks", "holdout_budget", "gate_sentences", "sanity_gates"),
                *("sanity_answers", "guard_and_slice_answers", "holdout_budget_answers", "limit_answers"),
            )
        ],
    ),
}


def _reached(files: set[Path]) -> set[Path]:
    """The files, and those of `shared` that they import, and so on."""
    named = {name for file in files for name in IMPORTED.findall(file.read_text())}
    places = {(package.replace(".", "/"), part.strip()) for package, parts in named for part in parts.split(",")}
    modules = {ROOT / name for place, part in places for name in (f"{place}.py", f"{place}/{part}.py")}
    found = files | {file for file in modules if file.exists()}
    return found if found == files else _reached(found)


def remembered() -> dict[str, dict[str, str]]:
    """What was found last of each mutant."""
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    return {entry["key"]: entry for entry in map(json.loads, lines)}


def report(name: str, asked: argparse.Namespace) -> bool:
    """Try a group, say what came of it, and whether enough died and all that live have a reason."""
    group, began = GROUPS[name], time.monotonic()
    mutants = [mutant for path in group.paths for mutant in mutants_of(ROOT, path)]
    known, digest = remembered(), group.digest
    if asked.survivors:
        mutants = [each for each in mutants if lives(known.get(each.key, {}).get("noticed", ""))]
    if asked.sample:
        mutants = random.Random(asked.seed).sample(mutants, min(asked.sample, len(mutants)))
    new = [each for each in mutants if known.get(each.key, {}).get("digest") != digest]

    def told(mutant: Mutant, noticed: str) -> None:
        line = json.dumps({"key": mutant.key, "digest": digest, "noticed": noticed}) + "\n"
        with KEPT.open("a") as kept:
            kept.write(line)

    KEPT.parent.mkdir(exist_ok=True)
    trial = Trial(ROOT, group.paths, new, asked.workers, told)
    if new:
        run(trial, [*group.tests, *group.paths])
        if trial.failed:
            print(f"{name}: {trial.failed}")
            return False
    found = {key: entry["noticed"] for key, entry in remembered().items() if entry["digest"] == digest}
    found = {each.key: found[each.key] for each in mutants}
    seconds = f"{len(new)} tried in {time.monotonic() - began:.0f} s" if new else "none tried again"
    unit = f"; {trial.tests} tests in {trial.seconds:.1f} s of computing" if new else ""
    return _told(name, found, f"{seconds}{unit}", whole=not (asked.sample or asked.survivors))


def _told(name: str, found: Mapping[str, str], beside: str, *, whole: bool) -> bool:
    alive = [key for key, noticed in found.items() if lives(noticed)]
    reasons: Mapping[str, str] = tomllib.loads(ALIVE.read_text())[name]
    dead = len(found) - len(alive)
    share = dead / len(found) if found else 0.0
    by_file = Counter(key.split(":")[0] for key in found), Counter(key.split(":")[0] for key in alive)
    print(f"{name}: {dead} of {len(found)} mutants noticed, {share:.1%} ({beside})")
    for path, count in by_file[0].items():
        print(f"  {path}: {count - by_file[1][path]} of {count}")
    for key in alive:
        print(f"  alive: {key}{f' [{found[key]}]' if found[key] else ''}\n    {reasons.get(key, 'WHY?')}")
    stale = [key for key in reasons if not lives(found.get(key, "noticed"))] if whole else []
    for key in stale:
        print(f"  alive.toml lists what does not live: {key}")
    return share >= LEAST_KILLED and not stale and all(key in reasons for key in alive)


def main() -> int:
    """Try the named groups, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="mutants of the rules that decide")
    parser.add_argument("groups", nargs="*", choices=[[], *GROUPS], help="policy, gates or both")
    parser.add_argument("--sample", type=int, default=0, help="so many of them, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="what the sample is drawn by")
    parser.add_argument("--survivors", action="store_true", help="only those that lived when they were last tried")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes at once")
    asked = parser.parse_args()
    results = [report(name, asked) for name in asked.groups or GROUPS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
