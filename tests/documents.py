"""What the documents and the code's own texts name: commands, make targets, sections, links, modules.

`baton X` and `make X` count where a reader would type them: in code, in a string of the program, in a page.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODE = ("shared", "functions", "local", "cli", "models")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def sources() -> list[Path]:
    """Every Python file of the program, without its tests."""
    return sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))


def texts(source: str) -> Iterator[str]:
    """The strings that a program may show, docstrings apart; what an f-string fills in reads as `X`."""
    tree = ast.parse(source)
    told = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    told |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def code_of(document: str) -> Iterator[str]:
    """What a document sets as code: lines of fences and of indented blocks, and what stands between backticks."""
    fenced = [block.group() for block in FENCE.finditer(document)]
    for block in fenced:
        yield from block.splitlines()[1:-1]
    prose = FENCE.sub("", document)
    yield from (line.strip() for line in prose.splitlines() if line.startswith("    "))
    yield from re.findall(r"`([^`\n]+)`", prose)


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it.

    >>> slug("Roll back, pause, resume")
    'roll-back-pause-resume'
    """
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(document: str) -> set[str]:
    """The sections that a link can lead to."""
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", document), re.MULTILINE)}


def links(document: str) -> Iterator[tuple[str, str]]:
    """Each relative link as (path, anchor); "" where it has none."""
    prose = FENCE.sub("", document)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r'(?:src|href)="([^"]+)"', prose):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield path, anchor
