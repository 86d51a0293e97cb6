"""What is changed: every mutant of a module, one small change in one statement each, as mutmut's operators make them.

mutmut itself changes plain functions only. Here the properties of classes, their fields' defaults and the tables and limits of
the module are changed as well, since they decide, too. Left out are imports, `__all__`, names of types, docstrings and
decorators: nothing decides by them.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import MutationVisitor, deep_replace
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

TYPES = ("Rule", "Answer", "Document", "Window", "Broken", "State", "Heard", "Sentences")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: where, the lines before and after it, which of several alike, and the whole statement with the change."""

    path: str
    within: str
    was: str
    now: str
    number: int
    line: int
    statement: int
    source: str

    @property
    def key(self) -> str:
        """Its name, which stays while the lines that it changes do."""
        alike = f" ({self.number})" if self.number else ""
        return f"{self.path}: {self.within}: {self.was}  ->  {self.now}{alike}"


class _Visitor(MutationVisitor):
    """mutmut's, but properties are mutated, and names of types and what is exported are not."""

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef) and [_name(each.decorator) for each in node.decorators] == ["property"]:
            return False
        if isinstance(node, cst.Assign) and _name(node.targets[0].target) in ("__all__", *TYPES):
            return True
        if isinstance(node, cst.If) and _name(node.test) == "TYPE_CHECKING":
            return True
        return super()._skip_node_and_children(node)


def _name(node: cst.CSTNode) -> str:
    return node.value if isinstance(node, cst.Name) else ""


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """All mutants of a file that Python can read."""
    wrapper = MetadataWrapper(cst.parse_module((root / path).read_text()))
    visitor = _Visitor(mutation_operators, IgnoredCode(set(), set(), set()))
    module = wrapper.visit(visitor)
    lines = wrapper.resolve(PositionProvider)
    owner = {id(node): place for place, statement in enumerate(module.body) for node in _all(statement)}
    texts = [module.code_for_node(statement) for statement in module.body]
    seen: Counter[tuple[str, str, str]] = Counter()
    found = []
    for mutation in visitor.mutations:
        place = owner[id(mutation.original_node)]
        statement = module.body[place]
        mutated = deep_replace(statement, mutation.original_node, mutation.mutated_node)
        source = module.code_for_node(mutated)  # type: ignore[arg-type]
        if not _is_python(source):
            continue
        was, now = _changed(texts[place], source)
        inner = mutation.contained_by_top_level_function
        within = _within(statement, inner)
        line = lines[mutation.original_node].start.line
        found.append(Mutant(path, within, was, now, seen[within, was, now], line, place, source))
        seen[within, was, now] += 1
    return found


def unchanged(root: Path, mutants: Sequence[Mutant]) -> list[Mutant]:
    """The statements that the mutants change, in their order and as they are: put in, they must change nothing."""
    first = {(each.path, each.statement): each for each in reversed(mutants)}
    modules = {path: cst.parse_module((root / path).read_text()) for path, _ in first}
    return [
        replace(first[path, place], now="", source=modules[path].code_for_node(modules[path].body[place]))
        for path, place in sorted(first)
    ]


def _all(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _all(child)


def _is_python(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _changed(before: str, after: str) -> tuple[str, str]:
    """The lines that differ, each side on one line."""
    old, new = before.splitlines(), after.splitlines()
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return " ".join(line.strip() for line in old), " ".join(line.strip() for line in new)


def _within(statement: cst.CSTNode, inner: cst.CSTNode | None) -> str:
    names = [each.name.value for each in (statement, inner) if isinstance(each, cst.ClassDef | cst.FunctionDef)]
    return ".".join(dict.fromkeys(names)) or "(module)"


def lines_of(root: Path, mutant: Mutant) -> range | None:
    """The lines of the statement in a function that is changed, of an `if` or a loop its head; None outside of functions."""
    found = None
    for function in ast.walk(_tree(root / mutant.path)):
        if isinstance(function, ast.FunctionDef) and mutant.line >= function.body[0].lineno:
            for node in ast.walk(function):
                if isinstance(node, ast.stmt) and node is not function and mutant.line in (span := _head(node)):
                    found = span
    return found


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def _head(node: ast.stmt) -> range:
    body = getattr(node, "body", None)
    end = body[0].lineno - 1 if body else (node.end_lineno or node.lineno)
    return range(node.lineno, max(end, node.lineno) + 1)
