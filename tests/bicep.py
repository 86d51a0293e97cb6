"""Bicep files as their syntax tree shows them: modules, resources, objects, literals. Nothing is evaluated by Azure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

INFRA = Path(__file__).resolve().parents[1] / "infra"
PARSER = Parser(Language(tree_sitter_bicep.language()))
_HEAD = re.compile(r"(?P<kind>resource|module)\s+(?P<symbol>\w+)\s+'(?P<what>[^']+)'\s*(?P<existing>existing)?")


@dataclass(frozen=True, slots=True)
class Declared:
    """A resource or module: its symbol, its type without the version (or the module's path), and its body's nodes."""

    symbol: str
    what: str
    existing: bool
    body: Mapping[str, Node]

    def text(self, *path: str) -> str:
        """The source of a property, by its path; "" if it is not there."""
        found: Mapping[str, Node] = self.body
        for step in path[:-1]:
            if step not in found:
                return ""
            found = properties(found[step])
        return text(found[path[-1]]) if path[-1] in found else ""


def files() -> dict[str, str]:
    """All Bicep files by their path below infra."""
    return {str(path.relative_to(INFRA)): path.read_text() for path in sorted(INFRA.rglob("*.bicep"))}


def text(node: Node) -> str:
    """The source of a node."""
    return (node.text or b"").decode()


def properties(node: Node) -> dict[str, Node]:
    """An object's keys and value nodes; those of the object inside a condition or loop."""
    if node.type != "object":
        inner = [child for child in node.named_children if child.type in ("object", "for_statement", "if_statement")]
        return properties(inner[-1]) if inner else {}
    pairs = [child.named_children for child in node.named_children if child.type == "object_property"]
    return {text(pair[0]).strip("'"): pair[-1] for pair in pairs}


def declared(source: str, kind: str = "resource") -> Iterator[Declared]:
    """The resources, or the modules, of this Bicep text."""
    for node in PARSER.parse(source.encode()).root_node.named_children:
        head = _HEAD.match(text(node)[text(node).find(f"{kind} ") :] if "@" in text(node)[:1] else text(node))
        if head and head["kind"] == kind:
            yield Declared(
                head["symbol"], head["what"].split("@")[0], bool(head["existing"]), properties(node.named_children[-1])
            )


def variables(source: str) -> dict[str, str]:
    """The file's variables as they are written."""
    return dict(re.findall(r"^var (\w+) = (.+?)$(?=\n\S|\n\n|\Z)", source, re.MULTILINE | re.DOTALL))
