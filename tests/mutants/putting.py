"""Putting a mutant into the modules that this process has loaded. Done in a process of its own, it is gone with it.

Objects stay who they are, so that whoever imported a function or a class calls the changed one: a function gets the code and
the defaults of the changed one, a class those of its methods. What a changed statement of the module computes replaces the
old value wherever it was imported by its name, and so does what later statements of the module make of it or of a changed class.
"""

from __future__ import annotations
import __future__

import ast
import sys
from pathlib import Path
from types import FunctionType, ModuleType

from tests.mutants.making import Mutant

FLAGS = __future__.annotations.compiler_flag


class NoImport(Exception):
    """A changed statement of the module raises: Python could not import it."""


def put_in(mutant: Mutant, module: ModuleType, root: Path) -> None:
    """Change the loaded module. Raises NoImport where Python could not import it so."""
    space = dict(vars(module))
    _run(mutant.source, space)
    node = ast.parse(mutant.source).body[0]
    if isinstance(node, ast.FunctionDef):
        _become(vars(module)[node.name], space[node.name])
        return
    if isinstance(node, ast.ClassDef):
        _become_class(vars(module)[node.name], space[node.name])
        space[node.name] = vars(module)[node.name]
    for later in ast.parse((root / mutant.path).read_text()).body[mutant.statement + 1 :]:
        if isinstance(later, ast.Assign | ast.AnnAssign):
            _run(ast.unparse(later), space)
    _rebind(dict(vars(module)), space)


def _run(source: str, space: dict[str, object]) -> None:
    try:
        exec(compile(source, "mutant", "exec", FLAGS, dont_inherit=True), space)  # noqa: S102
    except Exception as error:
        raise NoImport(repr(error)) from error


def _become(old: FunctionType, new: FunctionType) -> None:
    old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
    for mine, its in zip(old.__closure__ or (), new.__closure__ or (), strict=True):
        if not isinstance(its.cell_contents, type):  # a class that a method names is the old one still
            mine.cell_contents = its.cell_contents


def _become_class(old: type, new: type) -> None:
    for name, its in vars(new).items():
        mine = vars(old).get(name)
        if isinstance(its, FunctionType) and isinstance(mine, FunctionType):
            if len(its.__code__.co_freevars) == len(mine.__code__.co_freevars):
                _become(mine, its)
            else:  # what a dataclass makes of its fields, by name nobody holds it
                setattr(old, name, its)
        elif isinstance(its, property) and isinstance(mine, property):
            _become(mine.fget, its.fget)  # type: ignore[arg-type]


def _rebind(before: dict[str, object], after: dict[str, object]) -> None:
    changed = {name: value for name, value in after.items() if name in before and value is not before[name]}
    for loaded in [each for name, each in sys.modules.items() if name.split(".")[0] in ("shared", "tests")]:
        for name, value in changed.items():
            if vars(loaded).get(name) is before[name]:
                setattr(loaded, name, value)
