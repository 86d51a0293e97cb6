"""Reads YAML text into frozen dataclasses: all faults at once, each with its line, what was found, what would be right.

The dataclasses are the schema: entries without a default must be there, types say what a value looks like. Rules that
types cannot say come as `Requirement`s by dotted path.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

import yaml

T = TypeVar("T")
WORDS = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a value must be beyond its type, and the words for it.

    `is_pair` lets a text also be written as a mapping of one entry: `{last: 90d}` is the text "last: 90d".
    """

    holds: Callable[[Any], bool]
    right: str
    is_pair: bool = False


@dataclass
class RecordReader:
    """One reading of one text: the faults so far, and the line of every entry by its dotted path."""

    file: str
    requirements: Mapping[str, Requirement] = field(default_factory=dict)
    version: int = 1
    faults: list[tuple[int, str]] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def read(self, kind: type[T], text: str) -> T | None:
        """The text's root mapping, with `v`, as a dataclass of `kind`; None if there are faults."""
        root = self._compose(text)
        found = self._record(kind, root, "") if root else None
        return cast(T, found) if not self.faults else None

    def wrong(self, path: str, found: object, right: str) -> None:
        """Note that the entry at `path` should be something else."""
        self._fault(self.lines.get(path, 1), f"{path}: found {_shown(found)}; right would be {right}.")

    @property
    def told(self) -> list[str]:
        """The faults as `file:line: entry: found ...; right would be ...`, in the file's order."""
        return [f"{self.file}:{line}: {what}" for line, what in sorted(self.faults, key=lambda fault: fault[0])]

    def _fault(self, line: int, what: str) -> None:
        self.faults.append((line, what))

    def _compose(self, text: str) -> yaml.MappingNode | None:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            self._fault(mark.line + 1 if mark else 1, f"this is not YAML: {getattr(error, 'problem', None) or error}.")
            return None
        if not isinstance(root, yaml.MappingNode):
            self._fault(1, "the file holds no entries; right would be `v: 1`, `name: ...` and so on.")
            return None
        return root

    def _record(self, kind: type[Any], node: yaml.Node, path: str) -> object:
        hints = get_type_hints(kind)
        if not isinstance(node, yaml.MappingNode):
            self.wrong(path, _plain(node), _looks(kind))
            return None
        found = self._entries(node, path)
        if not path:
            self._check_version(found.pop("v", None))
        for name in found.keys() - hints.keys():
            self._unknown(_join(path, name), name, hints)
        for entry in dataclasses.fields(kind):
            if entry.name not in found and _is_needed(entry):
                line = self.lines.get(path, 1)
                self._fault(line, f"{_join(path, entry.name)}: missing; right would be {_looks(hints[entry.name])}.")
        values = {name: self._value(hints[name], found[name], _join(path, name)) for name in hints if name in found}
        return None if self.faults else kind(**values)

    def _entries(self, node: yaml.MappingNode, path: str) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in found:
                self._fault(line, f"{_join(path, name)}: it stands twice; right would be once.")
            found[name] = value
            self.lines[_join(path, name)] = line
        return found

    def _check_version(self, node: yaml.Node | None) -> None:
        found = _plain(node) if node else None
        if found != self.version or isinstance(found, bool):
            self.wrong("v", found, str(self.version))

    def _unknown(self, path: str, name: str, known: Mapping[str, object]) -> None:
        near = difflib.get_close_matches(name, known, 1)
        right = near[0] if near else "one of " + ", ".join(known)
        self._fault(self.lines[path], f"{path}: there is no such entry; right would be {right}.")

    def _value(self, kind: Any, node: yaml.Node, path: str) -> object:
        kind = next((each for each in get_args(kind) if each is not NoneType), kind) if _is_optional(kind) else kind
        if dataclasses.is_dataclass(kind):
            return self._record(cast(type[Any], kind), node, path)
        if get_origin(kind) is tuple:
            value = self._list(get_args(kind)[0], node, path)
        elif get_origin(kind) is Mapping:
            each = get_args(kind)[1]
            value = self._records(each, node, path) if dataclasses.is_dataclass(each) else self._texts(node, path)
        else:
            value = self._scalar(kind, self._pair(node, path), path)
        requirement = self.requirements.get(path)
        if value is not None and requirement and not requirement.holds(value):
            self.wrong(path, list(value) if isinstance(value, tuple) else value, requirement.right)
        return value

    def _pair(self, node: yaml.Node, path: str) -> yaml.Node:
        """A mapping of one scalar entry as one text, where that is allowed."""
        requirement = self.requirements.get(path)
        if requirement is None or not requirement.is_pair or not isinstance(node, yaml.MappingNode):
            return node
        pairs = [(key.value, value.value) for key, value in node.value if isinstance(value, yaml.ScalarNode)]
        text = ": ".join(pairs[0]) if len(pairs) == len(node.value) == 1 else ""
        return yaml.ScalarNode("tag:yaml.org,2002:str", text, node.start_mark) if text else node

    def _list(self, each: Any, node: yaml.Node, path: str) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            self.wrong(path, _plain(node), f"a list like [{_looks(each)}]")
            return None
        values = tuple(self._scalar(each, item, path) for item in node.value)
        return None if None in values else values

    def _texts(self, node: yaml.Node, path: str) -> Any:
        """A mapping of scalars, each kept as it is written."""
        if not isinstance(node, yaml.MappingNode):
            self.wrong(path, _plain(node), _looks(Mapping))
            return None
        found = self._entries(node, path)
        for name, value in found.items():
            if not isinstance(value, yaml.ScalarNode):
                self.wrong(_join(path, name), _plain(value), "one value")
        return {name: str(value.value) for name, value in found.items()}

    def _records(self, kind: Any, node: yaml.Node, path: str) -> Any:
        """A mapping of names to records of one kind."""
        if not isinstance(node, yaml.MappingNode):
            self.wrong(path, _plain(node), f"a mapping of names, each with {_looks(kind)}")
            return None
        return {name: self._record(kind, value, _join(path, name)) for name, value in self._entries(node, path).items()}

    def _scalar(self, kind: Any, node: yaml.Node, path: str) -> Any:
        plain = _plain(node)
        if not _fits(plain, kind):
            self.wrong(path, plain, _looks(kind))
            return None
        return float(cast(float, plain)) if kind is float else plain


def _is_optional(kind: Any) -> bool:
    return NoneType in get_args(kind)


def _plain(node: yaml.Node) -> object:
    """A scalar as YAML means it; a list or mapping as what it holds in outline."""
    if isinstance(node, yaml.ScalarNode):
        try:
            return cast(object, yaml.SafeLoader("").construct_object(node))
        except (yaml.YAMLError, ValueError):  # 2026-02-31 looks like a date
            return str(node.value)
    return ["..."] if isinstance(node, yaml.SequenceNode) else {}


def _fits(value: object, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if isinstance(value, bool):
        return False
    if kind is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, kind) and bool(str(value).strip())


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        inside = ", ".join(f"{name}: {each}" for name, each in value.items())
        return f"{{{inside[:200]}}}" if inside else "a mapping"
    return json.dumps(value, ensure_ascii=False, default=str)[:80]


def _looks(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(f'"{value}"' for value in get_args(kind))
    if dataclasses.is_dataclass(kind):
        return "a mapping of " + ", ".join(entry.name for entry in dataclasses.fields(kind))
    if get_origin(kind) is tuple:
        return f"a list like [{_looks(get_args(kind)[0])}]"
    return WORDS.get(kind, "a mapping like {alpha: 0.4}")


def _is_needed(entry: dataclasses.Field[Any]) -> bool:
    return entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
