"""Whoever is woken finds what a log line sends them to: every section and every command that the code names exists."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from shared.commands import KINDS
from tests.documents import ROOT, anchors, code_of, sources, texts

RUNBOOK = (ROOT / "docs/runbook.md").read_text()
SECTION = re.compile(r"docs/runbook\.md#([\w-]+|\{[^}]*\})")
COMMAND = re.compile(r"\bbaton ([a-z][a-z-]*)((?: (?:--?[\w-]+|\.\.\.|[\w./{}-]+))*)")


def named_sections() -> dict[str, str]:
    """Each section that the code sends people to, with the file that does; `{...kind...}` means all commands."""
    found: dict[str, str] = {}
    for path in sources():
        for section in SECTION.findall(path.read_text()):
            names = re.findall(r"'([a-z][a-z-]+)'", section) if section.startswith("{") else [section]
            names += [kind.replace("_", "-") for kind in KINDS] if ".replace(" in section else []
            found |= dict.fromkeys(names, path.name)
    return found


def commands_in(text: str) -> list[tuple[str, str]]:
    """The `baton` commands that a text names, each with what stands behind it.

    >>> commands_in("mend it, `baton publish`, then `baton retry diabetes-0001 --why ...`")
    [('publish', ''), ('retry', ' diabetes-0001 --why ...')]
    """
    return [(found[1], found[2]) for found in COMMAND.finditer(text)]


def named_commands() -> list[tuple[str, str, str]]:
    """Every command that the program's texts and pages and the runbook name: (command, arguments, where)."""
    shown = [(path.name, text) for path in sources() for text in texts(path.read_text())]
    shown += [(path.name, path.read_text()) for path in (ROOT / "web").rglob("*.html")]
    shown += [("runbook.md", code) for code in code_of(RUNBOOK)]
    return [(command, rest, where) for where, text in shown for command, rest in commands_in(text)]


@pytest.fixture(scope="module")
def baton() -> click.Group:
    """The command line."""
    from cli.main import main as group

    return group


def missing_options(command: click.Command, rest: str) -> list[str]:
    """Options that the command needs and that the text leaves out."""
    first = rest.split()[0] if rest.split() else ""
    if isinstance(command, click.Group) and first in command.commands:
        return missing_options(command.commands[first], rest)
    needed = [option for option in command.params if isinstance(option, click.Option) and option.required]
    given = shlex.split(rest)
    return [option.opts[0] for option in needed if not set(option.opts) & set(given)]


def test_every_section_that_the_code_names_is_there() -> None:
    missing = {section: where for section, where in named_sections().items() if section not in anchors(RUNBOOK)}

    assert missing == {}


def test_every_command_of_the_chain_has_its_section() -> None:
    assert {kind.replace("_", "-") for kind in KINDS} <= named_sections().keys() & anchors(RUNBOOK)


def test_every_command_that_a_text_names_is_one_of_the_command_line(baton: click.Group) -> None:
    unknown = {(command, where) for command, _, where in named_commands() if command not in baton.commands}

    assert unknown == set()


def test_every_command_that_a_text_names_with_arguments_has_the_options_that_it_needs(baton: click.Group) -> None:
    bare = {
        (f"baton {command}{rest}", where, option)
        for command, rest, where in named_commands()
        if rest and command in baton.commands
        for option in missing_options(baton.commands[command], rest)
    }

    assert bare == set()


def test_a_section_that_is_not_there_would_be_noticed() -> None:
    assert "no-such-section" not in anchors(RUNBOOK)
    assert SECTION.findall('next="docs/runbook.md#no-such-section"') == ["no-such-section"]
