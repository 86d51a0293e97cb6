"""The documents say what is true: their commands, targets, modules, links and drawing exist as they stand there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import click
import pytest

from tests.documents import DOCUMENTS, ROOT, anchors, code_of, links
from tests.readme import README, redrawn

FIRST_SCREEN_LINES = 40
NAMED = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def baton() -> click.Group:
    """The command line."""
    from cli.main import main as group

    return group


def options_of(command: click.Command) -> set[str]:
    """The options of a command, and of the commands below it."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    own = {name for param in command.params for name in param.opts}
    return own.union(*(options_of(child) for child in below))


def named(pattern: str, document: Path) -> set[str]:
    """What a pattern finds in a document's code."""
    return {found for code in code_of(document.read_text()) for found in re.findall(pattern, code)}


def test_the_drawing_is_the_one_that_the_chain_makes_today() -> None:
    assert README.read_text() == redrawn(README.read_text()), "run `python -m tests.readme` and commit README.md"


def test_a_drawing_of_yesterdays_chain_would_be_noticed() -> None:
    old = README.read_text().replace("training --> judging", "training --> guessing")

    assert redrawn(old) != old


def test_the_first_screen_says_the_two_commands_and_shows_the_dashboard() -> None:
    first = "\n".join(README.read_text().splitlines()[:FIRST_SCREEN_LINES])

    assert "make demo" in first
    assert "make test" in first
    assert "docs/dashboard.png" in first


@NAMED
def test_every_make_target_is_in_the_makefile(document: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert named(r"(?:^|[;&|(] ?)make ([a-z][\w-]*)", document) - targets == set()


@NAMED
def test_every_baton_command_is_one_of_the_command_line(document: Path, baton: click.Group) -> None:
    assert named(r"(?:^|[;&|( /])baton ([a-z][\w-]*)", document) - set(baton.commands) == set()


@NAMED
def test_every_option_behind_a_baton_command_is_one_of_its_own(document: Path, baton: click.Group) -> None:
    unknown = {
        f"baton {command} {option}"
        for code in code_of(document.read_text())
        for command, rest in re.findall(r"\bbaton ([a-z][\w-]*)([^|;&#]*)", code)
        for option in re.findall(r" (--[a-z-]+)", rest)
        if command in baton.commands
        if option not in {"--help", *options_of(baton.commands[command])}
    }

    assert unknown == set()


@NAMED
def test_every_module_that_python_is_asked_to_run_is_there(document: Path) -> None:
    modules = named(r"python3? -m ([\w.]+)", document)

    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


@NAMED
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    broken = [
        f"{path}#{anchor}"
        for path, anchor in links(document.read_text())
        for target in [(document.parent / path).resolve() if path else document]
        if not target.exists() or (anchor and anchor not in anchors(target.read_text()))
    ]

    assert broken == []
