"""Can the properties fail? For each property test of a group, a mutant of which what it asserts is untrue.

    .venv/bin/python -m tests.mutants.properties             both groups
    .venv/bin/python -m tests.mutants.properties policy

In `tests.mutants` a property seldom comes first, since it takes longest: that a mutant was noticed says little about it. The exit code is 1
where a property notices none of `TRIED` mutants of what it runs.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tomllib
import traceback
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import libcst as cst
import pytest

from tests.mutants.__main__ import GROUPS, ROOT
from tests.mutants.making import Mutant, mutants_of
from tests.mutants.trying import Trial, failure, run

TRIED = 200


class Proof(Trial):
    """As a trial, but each property is asked until it notices a mutant."""

    def share(self, number: int, items: Mapping[str, pytest.Item], took: Mapping[str, float]) -> bool:
        """Ask a worker's share of the properties; False where one noticed nothing, or where there is none at all."""
        found = [*properties(items).items()]
        if not found:
            print("there is no property among the tests", flush=True)
        mine = found[number :: self.workers]
        return bool(found) and sum(self._proven(name, part) for name, part in mine) == len(mine)

    def notices(self, item: pytest.Item) -> bool:
        """Whether what the test asserts is untrue; that it breaks down says nothing of it."""
        error = failure(item)
        if not isinstance(error, AssertionError):
            return False
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        return "tests" in Path(frame.f_code.co_filename).relative_to(self.root).parts

    def _proven(self, name: str, items: Mapping[str, pytest.Item]) -> bool:
        drawn = random.Random(name).sample(self.mutants, len(self.mutants))
        tried = 0
        for mutant in [*by_hand(self.root, name.partition("::")[2]), *drawn]:
            reached = sorted(self.tests_of(mutant) & {*items})
            if not reached or tried == TRIED:
                continue
            tried += 1
            if self.noticed_by(mutant, [items[one] for one in reached]) in reached:
                self.told(mutant, f"{name}, the {tried}. that was tried")
                return True
        print(f"{name} NOTICES NONE of {tried}", flush=True)
        return False


def by_hand(root: Path, test: str) -> list[Mutant]:
    """The changes that `by_hand.toml` has for a property."""
    found = []
    for change in tomllib.loads((root / "tests/mutants/by_hand.toml").read_text())["change"]:
        path, was, now = change["path"], change["was"], change["now"]
        text = (root / path).read_text()
        assert text.count(was) == 1, f"{path} has not once: {was}"
        if change["test"] == test:
            module = cst.parse_module(text)
            sources = [module.code_for_node(statement) for statement in module.body]
            (place,) = [place for place, source in enumerate(sources) if was in source]
            line = text[: text.index(was)].count("\n") + 1
            found.append(Mutant(path, "by hand", was, now, 0, line, place, sources[place].replace(was, now)))
    return found


def properties(items: Mapping[str, pytest.Item]) -> Mapping[str, Mapping[str, pytest.Item]]:
    """The tests that draw what they try, or try every order of it, by name, each with its parameters."""
    found: dict[str, dict[str, pytest.Item]] = defaultdict(dict)
    for name, item in items.items():
        is_drawn = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if is_drawn or "_order_" in name or "_misses_" in name:
            found[name.partition("[")[0]][name] = item
    return found


def main() -> int:
    """Ask the properties of the named groups, or of all."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants.properties", description="can the properties fail?")
    parser.add_argument("groups", nargs="*", choices=[[], *GROUPS], help="policy, gates or both")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes at once")
    asked = parser.parse_args()
    failed = [name for name in asked.groups or GROUPS if not _asked(name, asked.workers)]
    return 1 if failed else 0


def _asked(name: str, workers: int) -> bool:
    group = GROUPS[name]
    mutants = [mutant for path in group.paths for mutant in mutants_of(ROOT, path)]
    proof = Proof(ROOT, group.paths, mutants, workers, lambda mutant, said: print(f"{said}: {mutant.key}", flush=True))
    run(proof, [*group.tests, *group.paths])
    if proof.failed:
        print(f"{name}: {proof.failed}")
    return not proof.failed


if __name__ == "__main__":
    sys.exit(main())
