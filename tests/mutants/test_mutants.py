"""The mutants themselves: each kind of change is made, takes effect where it was imported, and names its lines."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.mutants.making import Mutant, lines_of, mutants_of, unchanged
from tests.mutants.putting import NoImport, put_in
from tests.mutants.trying import BROKE, ENDLESS, SURVIVED, UNREACHED, lives

RULE = '''"""A rule."""

from dataclasses import dataclass, field

__all__ = ["Limits", "is_enough"]
LEAST = 10
WORDS = {"least": LEAST}


@dataclass(frozen=True)
class Limits:
    """What is asked."""

    most: int = 20
    names: list = field(default_factory=list)

    @property
    def half(self):
        """Half of it."""
        return self.most / 2


USUAL = Limits()


def is_enough(rows, at=3):
    """Whether so many are enough."""
    if (
        rows >= LEAST
    ):
        return True
    return rows > at
'''


@pytest.fixture
def rule(tmp_path: Path) -> Iterator[ModuleType]:
    """The module, loaded as if it were one of the product's."""
    (tmp_path / "rule.py").write_text(RULE)
    made = importlib.util.spec_from_file_location("tests.mutated_rule", tmp_path / "rule.py")
    assert made is not None
    assert made.loader is not None
    module = importlib.util.module_from_spec(made)
    sys.modules["tests.mutated_rule"] = module
    made.loader.exec_module(module)
    yield module
    del sys.modules["tests.mutated_rule"]


def one(root: Path, was: str, now: str) -> Mutant:
    (found,) = [mutant for mutant in mutants_of(root, "rule.py") if (mutant.was, mutant.now) == (was, now)]
    return found


def test_a_changed_function_changes_for_whoever_holds_it(rule: ModuleType, tmp_path: Path) -> None:
    held = rule.is_enough
    put_in(one(tmp_path, "rows >= LEAST", "rows > LEAST"), rule, tmp_path)
    assert [held(rows, at=99) for rows in (10, 11)] == [False, True]


def test_a_changed_default_of_a_function_and_of_a_field_changes(rule: ModuleType, tmp_path: Path) -> None:
    put_in(one(tmp_path, "def is_enough(rows, at=3):", "def is_enough(rows, at=4):"), rule, tmp_path)
    put_in(one(tmp_path, "most: int = 20", "most: int = 21"), rule, tmp_path)
    assert (rule.is_enough(4), rule.Limits().most, rule.USUAL.most) == (False, 21, 21)


def test_a_changed_property_changes_in_objects_that_are_there(rule: ModuleType, tmp_path: Path) -> None:
    held = rule.Limits()
    put_in(one(tmp_path, "return self.most / 2", "return self.most * 2"), rule, tmp_path)
    assert held.half == 40


def test_a_changed_number_changes_where_it_was_imported_and_what_was_made_of_it(
    rule: ModuleType, tmp_path: Path
) -> None:
    importer = ModuleType("tests.importer")
    importer.LEAST = rule.LEAST  # type: ignore[attr-defined]
    sys.modules["tests.importer"] = importer
    put_in(one(tmp_path, "LEAST = 10", "LEAST = 11"), rule, tmp_path)
    del sys.modules["tests.importer"]
    assert (importer.LEAST, rule.WORDS, rule.is_enough(10, at=99)) == (11, {"least": 11}, False)  # type: ignore[attr-defined]


def test_a_field_that_is_made_otherwise_changes_how_objects_are_made(rule: ModuleType, tmp_path: Path) -> None:
    made = "names: list = field(default_factory=list)"
    put_in(one(tmp_path, made, "names: list = None"), rule, tmp_path)
    assert (rule.Limits().names, rule.USUAL.names) == (None, None)


def test_what_python_could_not_import_is_told_apart_from_what_could_not_be_put_in(
    rule: ModuleType, tmp_path: Path
) -> None:
    made = "names: list = field(default_factory=list)"
    with pytest.raises(NoImport, match="not callable"):
        put_in(one(tmp_path, made, "names: list = field(default_factory=None)"), rule, tmp_path)
    found = [lives(noticed) for noticed in (SURVIVED, UNREACHED, f"{BROKE} KeyError()", ENDLESS, "tests/a.py::test_b")]
    assert found == [True, True, True, False, False]


def test_each_statement_put_in_as_it_is_changes_nothing(rule: ModuleType, tmp_path: Path) -> None:
    statements = unchanged(tmp_path, mutants_of(tmp_path, "rule.py"))
    names = [
        "LEAST = 10",
        'WORDS = {"least": LEAST}',
        "@dataclass(frozen=True)",
        "USUAL = Limits()",
        "def is_enough(rows, at=3):",
    ]
    assert [each.source.strip().splitlines()[0] for each in statements] == names
    held, usual = rule.is_enough, rule.USUAL
    for each in statements:
        put_in(each, rule, tmp_path)
    assert [held(rows) for rows in (3, 4, 9, 10)] == [False, True, True, True]
    assert (rule.USUAL, usual.half, rule.WORDS) == (rule.Limits(), 10.0, {"least": 10})


def test_what_nothing_decides_by_is_not_changed(rule: ModuleType, tmp_path: Path) -> None:
    changed = [mutant.was for mutant in mutants_of(tmp_path, "rule.py")]
    assert not [line for line in changed if "__all__" in line or "frozen" in line or '"""' in line]
    assert rule.__all__ == ["Limits", "is_enough"]


def test_the_tests_of_a_mutant_are_those_that_reach_its_statement(tmp_path: Path, rule: ModuleType) -> None:
    assert rule.LEAST == 10
    lines = {
        name: lines_of(tmp_path, one(tmp_path, *name))
        for name in (("rows >= LEAST", "rows > LEAST"), ("LEAST = 10", "LEAST = 11"))
    }
    begin = RULE.splitlines().index("    if (") + 1
    assert [*lines.values()] == [range(begin, begin + 3), None]
