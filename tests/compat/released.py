"""The released package of 0.1.0, packed in `v0.1.0/code.zip` and imported under a name of its own, and ports as it sees them."""

from __future__ import annotations

import dataclasses
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from shared import errors

PACKAGE = "baton_0_1_0"
CODE = Path(__file__).parent / "v0.1.0" / "code.zip"
OURS = re.compile(r"^(\s*)(from|import) shared\b", re.MULTILINE)


class _Released(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Imports package `shared` of a released version under another name."""

    def __init__(self, archive: Path, package: str) -> None:
        self._package = package
        with zipfile.ZipFile(archive) as opened:
            names = [name for name in opened.namelist() if name.endswith(".py")]
            self._sources = {name: opened.read(name).decode() for name in names}

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname.split(".")[0] != self._package:
            return None
        place = "shared" + fullname.removeprefix(self._package).replace(".", "/")
        for name, is_package in ((f"{place}/__init__.py", True), (f"{place}.py", False)):
            if name in self._sources:
                return importlib.machinery.ModuleSpec(fullname, self, origin=name, is_package=is_package)
        return None

    def get_filename(self, fullname: str) -> str:
        return str(getattr(self.find_spec(fullname, None), "origin", fullname))

    def get_data(self, path: str | bytes) -> bytes:
        source = self._sources[str(path)]
        return OURS.sub(lambda found: f"{found[1]}{found[2]} {self._package}", source).encode()


@functools.cache
def _finder() -> _Released:
    finder = _Released(CODE, PACKAGE)
    sys.meta_path.append(finder)
    return finder


def released(module: str) -> ModuleType:
    """A module of 0.1.0, such as `ledger`."""
    _finder()
    return importlib.import_module(f"{PACKAGE}.{module}" if module else PACKAGE)


class Across:
    """A port of today's tests as code of 0.1.0 sees it."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return functools.partial(_call, found) if callable(found) else found


def _call(method: Callable[..., Any], *given: Any, **named: Any) -> Any:
    try:
        return method(*map(_current, given), **{name: _current(value) for name, value in named.items()})
    except errors.BatonError as error:
        raise _theirs(type(error))(error.what, next=error.next) from error


def _current(value: Any) -> Any:
    """What 0.1.0 made, as today's class of the same name; all else as it is."""
    if isinstance(value, list | tuple):
        return type(value)(map(_current, value))
    if dataclasses.is_dataclass(value) and type(value).__module__.startswith(f"{PACKAGE}."):
        kind = _class(type(value).__module__.replace(PACKAGE, "shared", 1), type(value).__name__)
        return kind(**{entry.name: _current(getattr(value, entry.name)) for entry in dataclasses.fields(value)})
    return value


def _theirs(kind: type[BaseException]) -> Any:
    """The class that 0.1.0 knows an error by: its own of that name, or of what it is a kind of."""
    for known in kind.__mro__:
        module = known.__module__.replace("shared", PACKAGE, 1)
        found = (
            getattr(released(module.removeprefix(f"{PACKAGE}.")), known.__name__, None) if PACKAGE in module else None
        )
        if found is not None:
            return found
    raise AssertionError(kind)


def _class(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)
